//! Twilio's error codes: where each one appears, and what it means there.
//!
//! The names are those of Twilio's error dictionary. Twilio calls its codes unfit for programs and has nothing else to
//! offer, so a code without a row is [`ErrorKind::Unrecognized`] and never a guess.

use crate::error::{ErrorKind, Hint};
use ErrorKind::{
    AccountBlocked, Credentials, Expired, InvalidMessage, NoAnswer, NotEntitled, RecipientRefused,
    RecipientThrottled, RecipientUnreachable, TemplateUnavailable, Throttled, Unavailable, Unrecognized,
    Unsupported, WindowClosed,
};

/// Where a code appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the answer to a request that sends a message.
    Send,
    /// In a status, after the message was accepted.
    Status,
    /// In either.
    SendOrStatus,
    /// In the answer to a typing indicator, or to something else about one message that is there.
    OneMessage,
    /// In a status, as a remark: Twilio goes on by itself.
    Remark,
    /// In the answer to calls that manage senders and templates, which this crate does not make.
    Management,
    /// In Twilio's debugger, about the application's own webhook endpoint.
    Webhook,
    /// On other channels than WhatsApp only.
    OtherChannel,
}

/// A row: the code, where it appears, and its kind where it concerns a message.
pub(super) struct Row {
    pub(super) code: i64,
    pub(super) place: Place,
    pub(super) kind: Option<ErrorKind>,
    /// Whether the user certainly did not get a message whose status failed with the code.
    pub(super) proves_undelivered: bool,
    /// What the code says beyond its kind.
    pub(super) hint: Option<Hint>,
}

impl Row {
    const fn new(code: i64, place: Place, kind: Option<ErrorKind>) -> Self {
        Self { code, place, kind, proves_undelivered: false, hint: None }
    }

    const fn proves_undelivered(mut self) -> Self {
        self.proves_undelivered = true;
        self
    }

    const fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }
}

const fn send(code: i64, kind: ErrorKind) -> Row {
    at(code, Place::Send, kind)
}

const fn status(code: i64, kind: ErrorKind) -> Row {
    at(code, Place::Status, kind)
}

const fn both(code: i64, kind: ErrorKind) -> Row {
    at(code, Place::SendOrStatus, kind)
}

const fn at(code: i64, place: Place, kind: ErrorKind) -> Row {
    Row::new(code, place, Some(kind))
}

const fn elsewhere(code: i64, place: Place) -> Row {
    Row::new(code, place, None)
}

/// In the order of the codes.
///
/// A code of a status proves that the user did not get the message where what it means excludes that. One that says that
/// something went wrong proves nothing, nor does one that is documented for answers only and comes in a status.
pub(super) const ROWS: &[Row] = &[
    // The application's own endpoint answered with an error, or not at all, or with a content type that is no TwiML.
    elsewhere(11200, Place::Webhook),
    elsewhere(11205, Place::Webhook),
    elsewhere(12300, Place::Webhook),
    // Loop protection between two numbers.
    both(14107, RecipientThrottled).proves_undelivered(),
    send(20003, Credentials),
    send(20005, AccountBlocked),
    // Test credentials, which send no WhatsApp.
    send(20008, Credentials),
    send(20403, AccountBlocked),
    // The account's own address: wrong SID, host or region. Where one message is named, that is not there.
    send(20404, AccountBlocked),
    at(20404, Place::OneMessage, InvalidMessage),
    send(20429, Throttled),
    // Twilio's page on 20500 itself warns that the message may have been sent.
    send(20500, NoAnswer),
    send(20503, Unavailable),
    send(20504, NoAnswer),
    // A recipient that is no number. The prefix and the user id are ours and were checked.
    send(21211, RecipientUnreachable),
    send(21212, AccountBlocked),
    send(21217, RecipientUnreachable),
    send(21408, NotEntitled),
    // Parameters that are missing or do not go together: another provider is asked in other words.
    send(21602, Unsupported),
    send(21603, Unsupported),
    send(21604, Unsupported),
    send(21606, NotEntitled),
    send(21608, NotEntitled),
    send(21609, Unsupported),
    // The user wrote STOP.
    send(21610, RecipientRefused),
    send(21611, Throttled),
    send(21612, NotEntitled),
    send(21614, RecipientUnreachable),
    send(21617, Unsupported),
    // A file that cannot be fetched from here may be fetched, or uploaded, elsewhere.
    send(21620, Unsupported),
    send(21623, Unsupported),
    send(21654, Unsupported),
    send(21655, TemplateUnavailable),
    send(21656, InvalidMessage),
    // Credentials of another region.
    send(21663, Credentials),
    send(21701, AccountBlocked),
    both(21703, AccountBlocked).proves_undelivered(),
    both(21704, AccountBlocked).proves_undelivered(),
    send(21705, AccountBlocked),
    send(21910, Unsupported),
    status(30001, Throttled).proves_undelivered(),
    status(30002, AccountBlocked).proves_undelivered(),
    // 30003, 30005 and 30006 are what carriers report of telephones; nobody says what they mean for WhatsApp.
    status(30003, RecipientUnreachable),
    status(30004, RecipientRefused).proves_undelivered(),
    status(30005, RecipientUnreachable),
    status(30006, RecipientUnreachable),
    status(30007, RecipientRefused).proves_undelivered(),
    status(30008, Unrecognized),
    // The validity period that we set ran out in the queue.
    status(30036, Expired).proves_undelivered(),
    // The message may have been delivered all the same.
    status(30410, NoAnswer),
    status(30500, Unavailable),
    send(35127, Unsupported),
    elsewhere(57012, Place::Webhook),
    status(63001, AccountBlocked).proves_undelivered(),
    both(63002, AccountBlocked).proves_undelivered(),
    status(63003, RecipientUnreachable).proves_undelivered(),
    // What WhatsApp did not like about the content is not said; its old counterpart there is the generic error.
    status(63005, InvalidMessage),
    both(63006, Unsupported).proves_undelivered(),
    send(63007, AccountBlocked),
    status(63008, AccountBlocked).proves_undelivered(),
    status(63009, Unavailable),
    status(63010, Unavailable),
    // An invalid request, or an error in processing it: its words say both.
    status(63011, InvalidMessage),
    status(63012, Unavailable),
    status(63013, RecipientRefused).proves_undelivered(),
    status(63014, RecipientRefused).proves_undelivered(),
    // Somebody who has not joined the sandbox.
    status(63015, NotEntitled).proves_undelivered(),
    status(63016, WindowClosed).proves_undelivered(),
    status(63017, Throttled).proves_undelivered(),
    // Sender, messaging limit or pair: one message cannot tell, and for one user waiting is right in all three.
    status(63018, RecipientThrottled).proves_undelivered().hint(Hint::ThrottledIfRepeated),
    status(63019, Unsupported).proves_undelivered(),
    status(63020, AccountBlocked).proves_undelivered(),
    status(63021, InvalidMessage).proves_undelivered(),
    status(63022, AccountBlocked).proves_undelivered(),
    status(63023, Unrecognized),
    // Not on WhatsApp, or its terms not accepted: no other sender would reach the user either.
    status(63024, RecipientRefused).proves_undelivered(),
    // Something was there already, perhaps the message.
    status(63025, Unsupported),
    status(63026, RecipientRefused).proves_undelivered().hint(Hint::PauseMarketing),
    status(63027, TemplateUnavailable).proves_undelivered(),
    status(63028, InvalidMessage).proves_undelivered(),
    // The message was on the user's side when the template could not be fetched.
    status(63029, RecipientUnreachable),
    status(63030, Unsupported).proves_undelivered(),
    both(63031, InvalidMessage).proves_undelivered(),
    status(63032, RecipientRefused).proves_undelivered(),
    status(63033, RecipientRefused).proves_undelivered(),
    status(63034, Unsupported).proves_undelivered(),
    // RCS.
    elsewhere(63035, Place::OtherChannel),
    elsewhere(63036, Place::OtherChannel),
    // Twilio tries the upload again.
    at(63037, Place::Remark, Unrecognized),
    both(63038, Throttled).proves_undelivered(),
    // Messenger.
    elsewhere(63039, Place::OtherChannel),
    both(63040, TemplateUnavailable).proves_undelivered(),
    both(63041, TemplateUnavailable).proves_undelivered(),
    both(63042, TemplateUnavailable).proves_undelivered(),
    status(63049, RecipientRefused).proves_undelivered(),
    both(63051, AccountBlocked).proves_undelivered(),
    status(63059, AccountBlocked).proves_undelivered(),
    status(63062, NotEntitled).proves_undelivered(),
    elsewhere(63101, Place::Management),
    elsewhere(92002, Place::Management),
    send(92005, Unsupported),
];

/// The rows of a code.
pub(super) fn rows(code: i64) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.code == code)
}
