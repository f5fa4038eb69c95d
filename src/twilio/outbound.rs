//! The neutral message as a form of Twilio's, or the reason why it cannot be one.

use std::time::Duration;

use super::account::Account;
use super::content::{self, Wanted};
use crate::address::{PhoneNumber, Recipient};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::ids::{AttemptId, ProviderId, SenderId};
use crate::outbound::{
    Category, Content, Dropped, Location, Media, OutboundMessage, Wish, chars_between, present, validate,
};

/// The most characters of a body at Twilio (21617).
pub(super) const MAX_BODY_CHARS: usize = 1600;
/// The most characters of a caption at WhatsApp, which is less than Twilio would take.
pub(super) const MAX_CAPTION_CHARS: usize = 1024;
/// How long Twilio keeps a message in its queue at most.
const MAX_VALIDITY: Duration = Duration::from_secs(36_000);

/// How soon Twilio sends what it is to send later, and how late. Its own bound is 15 minutes when the request arrives: the
/// rest is for the way there, and for a content that has to be found first.
const SOONEST: Duration = Duration::from_secs(16 * 60);
const LATEST: Duration = Duration::from_secs(35 * 24 * 60 * 60);

/// A message as it is posted.
pub(super) struct Outgoing {
    pub(super) form: Form,
    /// The content that it is sent by, if it is; its parameters are not yet in the form.
    pub(super) content: Option<Wanted>,
    pub(super) dropped: Vec<Dropped>,
    pub(super) sender: SenderId,
}

/// The parameters of a message, in the order in which they are sent.
#[derive(Default)]
pub(super) struct Form(pub(super) Vec<(&'static str, String)>);

impl Form {
    /// The first value of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }
}

/// Puts a message into Twilio's terms, or refuses what no provider could carry, and then what Twilio cannot. Every
/// refusal that needs no request is found here, so that `check` and a send always agree.
pub(super) fn compose(
    account: Option<&Account>,
    provider: &ProviderId,
    message: &OutboundMessage,
    attempt: AttemptId,
) -> Result<Outgoing> {
    validate(message)?;
    let account = account.ok_or_else(|| Error::unsupported("auth_token"))?;
    if message.via_only && message.via.as_ref() != Some(provider) {
        return Err(Error::unsupported("via"));
    }
    // Without it the message would be accepted, billed and not delivered. A template needs none.
    if message.direct_send && !matches!(message.content, Content::Template(_)) {
        return Err(Error::unsupported("direct_send"));
    }
    // It is there so that a stranger does not get the message.
    if message.identity_key_hash.is_some() {
        return Err(Error::unsupported("identity_key_hash"));
    }
    let mut form = Form::default();
    let mut dropped = Vec::new();
    form.add("To", recipient(account, &message.to)?);
    let sender = add_sender(&mut form, account, provider, message.from.as_ref())?;
    let content = add_content(&mut form, &mut dropped, account, provider, &message.content)?;
    if let Some(callback) = &account.status_callback {
        form.add("StatusCallback", callback.of(attempt, message.reference.as_deref())?);
    } else if message.reference.is_some() {
        // It travels in the status callback only.
        dropped.push(Dropped::new(Wish::Reference));
    }
    if account.say_intent {
        form.add("MessageIntent", intent(message.effective_category()));
    }
    if let Some(ttl) = message.ttl {
        if ttl > MAX_VALIDITY {
            dropped.push(Dropped::new(Wish::Ttl));
        } else {
            form.add("ValidityPeriod", ttl.as_secs().max(1).to_string());
        }
    }
    if let Some(at) = message.send_at {
        add_schedule(&mut form, account, at)?;
    }
    if let Some(quote) = &message.reply_to {
        // Twilio has no parameter for it.
        if quote.required {
            return Err(Error::not_portable("reply_to"));
        }
        dropped.push(Dropped::new(Wish::Quote));
    }
    Ok(Outgoing { form, content, dropped, sender })
}

/// What a message is for, in one of Twilio's words.
const fn intent(category: Category) -> &'static str {
    match category {
        Category::Authentication => "otp",
        Category::Utility => "notifications",
        Category::Marketing => "marketing",
        Category::Service => "customercare",
    }
}

fn recipient(account: &Account, to: &Recipient) -> Result<String> {
    if let Some(phone) = to.phone() {
        return Ok(format!("whatsapp:{}", phone.to_e164()));
    }
    match to {
        Recipient::User(user) if user.scope().is_none() || user.scope() == account.portfolio.as_deref() => {
            Ok(format!("whatsapp:{}", user.as_str()))
        }
        Recipient::User(_) => Err(Error::not_portable("to")),
        Recipient::Group(_) => Err(Error::unsupported("to")),
        _ => Err(Error::invalid("to")),
    }
}

/// Names the number, the Messaging Service, or both.
///
/// Where only a service is configured, a message may still name a number: that of the service's pool at which a user's
/// message arrived. The user then hears from the number that was written to.
fn add_sender(
    form: &mut Form,
    account: &Account,
    provider: &ProviderId,
    wanted: Option<&SenderId>,
) -> Result<SenderId> {
    let mut sender = account.sender(provider);
    let mut number = account.from_number;
    if let Some(wanted) = wanted.filter(|wanted| **wanted != sender) {
        let of_pool = PhoneNumber::parse(&wanted.id)
            .ok()
            .filter(|number| number.to_e164() == wanted.id)
            .filter(|_| number.is_none() && wanted.provider == *provider);
        number = Some(of_pool.ok_or_else(|| Error::unsupported("from"))?);
        sender = wanted.clone();
    }
    if let Some(number) = number {
        form.add("From", format!("whatsapp:{}", number.to_e164()));
    }
    if let Some(service) = &account.messaging_service_sid {
        form.add("MessagingServiceSid", &**service);
    }
    Ok(sender)
}

/// Without a Messaging Service, Twilio would not look at these and send at once.
fn add_schedule(form: &mut Form, account: &Account, at: Timestamp) -> Result<()> {
    if account.messaging_service_sid.is_none() {
        return Err(Error::unsupported("send_at"));
    }
    let ahead = at.since(account.clock.now());
    for (bound, missed) in [(SOONEST, ahead < SOONEST), (LATEST, ahead > LATEST)] {
        if missed {
            return Err(Error::over_limit("send_at", bound.as_secs(), ahead.as_secs()));
        }
    }
    form.add("ScheduleType", "fixed");
    form.add("SendAt", at.to_string());
    Ok(())
}

fn add_content(
    form: &mut Form,
    dropped: &mut Vec<Dropped>,
    account: &Account,
    provider: &ProviderId,
    content: &Content,
) -> Result<Option<Wanted>> {
    let mut drop_wish = |wish, wished: bool| {
        if wished {
            dropped.push(Dropped::new(wish));
        }
    };
    match content {
        Content::Text(text) => {
            chars_between("content.body", &text.body, MAX_BODY_CHARS)?;
            form.add("Body", text.body.as_str());
            drop_wish(Wish::LinkPreview, text.preview_url.is_some());
        }
        Content::Image(image) => add_captioned(form, provider, &image.media, &image.caption)?,
        Content::Video(video) => add_captioned(form, provider, &video.media, &video.caption)?,
        Content::Audio(audio) => {
            add_media(form, provider, &audio.media)?;
            drop_wish(Wish::Voice, audio.voice);
        }
        Content::Document(document) => {
            add_media(form, provider, &document.media)?;
            drop_wish(Wish::Caption, present(&document.caption).is_some());
            drop_wish(Wish::FileName, present(&document.filename).is_some());
        }
        Content::Location(location) => {
            add_location(form, location)?;
            drop_wish(Wish::LocationAddress, present(&location.address).is_some());
        }
        Content::Template(template) => {
            let (wanted, lost) = account.contents.template(&*account.clock, provider, template)?;
            dropped.extend(lost);
            return Ok(Some(wanted));
        }
        Content::Interactive(interactive) => return account.contents.interactive(interactive).map(Some),
        _ => return Err(Error::unsupported("content")),
    }
    Ok(None)
}

fn add_captioned(
    form: &mut Form,
    provider: &ProviderId,
    media: &Media,
    caption: &Option<String>,
) -> Result<()> {
    if let Some(caption) = present(caption) {
        chars_between("content.caption", caption, MAX_CAPTION_CHARS)?;
        form.add("Body", caption);
    }
    add_media(form, provider, media)
}

fn add_media(form: &mut Form, provider: &ProviderId, media: &Media) -> Result<()> {
    form.add("MediaUrl", content::link(provider, media, "content.media")?);
    Ok(())
}

/// `geo:<latitude>,<longitude>|<label>`; only the first `|` separates, so a label may have more of them. Twilio sends
/// nothing without a body, so a place without a name goes by its address, and without that by its coordinates.
fn add_location(form: &mut Form, location: &Location) -> Result<()> {
    let point = format!("{},{}", location.latitude, location.longitude);
    let name = present(&location.name);
    let (field, body) = match (name, present(&location.address)) {
        (Some(name), _) => ("content.name", name),
        (None, Some(address)) => ("content.address", address),
        (None, None) => ("content", point.as_str()),
    };
    chars_between(field, body, MAX_BODY_CHARS)?;
    form.add("Body", body);
    let label = name.map_or_else(String::new, |name| format!("|{name}"));
    form.add("PersistentAction", format!("geo:{point}{label}"));
    Ok(())
}
