use super::receiving::{URL, odd, post, provider};
use super::*;
use crate::ids::{MediaRef, MessageRef, ProviderId, SenderId};
use crate::inbound::{EventKind, InboundContent, InboundEvent, InboundMedia, InboundMessage};
use crate::outbound::Location;

/// What every message of a user has.
const COMMON: [(&str, &str); 9] = [
    ("MessageSid", MESSAGE),
    ("SmsSid", MESSAGE),
    ("SmsMessageSid", MESSAGE),
    ("SmsStatus", "received"),
    ("AccountSid", ACCOUNT),
    ("From", "whatsapp:+15557654321"),
    ("To", "whatsapp:+14155238886"),
    ("ReferralNumMedia", "0"),
    ("ApiVersion", "2010-04-01"),
];

/// The event of a message with these parameters besides (or, by name, instead of) the common ones.
fn event(twilio: &Twilio, own: &[(&str, &str)]) -> InboundEvent {
    let replaced = |name: &str| own.iter().any(|(own, _)| *own == name);
    let mut pairs: Vec<_> = COMMON.into_iter().filter(|(name, _)| !replaced(name)).collect();
    pairs.extend(own);
    post(twilio, "/hook", &pairs)
}

fn message(own: &[(&str, &str)]) -> InboundMessage {
    let event = event(&provider(), own);
    assert_eq!(event.id().as_str(), format!("message/{MESSAGE}"));
    assert_eq!(event.sender(), Some(&sender()));
    assert_eq!(event.occurred_at(), None);
    match event.kind() {
        EventKind::Message(message) => (**message).clone(),
        EventKind::Unrecognized(odd) => panic!("{}", odd.reason),
        other => panic!("{other:?}"),
    }
}

fn sender() -> SenderId {
    SenderId::new(ProviderId::TWILIO, NUMBER)
}

fn file(url: &str, mime_type: Option<&str>) -> InboundMedia {
    let mut file = InboundMedia::new(MediaRef::new(sender(), url));
    file.mime_type = mime_type.map(str::to_owned);
    file
}

#[test]
fn a_text_with_everything_around_it() {
    let text =
        message(&[("MessageType", "text"), ("Body", " Olá\n"), ("NumMedia", "0"), ("NumSegments", "1")]);
    assert_eq!(text.content, InboundContent::text(" Olá\n"));
    assert_eq!(text.message, MessageRef::new(sender(), MESSAGE));
    assert_eq!(text.from.phone.unwrap().to_e164(), "+15557654321");
    assert_eq!((text.reply_to, text.referral), (None, None));
    assert!(!text.forwarded && !text.frequently_forwarded);

    let text = message(&[
        ("Body", "hi"),
        ("ProfileName", "Ada"),
        ("WaId", "15557654321"),
        ("ExternalUserId", "whatsapp:US.13491208655302741918"),
        ("ParentExternalUserId", "whatsapp:US.ENT.77"),
        ("Username", "ada.l"),
        ("Forwarded", "true"),
        ("FrequentlyForwarded", "false"),
        ("OriginalRepliedMessageSid", "MM77"),
        ("OriginalRepliedMessageSender", "whatsapp:+14155238886"),
        ("ReferralBody", "Sale"),
        ("ReferralHeadline", "50%"),
        ("ReferralSourceId", "9"),
        ("ReferralSourceType", "ad"),
        ("ReferralSourceUrl", "https://fb.example/9"),
        ("ReferralMediaContentType", "image/jpeg"),
        ("ReferralMediaUrl", "https://fb.example/9.jpg"),
        ("ReferralCtwaClid", "click"),
    ]);
    assert_eq!(text.content, InboundContent::text("hi"));
    assert_eq!(text.from.user.unwrap(), bsuid());
    assert_eq!(text.from.parent_user.unwrap().as_str(), "US.ENT.77");
    assert_eq!(text.from.username.as_deref(), Some("ada.l"));
    assert_eq!(text.from.profile_name.as_deref(), Some("Ada"));
    assert!(text.forwarded && !text.frequently_forwarded);
    let quoted = text.reply_to.unwrap();
    assert_eq!(quoted.message, MessageRef::new(sender(), "MM77"));
    assert_eq!(quoted.author.unwrap().phone.unwrap().to_e164(), NUMBER);
    let referral = serde_json::to_value(text.referral.unwrap()).unwrap();
    assert_eq!(
        referral,
        serde_json::json!({
            "source_url": "https://fb.example/9", "source_id": "9", "source_type": "ad", "headline": "50%",
            "body": "Sale", "media_type": "image", "media_url": "https://fb.example/9.jpg", "click_id": "click",
        })
    );
}

#[test]
fn what_was_forwarded_often_was_forwarded() {
    let forwarded = |own: &[(&str, &str)]| {
        let mut pairs = vec![("Body", "hi")];
        pairs.extend(own);
        let message = message(&pairs);
        (message.forwarded, message.frequently_forwarded)
    };
    assert_eq!(forwarded(&[("FrequentlyForwarded", "true")]), (true, true));
    assert_eq!(forwarded(&[("Forwarded", "false"), ("FrequentlyForwarded", "true")]), (true, true));
    assert_eq!(forwarded(&[("Forwarded", "true")]), (true, false));
}

#[test]
fn the_sender_is_the_same_with_or_without_a_plus() {
    // `message` compares the sender.
    message(&[("Body", "hi"), ("To", "whatsapp:14155238886")]);
    let id = |address| {
        let event = event(&provider(), &[("Body", "hi"), ("To", address)]);
        event.sender().map(|sender| sender.id.clone())
    };
    assert_eq!(id("whatsapp:+14155238886").as_deref(), Some(NUMBER));
    // What is no number stays as it is.
    assert_eq!(id("whatsapp:1").as_deref(), Some("1"));
    assert_eq!(id("whatsapp:1 415 523 8886").as_deref(), Some("1 415 523 8886"));
    assert_eq!(id("whatsapp:US.1349").as_deref(), Some("US.1349"));
    assert_eq!(id("14155238886").as_deref(), Some(NUMBER), "without the channel");
}

#[test]
fn users_have_whichever_names_the_webhook_gives() {
    let user = "whatsapp:US.13491208655302741918";
    let names = |own: &[(&str, &str)]| {
        let mut pairs = vec![("Body", "hi")];
        pairs.extend(own);
        let from = message(&pairs).from;
        (from.phone.map(PhoneNumber::to_e164), from.user.map(|user| user.as_str().to_owned()))
    };
    let phone = |number: &str| Some(number.to_owned());
    let id = Some("US.13491208655302741918".to_owned());
    assert_eq!(names(&[]), (phone("+15557654321"), None));
    assert_eq!(names(&[("ExternalUserId", user)]), (phone("+15557654321"), id.clone()));
    assert_eq!(names(&[("From", user), ("ExternalUserId", user)]), (None, id.clone()));
    assert_eq!(names(&[("From", user)]), (None, id.clone()));
    assert_eq!(names(&[("From", user), ("WaId", "15557654321")]), (phone("+15557654321"), id));
    // What was received is answered, not what the two numbers have in common.
    assert_eq!(
        names(&[("From", "whatsapp:+5215512345678"), ("WaId", "525512345678")]),
        (phone("+5215512345678"), None)
    );
    assert_eq!(names(&[("From", "whatsapp:15557654321")]), (phone("+15557654321"), None));

    let twilio = Twilio::builder().auth_token("t").public_url(URL).portfolio("42").build().unwrap();
    let event = event(&twilio, &[("Body", "hi"), ("From", user), ("ProfileUsername", "ada")]);
    let from = event.user().unwrap();
    assert_eq!(from.user.as_ref().unwrap().scope(), Some("42"));
    assert_eq!(from.username.as_deref(), Some("ada"));
}

#[test]
fn files_by_type_of_message_and_then_by_type_of_file() {
    let url = "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/MM0/Media/ME0";
    let of = |sort: Option<&str>, mime_type: Option<&str>| {
        let mut own = vec![("NumMedia", "1"), ("MediaUrl0", url), ("Body", "")];
        own.extend(sort.map(|sort| ("MessageType", sort)));
        own.extend(mime_type.map(|mime_type| ("MediaContentType0", mime_type)));
        message(&own).content
    };
    for (sort, mime_type, expected) in [
        (Some("image"), Some("image/jpeg"), "image"),
        (None, Some("image/png"), "image"),
        (Some("text"), Some("IMAGE/PNG"), "image"),
        (None, Some("image/webp"), "image"),
        (Some("sticker"), Some("image/webp"), "sticker"),
        (Some("video"), Some("video/mp4"), "video"),
        (None, Some("video/3gpp"), "video"),
        (Some("audio"), Some("audio/ogg; codecs=opus"), "audio"),
        (None, Some("audio/amr"), "audio"),
        (Some("document"), Some("application/pdf"), "document"),
        (Some("document"), Some("image/png"), "document"),
        (None, Some("application/pdf"), "document"),
        (None, Some("text/plain"), "document"),
        (Some("image"), None, "image"),
    ] {
        let content = of(sort, mime_type);
        assert_eq!(content.as_str(), expected, "{sort:?} {mime_type:?}");
        let (InboundContent::Image(media)
        | InboundContent::Video(media)
        | InboundContent::Audio(media)
        | InboundContent::Document(media)
        | InboundContent::Sticker(media)) = content
        else {
            panic!("{content:?}")
        };
        assert_eq!(media, file(url, mime_type));
    }
    // A message with a file and no text is no status, though it has a state.
    let event = event(
        &provider(),
        &[
            ("MessageType", "image"),
            ("NumMedia", "1"),
            ("MediaUrl0", url),
            ("MediaContentType0", "image/png"),
        ],
    );
    assert_eq!(event.kind().as_str(), "message");

    let several = message(&[
        ("NumMedia", "3"),
        ("Body", "three"),
        ("MediaUrl2", "https://x.example/2"),
        ("MediaUrl1", "https://x.example/1"),
        ("MediaUrl0", "https://x.example/0"),
        ("MediaContentType0", "image/png"),
        ("MediaContentType2", "video/mp4"),
    ]);
    let mut expected = file("https://x.example/0", Some("image/png"));
    expected.caption = Some("three".to_owned());
    expected.more = vec![file("https://x.example/1", None), file("https://x.example/2", Some("video/mp4"))];
    assert_eq!(several.content, InboundContent::Image(expected));
    assert_eq!(several.text(), Some("three"));
}

#[test]
fn places_buttons_and_rows() {
    let content = |own: &[(&str, &str)]| message(own).content;
    let mut place = Location::new(25.018_766_4, -77.395_95);
    let bare = [("Latitude", "25.0187664"), ("Longitude", "-77.39595"), ("Body", ""), ("NumMedia", "0")];
    assert_eq!(content(&bare), InboundContent::Location(place.clone()));
    place.name = Some("Pier".to_owned());
    place.address = Some("1 Bay St".to_owned());
    let mut whole = bare.to_vec();
    whole.extend([("MessageType", "location"), ("Label", "Pier"), ("Address", "1 Bay St")]);
    assert_eq!(content(&whole), InboundContent::Location(place));

    let button = |own: &[(&str, &str)]| match content(own) {
        InboundContent::Button(button) => (button.id, button.title, button.of_template),
        other => panic!("{other:?}"),
    };
    let expected = |id: &str, title: &str, of_template| (id.to_owned(), title.to_owned(), of_template);
    for (own, id, title, of_template) in [
        (
            &[
                ("MessageType", "interactive"),
                ("ButtonPayload", "{1}"),
                ("ButtonText", "Yes"),
                ("Body", "Yes"),
            ][..],
            "{1}",
            "Yes",
            false,
        ),
        (&[("MessageType", "button"), ("ButtonPayload", "p"), ("ButtonText", "Yes")], "p", "Yes", true),
        (&[("MessageType", "button"), ("ButtonText", "Yes"), ("Body", "Yes")], "Yes", "Yes", true),
        (&[("ButtonPayload", "p"), ("Body", "Yes")], "p", "Yes", false),
        (&[("ButtonPayload", "p")], "p", "p", false),
    ] {
        assert_eq!(button(own), expected(id, title, of_template));
    }
    let row =
        content(&[("MessageType", "interactive"), ("ListId", "r1"), ("ListTitle", "One"), ("Body", "One")]);
    let InboundContent::ListReply(row) = row else { panic!("{row:?}") };
    assert_eq!((row.id.as_str(), row.title.as_str()), ("r1", "One"));
}

#[test]
fn contact_cards_are_files_to_be_fetched() {
    let url = "https://x.example/0";
    for (sort, mime_type) in [
        (Some("contacts"), Some("text/vcard")),
        (Some("contacts"), Some("application/octet-stream")),
        (Some("contacts"), None),
        (None, Some("text/x-vCard; charset=utf-8")),
        (Some("text"), Some("text/directory")),
    ] {
        let mut own = vec![("NumMedia", "2"), ("MediaUrl0", url), ("MediaUrl1", "https://x.example/1")];
        own.extend(sort.map(|sort| ("MessageType", sort)));
        own.extend(mime_type.map(|mime_type| ("MediaContentType0", mime_type)));
        let InboundContent::Contacts { cards, files } = message(&own).content else { panic!("{own:?}") };
        assert_eq!(cards, []);
        assert_eq!(files, [file(url, mime_type), file("https://x.example/1", None)]);
    }
    // Sent as a file it is one.
    let own = [
        ("NumMedia", "1"),
        ("MediaUrl0", url),
        ("MessageType", "document"),
        ("MediaContentType0", "text/vcard"),
    ];
    assert_eq!(message(&own).content, InboundContent::Document(file(url, Some("text/vcard"))));
}

#[test]
fn answers_of_flows() {
    let reply =
        |own: &[(&str, &str)]| match message(&[&[("MessageType", "interactive")], own].concat()).content {
            InboundContent::FlowReply(reply) => {
                (reply.name.clone(), reply.response.to_text(), reply.token().map(str::to_owned))
            }
            other => panic!("{other:?}"),
        };
    let flow = || Some("flow".to_owned());
    let token = || Some("t1".to_owned());
    let data = r#"{"flow_token":"t1","size":2}"#;
    assert_eq!(reply(&[("FlowData", data)]), (flow(), data.to_owned(), token()));
    assert_eq!(reply(&[("InteractiveData", data)]), (None, data.to_owned(), token()));
    let both = r#"{"InteractiveData":{"pages":[]},"flow_token":"t1","size":2}"#;
    assert_eq!(
        reply(&[("FlowData", data), ("InteractiveData", r#"{"pages":[]}"#)]),
        (flow(), both.to_owned(), token())
    );
    let apart = r#"{"FlowData":[1],"InteractiveData":"no JSON"}"#;
    assert_eq!(
        reply(&[("FlowData", "[1]"), ("InteractiveData", "no JSON")]),
        (flow(), apart.to_owned(), None)
    );
    // What nobody could read back inside of an event stays a text.
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(reply(&[("FlowData", &deep)]).1, format!("\"{deep}\""));
    let less = format!("{}{}", "[".repeat(60), "]".repeat(60));
    assert_eq!(reply(&[("FlowData", &less)]).1, less);
}

#[test]
fn the_channels_metadata_fill_what_is_missing() {
    let metadata = |context: &str| format!(r#"{{"type":"whatsapp","data":{{"context":{context}}}}}"#);
    let names =
        metadata(r#"{"ProfileName":"Ada","WaId":"15557654321","ExternalUserId":"US.13491208655302741918"}"#);
    let user = "whatsapp:US.13491208655302741918";
    let message_of =
        |own: &[(&str, &str)], metadata: &str| message(&[own, &[("ChannelMetadata", metadata)]].concat());
    let from = message_of(&[("Body", "hi"), ("From", user)], &names).from;
    assert_eq!(from.profile_name.as_deref(), Some("Ada"));
    assert_eq!(from.phone.unwrap().to_e164(), "+15557654321");
    assert_eq!(message_of(&[("Body", "hi")], &names).from.user, Some(bsuid()));
    // The parameters come first.
    let own = [("Body", "hi"), ("ProfileName", "Grace"), ("WaId", "15550000000")];
    let from = message_of(&own, &names).from;
    assert_eq!(from.profile_name.as_deref(), Some("Grace"));
    assert_eq!(from.phone.unwrap().to_e164(), "+15557654321", "where it came from");
    let tapped = metadata(r#"{"ButtonText":"Yes","ButtonPayload":"y-1"}"#);
    let content = message_of(&[("MessageType", "interactive"), ("Body", "Yes")], &tapped).content;
    assert_eq!(content, InboundContent::Button(crate::inbound::ButtonReply::new("y-1", "Yes")));
    for odd in [
        "",
        "no JSON",
        "[]",
        "{}",
        r#"{"data":{"context":7}}"#,
        r#"{"type":"rcs","data":{"context":{"ProfileName":"Eve"}}}"#,
    ] {
        assert_eq!(message_of(&[("Body", "hi")], odd).from.profile_name, None, "{odd}");
    }
}

#[test]
fn what_is_not_understood_is_kept_whole() {
    let file = [("NumMedia", "1"), ("MediaUrl0", "https://x.example/CANARY"), ("Body", "CANARY")];
    let with = |own: &[(&'static str, &'static str)]| [&file[..], own].concat();
    for (own, what) in [
        (with(&[("MessageType", "hologram")]), Some("hologram")),
        (with(&[("MediaContentType0", "model/gltf")]), None),
        (with(&[]), None),
        (vec![("MessageType", "contacts"), ("NumMedia", "0")], Some("contacts")),
        (vec![("MessageType", "interactive"), ("FlowData", "")], Some("interactive")),
        (vec![("NumMedia", "2"), ("MediaUrl0", "https://x.example/CANARY")], None),
        (vec![("NumMedia", "99999999999999999999")], None),
        (vec![("NumMedia", "1"), ("MessageType", "image")], Some("image")),
        (vec![("MessageType", "image"), ("NumMedia", "0"), ("Body", "CANARY")], Some("image")),
        (vec![("MessageType", "interactive"), ("Body", "CANARY")], Some("interactive")),
        (vec![("MessageType", "reaction"), ("Body", "CANARY")], Some("reaction")),
        (vec![("MessageType", "a word of CANARY"), ("Body", "CANARY")], None),
        (vec![("MessageType", "location"), ("Body", "")], Some("location")),
        (vec![("Latitude", "CANARY"), ("Longitude", "1")], None),
        (vec![("Latitude", "91"), ("Longitude", "1")], None),
        (vec![("Latitude", "NaN"), ("Longitude", "1")], None),
        (vec![("Body", ""), ("NumMedia", "0")], None),
        (vec![("MessageType", "text")], None),
        (vec![("From", "whatsapp:CANARY"), ("Body", "hi")], None),
        (vec![("From", ""), ("Body", "hi")], None),
        (vec![("From", "+15557654321"), ("To", "+14155238886"), ("Body", "an SMS")], None),
        (vec![("To", ""), ("Body", "hi")], None),
    ] {
        let event = event(&provider(), &own);
        let odd = odd(&event);
        assert_eq!(odd.what.as_deref(), what, "{own:?}");
        assert!(!odd.reason.contains("CANARY"));
        assert!(!odd.reason.is_empty());
        assert_eq!(event.id().as_str(), format!("message/{MESSAGE}"));
        let kept: Vec<_> = form::pairs(odd.raw.as_bytes()).collect();
        for (name, value) in own {
            assert!(kept.contains(&(name.into(), value.into())), "{name}");
        }
    }
    // An empty body of a message that says it is a text is a text.
    let empty = event(&provider(), &[("MessageType", "text"), ("Body", "")]);
    assert_eq!(empty.kind().as_str(), "message");
}

#[test]
fn a_fallback_after_an_error_is_still_a_message() {
    let text = message(&[("Body", "hi"), ("ErrorCode", "11200"), ("ErrorUrl", "https://wa.example/")]);
    assert_eq!(text.content, InboundContent::text("hi"));
    let text = message(&[("Body", "hi"), ("MessageStatus", "received")]);
    assert_eq!(text.content, InboundContent::text("hi"));
}
