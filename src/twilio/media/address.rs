/// A file, by the SIDs in the address that a webhook gives for it.
///
/// The address is somebody's word until the account in it is the own one, and even then nothing of it but the SIDs is
/// asked for: the request goes to the API that is configured, so the credentials go nowhere else.
pub(super) struct Address {
    message: String,
    file: String,
}

/// Why an address is not asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misplaced {
    /// It is not that of a file of a message.
    Malformed,
    /// It is another account's.
    Foreign,
}

const VERSION: &str = "2010-04-01";

impl Address {
    /// Reads `/2010-04-01/Accounts/AC…/Messages/MM…/Media/ME…`, without a query.
    pub(super) fn read(path: &str, account_sid: &str) -> Result<Self, Misplaced> {
        let mut parts = path.strip_prefix('/').ok_or(Misplaced::Malformed)?.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let (version, accounts, account) = (next(), next(), next());
        let (messages, message, media, file) = (next(), next(), next(), next());
        let named = (version, accounts, messages, media) == (VERSION, "Accounts", "Messages", "Media");
        let file = file.strip_suffix(".json").unwrap_or(file);
        if !named || parts.next().is_some() || ![account, message, file].into_iter().all(is_name) {
            return Err(Misplaced::Malformed);
        }
        if account != account_sid {
            return Err(Misplaced::Foreign);
        }
        Ok(Self { message: message.to_owned(), file: file.to_owned() })
    }

    /// Where the file is at the API.
    pub(super) fn url(&self, base: &str, account_sid: &str) -> String {
        let Self { message, file } = self;
        format!("{base}/{VERSION}/Accounts/{account_sid}/Messages/{message}/Media/{file}")
    }
}

/// A SID has no sign that means anything in an address.
fn is_name(part: &str) -> bool {
    (1..=64).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

    #[test]
    fn only_files_of_messages_of_the_own_account() {
        let own = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME2");
        for path in [own.clone(), format!("{own}.json")] {
            let address = Address::read(&path, ACCOUNT).ok().unwrap();
            assert_eq!(
                address.url("https://x.example/base", ACCOUNT),
                format!("https://x.example/base{own}")
            );
        }
        let foreign = own.replace("AC01", "AC02");
        assert_eq!(Address::read(&foreign, ACCOUNT).err(), Some(Misplaced::Foreign));
        for malformed in [
            "",
            "/",
            own.trim_start_matches('/'),
            &format!("/{own}"),
            &format!("{own}/"),
            &format!("{own}/x"),
            &own.replace("/Media/", "/media/"),
            &own.replace("Messages", "Calls"),
            &own.replace("2010-04-01", "2008-08-01"),
            &own.replace("/MM1", "/"),
            &own.replace("MM1", ".."),
            &own.replace("MM1", "MM1%2F.."),
            &own.replace("ME2", "ME2;x"),
            &own.replace("ME2", "ME2.xml"),
            &own.replace("ME2", &"M".repeat(65)),
            &own.replace(ACCOUNT, &format!("{ACCOUNT}/../AC2")),
            &own.replace(ACCOUNT, ""),
        ] {
            assert_eq!(Address::read(malformed, ACCOUNT).err(), Some(Misplaced::Malformed), "{malformed}");
        }
    }
}
