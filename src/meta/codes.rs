//! Meta's error codes: where each applies, and what it means there.
//!
//! Meta documents HTTP statuses no longer and says to go by the code. The order is that of the codes; of several rows
//! with one code the first that fits counts.

use super::error::Operation;
use super::error::Operation::{Fetch, File, Inbound, Management, Send, Status};
use crate::error::ErrorKind::{
    self, AccountBlocked, Credentials, InvalidMessage, MediaExpired, NotEntitled, RecipientRefused,
    RecipientThrottled, RecipientUnreachable, TemplateUnavailable, Throttled, Unavailable, Unrecognized,
    Unsupported, WindowClosed,
};
use crate::error::Hint;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) first: i64,
    pub(super) last: i64,
    /// Where the code turns up.
    pub(super) places: &'static [Operation],
    /// What else must be so for the row to fit.
    pub(super) when: When,
    /// Rows of other places than sends and statuses have none.
    pub(super) kind: Option<ErrorKind>,
    /// Whether the code proves that the message was not taken although the HTTP status is 5xx.
    pub(super) refuses_at_5xx: bool,
    /// Whether the user certainly did not get a message whose status failed with the code.
    pub(super) proves_undelivered: bool,
    /// What the code says beyond its kind.
    pub(super) hint: Option<Hint>,
}

/// What tells two meanings of one code apart.
#[derive(Debug)]
pub(super) enum When {
    Always,
    Subcode(i64),
    /// The details contain one of these, in whatever case.
    Details(&'static [&'static str]),
}

impl Row {
    const fn new(code: i64, places: &'static [Operation], kind: Option<ErrorKind>) -> Self {
        Self {
            first: code,
            last: code,
            places,
            when: When::Always,
            kind,
            refuses_at_5xx: false,
            proves_undelivered: false,
            hint: None,
        }
    }

    const fn to(mut self, last: i64) -> Self {
        self.last = last;
        self
    }

    const fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    const fn refuses_at_5xx(mut self) -> Self {
        self.refuses_at_5xx = true;
        self
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

/// Answers a send.
const fn send(code: i64, kind: ErrorKind) -> Row {
    Row::new(code, &[Send], Some(kind))
}

/// Comes in a status.
const fn status(code: i64, kind: ErrorKind) -> Row {
    Row::new(code, &[Status], Some(kind))
}

/// Answers a send or comes in a status.
const fn both(code: i64, kind: ErrorKind) -> Row {
    Row::new(code, &[Send, Status], Some(kind))
}

/// Says something of a user's message.
const fn inbound(code: i64) -> Row {
    Row::new(code, &[Inbound], None)
}

/// Says that a token may not read something, which need not hinder it from sending.
const fn unreadable(code: i64) -> Row {
    Row::new(code, &[Management], Some(NotEntitled))
}

/// Answers calls that this crate does not make, or comes with news that are not about messages.
const fn management(code: i64) -> Row {
    Row::new(code, &[Management], None)
}

/// The words by which the details of code 100 say that the proof of the token is not right.
const PROOF: &[&str] = &["appsecret_proof"];

/// The words by which the details of code 100 say that the number itself cannot be used, and not the message. The word
/// "permission" alone will not do: the details of an invalid parameter list names such as `call_permission_request`.
const OBJECT_OR_PERMISSION: &[&str] = &["object with id", "missing permission", "have permission"];

/// The same of something else than the number.
const OBJECT: &[&str] = &["object with id"];

/// The words by which the details say that the id of a file is none, or none any longer. Only known by hearsay.
const UNKNOWN_FILE: &[&str] = &["media attachment id"];

/// Every documented code.
///
/// Permissions that are missing (201 to 299, 131005) are a matter of the token, like one that has expired: only another
/// token or a new grant mends them, every message fails until then, and `set_token` is where that is noticed. A feature
/// that the app or the account lacks (3, 10) concerns the messages that need it, and no token brings it.
///
/// A code of a status proves that the user did not get the message where what it means excludes that. One that says that
/// something went wrong proves nothing, nor does one that is documented for answers only and comes in a status.
pub(super) static CODES: &[Row] = &[
    // The app's user could not be authenticated: the token is expired or revoked, or the app was removed.
    send(0, Credentials),
    // An invalid request or a fault of the server's: it does not say which. A request that was invalid for Meta is made
    // anew for another provider, so trying there is right in both cases.
    send(1, Unrecognized).hint(Hint::TryElsewhere),
    // Down for a while, or overloaded.
    send(2, Unavailable).refuses_at_5xx(),
    // The app lacks the capability, in spite of its HTTP 500.
    send(3, NotEntitled).refuses_at_5xx(),
    // The app makes too many calls.
    send(4, Throttled),
    // Not eligible for the feature.
    send(10, NotEntitled),
    // The business's number was deleted.
    send(33, AccountBlocked),
    // An invalid parameter, or the app secret's proof of the token is wrong or missing. On a send, subcode 33 is about the
    // number in the path, which is gone or not ours; where something was to be fetched, it is about that, and a file is
    // gone after its time. Who may not read a number or an account cannot tell it from one that is gone.
    Row::new(100, &[Send, Fetch, File, Management], Some(Credentials)).when(When::Details(PROOF)),
    Row::new(100, &[File], Some(MediaExpired)).when(When::Subcode(33)),
    Row::new(100, &[File], Some(MediaExpired)).when(When::Details(OBJECT)),
    unreadable(100).when(When::Subcode(33)),
    unreadable(100).when(When::Details(OBJECT_OR_PERMISSION)),
    send(100, AccountBlocked).when(When::Subcode(33)),
    send(100, MediaExpired).when(When::Details(UNKNOWN_FILE)),
    send(100, AccountBlocked).when(When::Details(OBJECT_OR_PERMISSION)),
    Row::new(100, &[Send, Fetch, File, Management], Some(InvalidMessage)),
    // The token is missing, or the app secret's proof of it.
    send(104, Credentials),
    // The token is expired, invalid or revoked.
    send(190, Credentials),
    // No token that belongs to this app.
    send(200, AccountBlocked),
    unreadable(200),
    // A permission was not granted or was taken away.
    send(201, Credentials).to(299),
    unreadable(201).to(299),
    // Blocked for a violation of the policies.
    send(368, AccountBlocked),
    // Too many questions for call permissions.
    management(613),
    // The user's app cannot show this message, whoever sends it. Only known by hearsay: it may show that there was one.
    status(1026, RecipientUnreachable),
    // The business account makes too many calls.
    send(80007, Throttled),
    // This business has blocked the user.
    both(130_403, RecipientRefused).proves_undelivered(),
    // The number sends too many messages a second.
    both(130_429, Throttled).proves_undelivered(),
    // The user is part of an experiment and gets no marketing.
    status(130_472, RecipientRefused).proves_undelivered(),
    // The account may not write to this country.
    both(130_497, RecipientRefused).proves_undelivered(),
    // A user's group message of a sort that is not passed on.
    inbound(130_501),
    // Something went wrong, nobody says what: perhaps after the message had left.
    both(131_000, Unavailable),
    // A permission is missing or was taken away.
    send(131_005, Credentials),
    unreadable(131_005),
    // A parameter is missing.
    send(131_008, InvalidMessage),
    // A parameter has a value it cannot have.
    both(131_009, InvalidMessage).proves_undelivered(),
    // Down for a while. In an answer that is a refusal; in a status nobody says how far the message had come.
    both(131_016, Unavailable).refuses_at_5xx(),
    // A group with nobody else in it.
    send(131_020, RecipientUnreachable),
    // The recipient is the sender.
    send(131_021, InvalidMessage),
    // No WhatsApp there, or its terms are not accepted, or the app is too old. It comes for other reasons as well, always
    // of messages that could not be delivered.
    both(131_026, RecipientUnreachable).proves_undelivered(),
    // A test number may write to five numbers, and this is none of them.
    send(131_030, NotEntitled),
    // The account is locked.
    send(131_031, AccountBlocked),
    // The display name is not approved.
    send(131_037, AccountBlocked),
    // No such group, or we are not in it.
    send(131_041, RecipientUnreachable),
    // No valid way to pay.
    both(131_042, AccountBlocked).proves_undelivered(),
    // No valid way to pay for calls.
    management(131_044),
    // The number is not registered properly, in spite of its HTTP 500.
    send(131_045, AccountBlocked).refuses_at_5xx(),
    // Over 24 hours since the user wrote to this number.
    both(131_047, WindowClosed).proves_undelivered(),
    // The number is restricted because users blocked or reported it.
    both(131_048, RecipientRefused).proves_undelivered().hint(Hint::PauseMarketing),
    // Not delivered, to keep the user from too much marketing by all businesses together.
    status(131_049, RecipientRefused).proves_undelivered(),
    // The user wants no marketing from this business.
    status(131_050, RecipientRefused).proves_undelivered(),
    // A type that Meta does not know; or a user's message that it does not pass on.
    Row::new(131_051, &[Send, Inbound], Some(Unsupported)),
    // A file that a user sent could not be fetched.
    inbound(131_052),
    // The file of our message could not be fetched, or is not what its type says.
    both(131_053, InvalidMessage).proves_undelivered(),
    // Not by this endpoint, or not with a number that is set up for SIP.
    send(131_055, NotEntitled),
    // Too many messages to this user.
    both(131_056, RecipientThrottled).proves_undelivered(),
    // The account is being moved, usually for a minute.
    send(131_057, Unavailable).refuses_at_5xx(),
    // A place in a listing is no longer valid.
    management(131_059),
    // A user's message that is not available.
    inbound(131_060),
    // One-time codes go to phone numbers only.
    send(131_062, InvalidMessage),
    // The account has switched marketing off for this endpoint.
    send(131_063, NotEntitled),
    // Limited because templates were put into the wrong category.
    both(131_064, NotEntitled).proves_undelivered(),
    // A change of a group succeeded in part.
    management(131_201),
    // The same participant twice.
    management(131_202),
    // Too many participants.
    management(131_204),
    // The group is suspended.
    send(131_207, RecipientUnreachable),
    // Too many messages to the group.
    send(131_208, RecipientThrottled),
    // Pictures, creation and eligibility of groups.
    management(131_209).to(131_215),
    // Not as many parameters as the template has places.
    send(132_000, InvalidMessage),
    // No template of this name in this language.
    send(132_001, TemplateUnavailable),
    // The text is too long once the parameters are in it.
    both(132_005, InvalidMessage).proves_undelivered(),
    // A parameter has characters or a form that it may not have.
    send(132_007, InvalidMessage),
    // A parameter has a value it cannot have.
    send(132_008, InvalidMessage),
    // A parameter is not of the type that the template has there.
    send(132_012, InvalidMessage),
    // The template is paused; a message that was held back fails with this later.
    both(132_015, TemplateUnavailable).proves_undelivered(),
    // The template is disabled for good.
    send(132_016, TemplateUnavailable),
    // The parameters do not fit the template.
    send(132_018, InvalidMessage),
    // The template's flow is blocked.
    send(132_068, NotEntitled),
    // The template's flow is throttled to a few messages an hour.
    send(132_069, NotEntitled),
    // A deregistration was not completed.
    management(133_000),
    // Down for a while.
    send(133_004, Unavailable).refuses_at_5xx(),
    // The wrong PIN.
    management(133_005),
    // The number must be verified again.
    send(133_006, AccountBlocked),
    // Too many wrong PINs; a PIN too soon after a wrong one.
    management(133_008),
    management(133_009),
    // The number is not registered.
    send(133_010, AccountBlocked),
    // Deleted a moment ago; registered and deregistered too often.
    management(133_015),
    management(133_016),
    // The terms of payments are not accepted.
    send(134_011, NotEntitled),
    // Only marketing may go by that endpoint; the template is not there yet; the template is not there.
    send(134_100, NotEntitled),
    send(134_101, NotEntitled),
    send(134_102, NotEntitled),
    // Something about the parameters, nobody says what.
    both(135_000, Unrecognized),
    // The user's identity key is not the one that was expected.
    status(137_000, RecipientRefused).proves_undelivered(),
    // Calling is not enabled, not allowed or not possible. Documented for calls; a message that offers or asks for one
    // meets the same conditions.
    send(138_000, NotEntitled).to(138_007),
    // Too many requests for this user's permission to call.
    send(138_009, RecipientThrottled),
    send(138_012, NotEntitled).to(138_015),
    send(138_017, NotEntitled).to(138_018),
    // How a call ended.
    management(138_019).to(138_023),
    // Making, changing and removing flows.
    management(139_000).to(139_004),
    // The list of blocked users.
    management(139_100).to(139_103),
    // No access to messages without templates.
    send(139_200, NotEntitled),
    // The health of accounts and numbers, as the health status lists it.
    management(141_000).to(141_999),
    // Business user names.
    management(147_001).to(147_005),
    // The account was signed up twice.
    management(1_752_041),
    // Managing templates and numbers.
    management(2_388_000).to(2_388_999),
    // The account is being moved.
    send(2_494_100, Unavailable),
    // Bringing a number's history over; the last one comes in a webhook.
    Row::new(2_593_107, &[Management, Inbound], None).to(2_593_109),
];
