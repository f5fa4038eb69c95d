//! Whom a message goes to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A phone number in E.164 form: a country code and a subscriber number, 6 to 15 digits together.
///
/// It is always written with `+`. Without it Meta would put the *business number's* country code in front and might
/// deliver to somebody else. `Debug` prints no digit, and there is no `Display`: numbers do not belong in logs.
///
/// ```
/// use whatsapp_provider::PhoneNumber;
///
/// let number = PhoneNumber::parse("+55 (11) 99999-8888")?;
/// assert_eq!(number.to_e164(), "+5511999998888");
/// assert_eq!(number, PhoneNumber::from_digits("5511999998888")?);
/// assert!(PhoneNumber::parse("11 99999-8888").is_err(), "a `+` is required");
/// # Ok::<(), whatsapp_provider::InvalidPhoneNumber>(())
/// ```
#[doc(alias = "E.164")]
#[doc(alias = "wa_id")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(u64);

impl PhoneNumber {
    /// Reads a number that begins with `+`; spaces, `-`, `.`, `/`, `(` and `)` between the digits are ignored.
    ///
    /// # Errors
    ///
    /// [`InvalidPhoneNumber`] says what is wrong: no `+`, a character that does not belong there, or a count of
    /// digits outside 6 to 15.
    pub fn parse(text: &str) -> Result<Self, InvalidPhoneNumber> {
        match text.trim().strip_prefix('+') {
            Some(rest) => Self::from_digits(rest),
            None => Err(InvalidPhoneNumber::MissingPlus),
        }
    }

    /// Reads a number without `+` whose first digits are the country code, as Meta writes a `wa_id`.
    ///
    /// # Errors
    ///
    /// [`InvalidPhoneNumber`], as for [`parse`](Self::parse).
    pub fn from_digits(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let mut value: u64 = 0;
        let mut digits = 0_usize;
        for character in text.chars() {
            match character.to_digit(10) {
                Some(0) if digits == 0 => return Err(InvalidPhoneNumber::LeadingZero),
                Some(digit) => {
                    digits += 1;
                    // 15 digits fit into 50 bits; what is longer is refused below.
                    value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
                }
                None if matches!(character, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')') => {}
                None => return Err(InvalidPhoneNumber::UnexpectedCharacter),
            }
        }
        if (6..=15).contains(&digits) { Ok(Self(value)) } else { Err(InvalidPhoneNumber::Length { digits }) }
    }

    /// The number with `+`, as it is sent: `+5511999998888`.
    pub fn to_e164(self) -> String {
        format!("+{}", self.0)
    }

    /// The number without `+`, as Meta writes a `wa_id`: `5511999998888`.
    pub fn to_digits(self) -> String {
        self.0.to_string()
    }
}

/// Why a text is not a phone number in E.164 form. The text itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPhoneNumber {
    /// It does not begin with `+`, so the country is not known.
    #[error("a phone number begins with `+` and the country code")]
    MissingPlus,
    /// The country code begins with 0; no country's does.
    #[error("a country code does not begin with 0")]
    LeadingZero,
    /// A character that is neither a digit nor one of the usual separators.
    #[error("a phone number has digits only")]
    UnexpectedCharacter,
    /// Fewer than 6 or more than 15 digits.
    #[error("a phone number has 6 to 15 digits, got {digits}")]
    #[non_exhaustive]
    Length {
        /// The digits counted.
        digits: usize,
    },
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber([redacted])")
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("+{}", self.0))
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A business-scoped user id (BSUID), such as `US.13491208655302741918`: how WhatsApp names a user who shares no phone
/// number.
///
/// It means something only inside one Meta business portfolio, its scope. It is opaque: compared byte for byte, and
/// its country prefix is not to be read. `Debug` does not print it.
#[doc(alias = "BSUID")]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId {
    id: String,
    scope: Option<String>,
}

impl UserId {
    /// Takes an id as a webhook gave it.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] if it is empty, longer than 256 bytes, or has white space or control characters.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidId> {
        Ok(Self { id: opaque(id.into())?, scope: None })
    }

    /// Names the business portfolio in which the id is valid.
    #[must_use]
    pub fn with_scope(mut self, portfolio: impl Into<String>) -> Self {
        self.scope = Some(portfolio.into());
        self
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// The business portfolio in which it is valid, if that is known.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId([redacted])")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum UserIdJson {
    Plain(String),
    Scoped { id: String, scope: String },
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let id = self.id.clone();
        match self.scope.clone() {
            None => UserIdJson::Plain(id),
            Some(scope) => UserIdJson::Scoped { id, scope },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (id, scope) = match UserIdJson::deserialize(deserializer)? {
            UserIdJson::Plain(id) => (id, None),
            UserIdJson::Scoped { id, scope } => (id, Some(scope)),
        };
        Ok(Self { id: opaque(id).map_err(serde::de::Error::custom)?, scope })
    }
}

/// The id of a WhatsApp group. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct GroupId(String);

impl GroupId {
    /// Takes an id as the provider gave it.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] if it is empty, longer than 256 bytes, or has white space or control characters.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidId> {
        opaque(id.into()).map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupId([redacted])")
    }
}

impl<'de> Deserialize<'de> for GroupId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A user or group id was empty, too long, or had white space or control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to 256 bytes, without white space or control characters")]
#[non_exhaustive]
pub struct InvalidId;

fn opaque(id: String) -> Result<String, InvalidId> {
    let fits = (1..=256).contains(&id.len());
    let clean = !id.chars().any(|c| c.is_whitespace() || c.is_control());
    if fits && clean { Ok(id) } else { Err(InvalidId) }
}

/// Whom a message is sent to.
///
/// As JSON: `{"phone":"+15551234567"}`, `{"user":"US.1349"}`, `{"phone":…,"user":…}` or `{"group":"Y2Fw…"}`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "RecipientJson", try_from = "RecipientJson")]
#[non_exhaustive]
pub enum Recipient {
    /// A user by phone number.
    Phone(PhoneNumber),
    /// A user by business-scoped id.
    User(UserId),
    /// A user both of whose names are known. Meta is given both (and then goes by the number); a provider outside the
    /// id's scope uses the number.
    #[non_exhaustive]
    PhoneAndUser {
        /// The phone number.
        phone: PhoneNumber,
        /// The business-scoped id.
        user: UserId,
    },
    /// A group.
    Group(GroupId),
    /// Nobody: the event that this answers named no user. Every provider refuses it as
    /// [`InvalidMessage`](crate::ErrorKind::InvalidMessage).
    Unknown,
}

impl Recipient {
    /// The phone number, if one is known.
    pub fn phone(&self) -> Option<PhoneNumber> {
        match self {
            Self::Phone(phone) | Self::PhoneAndUser { phone, .. } => Some(*phone),
            Self::User(_) | Self::Group(_) | Self::Unknown => None,
        }
    }

    /// The business-scoped id, if one is known.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) | Self::PhoneAndUser { user, .. } => Some(user),
            Self::Phone(_) | Self::Group(_) | Self::Unknown => None,
        }
    }

    /// The group, if it is one.
    pub fn group(&self) -> Option<&GroupId> {
        if let Self::Group(group) = self { Some(group) } else { None }
    }

    /// The name that stays when another of a user's names becomes known: the number if there is one.
    #[cfg(any(
        feature = "failover",
        feature = "pace",
        feature = "postgres",
        feature = "sqlite",
        all(feature = "queue", any(feature = "testing", test))
    ))]
    pub(crate) fn lasting_name(&self) -> String {
        match (self.phone(), self.user(), self.group()) {
            (Some(phone), _, _) => phone.to_e164(),
            (None, Some(user), _) => user.as_str().to_owned(),
            (None, None, Some(group)) => group.as_str().to_owned(),
            (None, None, None) => String::new(),
        }
    }

    /// The recipient with whichever of these names are known.
    pub fn from_names(phone: Option<PhoneNumber>, user: Option<UserId>) -> Self {
        match (phone, user) {
            (Some(phone), Some(user)) => Self::PhoneAndUser { phone, user },
            (Some(phone), None) => Self::Phone(phone),
            (None, Some(user)) => Self::User(user),
            (None, None) => Self::Unknown,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RecipientJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<PhoneNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupId>,
}

impl From<Recipient> for RecipientJson {
    fn from(recipient: Recipient) -> Self {
        Self { phone: recipient.phone(), user: recipient.user().cloned(), group: recipient.group().cloned() }
    }
}

impl TryFrom<RecipientJson> for Recipient {
    type Error = &'static str;

    fn try_from(json: RecipientJson) -> Result<Self, Self::Error> {
        match json.group {
            Some(group) if json.phone.is_none() && json.user.is_none() => Ok(Self::Group(group)),
            Some(_) => Err("a recipient is a group or a user, not both"),
            None => Ok(Self::from_names(json.phone, json.user)),
        }
    }
}

impl From<PhoneNumber> for Recipient {
    fn from(phone: PhoneNumber) -> Self {
        Self::Phone(phone)
    }
}

impl From<UserId> for Recipient {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl From<GroupId> for Recipient {
    fn from(group: GroupId) -> Self {
        Self::Group(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_name_what_is_wrong() {
        use InvalidPhoneNumber as E;
        assert_eq!(PhoneNumber::parse("15551234567"), Err(E::MissingPlus));
        assert_eq!(PhoneNumber::parse("+05551234567"), Err(E::LeadingZero));
        assert_eq!(PhoneNumber::parse("+1555x234567"), Err(E::UnexpectedCharacter));
        assert_eq!(PhoneNumber::parse("++15551234567"), Err(E::UnexpectedCharacter));
        assert_eq!(PhoneNumber::parse("+12345"), Err(E::Length { digits: 5 }));
        assert_eq!(PhoneNumber::parse("+1234567890123456"), Err(E::Length { digits: 16 }));
        assert_eq!(PhoneNumber::parse(&format!("+{}", "9".repeat(40))), Err(E::Length { digits: 40 }));
        assert_eq!(PhoneNumber::parse("+999999999999999").unwrap().to_digits(), "999999999999999");
        assert_eq!(PhoneNumber::parse("+123456").unwrap().to_e164(), "+123456");
    }

    #[test]
    fn recipients_round_trip_as_json() {
        let phone = PhoneNumber::parse("+15551234567").unwrap();
        let user = UserId::new("US.1").unwrap();
        let scoped = user.clone().with_scope("42");
        for (recipient, json) in [
            (Recipient::from(phone), r#"{"phone":"+15551234567"}"#),
            (Recipient::from(user.clone()), r#"{"user":"US.1"}"#),
            (Recipient::from(scoped), r#"{"user":{"id":"US.1","scope":"42"}}"#),
            (Recipient::from_names(Some(phone), Some(user)), r#"{"phone":"+15551234567","user":"US.1"}"#),
            (Recipient::from(GroupId::new("Y2Fw").unwrap()), r#"{"group":"Y2Fw"}"#),
            (Recipient::Unknown, "{}"),
        ] {
            assert_eq!(serde_json::to_string(&recipient).unwrap(), json);
            assert_eq!(serde_json::from_str::<Recipient>(json).unwrap(), recipient);
            assert!(!format!("{recipient:?}").contains("555"));
        }
        assert!(serde_json::from_str::<Recipient>(r#"{"group":"g","phone":"+15551234567"}"#).is_err());
        assert!(serde_json::from_str::<Recipient>(r#"{"user":""}"#).is_err());
    }
}
