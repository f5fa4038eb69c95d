//! Contact cards as vCards, version 3.0 (RFC 2426), which is what WhatsApp reads.

use crate::outbound::{ContactAddress, ContactCard, ContactName, present};

/// The most bytes of a line; what is longer goes on in the next one, after a space.
const MAX_LINE: usize = 75;

/// Writes a card, with all that the model has of it.
pub(crate) fn write(card: &ContactCard) -> String {
    let mut vcard = Writer::default();
    vcard.line("BEGIN:VCARD");
    vcard.line("VERSION:3.0");
    if let Some(name) = &card.name {
        write_name(&mut vcard, name);
    }
    if let Some(organization) = &card.organization {
        let (company, department) = (&organization.company, &organization.department);
        if present(company).is_some() || present(department).is_some() {
            vcard.line(&format!("ORG:{}", list([company, department])));
        }
        if let Some(title) = present(&organization.title) {
            vcard.line(&format!("TITLE:{}", escape(title)));
        }
    }
    if let Some(birthday) = present(&card.birthday) {
        vcard.line(&format!("BDAY:{}", escape(birthday)));
    }
    for phone in &card.phones {
        let id = present(&phone.wa_id).map(digits).filter(|id| !id.is_empty());
        let by_id = || id.as_ref().map(|id| format!("+{id}")).or_else(|| phone.wa_id.as_deref().map(escape));
        let shown = present(&phone.phone).map(escape).or_else(by_id);
        // By the id WhatsApp offers to write to the contact.
        let parameter = id.map_or_else(String::new, |id| format!(";waid={id}"));
        vcard.entry(&format!("TEL{parameter}"), &phone.label, &shown.unwrap_or_default(), None);
    }
    for email in &card.emails {
        vcard.entry("EMAIL", &email.label, &escape(present(&email.email).unwrap_or_default()), None);
    }
    for address in &card.addresses {
        write_address(&mut vcard, address);
    }
    for url in &card.urls {
        // An address on the web is no text: nothing in it is escaped, and it has no line breaks.
        let plain = |url: &str| url.chars().filter(|c| !c.is_control()).collect::<String>();
        vcard.entry("URL", &url.label, &present(&url.url).map(plain).unwrap_or_default(), None);
    }
    vcard.line("END:VCARD");
    vcard.text
}

fn write_name(vcard: &mut Writer, name: &ContactName) {
    let parts = [&name.last, &name.first, &name.middle, &name.prefix, &name.suffix];
    vcard.line(&format!("N:{}", list(parts)));
    vcard.line(&format!("FN:{}", escape(&name.formatted)));
}

fn write_address(vcard: &mut Writer, address: &ContactAddress) {
    let none = &None;
    // First a post-office box and an addition, which the model does not have.
    let parts = [none, none, &address.street, &address.city, &address.state, &address.zip, &address.country];
    vcard.entry("ADR", &address.label, &list(parts), present(&address.country_code));
}

/// The parts of a value that has several.
fn list<const N: usize>(parts: [&Option<String>; N]) -> String {
    parts.map(|part| escape(present(part).unwrap_or_default())).join(";")
}

/// A text as it stands in a value. A vCard has no control characters but line breaks, which are written as `\n`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ',' | ';' => escaped.extend(['\\', c]),
            '\n' | '\r' => escaped.push_str("\\n"),
            c if c.is_control() && c != '\t' => {}
            c => escaped.push(c),
        }
    }
    escaped
}

fn digits(id: &str) -> String {
    id.chars().filter(char::is_ascii_digit).collect()
}

#[derive(Default)]
struct Writer {
    text: String,
    /// How many entries have names of their own for their label or more.
    groups: usize,
}

impl Writer {
    /// An entry with its label: as its type, if it is a word that can be one, else in a line of its own, which address books
    /// know.
    fn entry(&mut self, property: &str, label: &Option<String>, value: &str, country_code: Option<&str>) {
        let label = present(label);
        let word =
            label.filter(|label| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        let typed = word.map_or_else(String::new, |word| format!(";TYPE={word}"));
        let named = label.filter(|_| word.is_none());
        if named.is_none() && country_code.is_none() {
            self.line(&format!("{property}{typed}:{value}"));
            return;
        }
        self.groups += 1;
        let group = format!("item{}", self.groups);
        self.line(&format!("{group}.{property}{typed}:{value}"));
        for (name, text) in [("X-ABLabel", named), ("X-ABADR", country_code)] {
            if let Some(text) = text {
                self.line(&format!("{group}.{name}:{}", escape(text)));
            }
        }
    }

    /// Adds a line, folded. No character is cut apart.
    fn line(&mut self, line: &str) {
        let mut used = 0;
        for c in line.chars() {
            if used + c.len_utf8() > MAX_LINE {
                self.text.push_str("\r\n ");
                used = 1;
            }
            self.text.push(c);
            used += c.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{ContactEmail, ContactOrganization, ContactPhone, ContactUrl};

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn everything_on_a_card_is_written() {
        let mut card = ContactCard::named("Dr. Ada M. Lovelace, Esq.", "Ada");
        let name = card.name.as_mut().unwrap();
        name.last = some("Lovelace");
        name.middle = some("M.");
        name.prefix = some("Dr.");
        name.suffix = some("Esq.");
        let phone = |phone: Option<String>, wa_id: Option<String>, label: Option<String>| ContactPhone {
            phone,
            wa_id,
            label,
        };
        card.phones = vec![
            phone(some("+1 555 765-4321"), some("15557654321"), some("CELL")),
            phone(None, some("15557654322"), None),
            phone(some("+1 555 0100"), None, some("Front desk; day")),
            phone(None, some("ada"), None),
        ];
        card.emails = vec![ContactEmail { email: some("ada@example.com"), label: some("Work") }];
        card.addresses = vec![
            ContactAddress {
                street: some("1 Main St, 2nd floor"),
                city: some("Springfield"),
                state: some("IL"),
                zip: some("62701"),
                country: some("United States"),
                country_code: some("us"),
                label: some("HOME"),
            },
            ContactAddress { city: some("Lisbon"), ..ContactAddress::default() },
        ];
        card.urls = vec![ContactUrl { url: some("https://example.com/a,b;c?d=\\"), label: None }];
        card.organization = Some(ContactOrganization {
            company: some("Analytical; Engines"),
            department: some("R&D"),
            title: some("Chief\nProgrammer"),
        });
        card.birthday = some("1815-12-10");
        assert_eq!(
            // Its one long line in one piece.
            write(&card).replace("\r\n ", "").split("\r\n").collect::<Vec<_>>(),
            [
                "BEGIN:VCARD",
                "VERSION:3.0",
                "N:Lovelace;Ada;M.;Dr.;Esq.",
                r"FN:Dr. Ada M. Lovelace\, Esq.",
                r"ORG:Analytical\; Engines;R&D",
                r"TITLE:Chief\nProgrammer",
                "BDAY:1815-12-10",
                "TEL;waid=15557654321;TYPE=CELL:+1 555 765-4321",
                "TEL;waid=15557654322:+15557654322",
                "item1.TEL:+1 555 0100",
                r"item1.X-ABLabel:Front desk\; day",
                "TEL:ada",
                "EMAIL;TYPE=Work:ada@example.com",
                r"item2.ADR;TYPE=HOME:;;1 Main St\, 2nd floor;Springfield;IL;62701;United States",
                "item2.X-ABADR:us",
                "ADR:;;;Lisbon;;;",
                r"URL:https://example.com/a,b;c?d=\",
                "END:VCARD",
                "",
            ]
        );
    }

    #[test]
    fn nothing_in_a_text_can_begin_a_line_of_its_own() {
        let mut card = ContactCard::named("A\r\nTEL:1\rB\nC\u{0}", "A");
        card.phones = vec![ContactPhone {
            phone: some("1\nEND:VCARD"),
            wa_id: some("1:2\r\n;3"),
            label: some("x\r\ny"),
        }];
        card.urls = vec![ContactUrl { url: some("https://example.com/\r\nTEL:2"), label: None }];
        assert_eq!(
            write(&card),
            "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;A;;;\r\nFN:A\\nTEL:1\\nB\\nC\r\n\
             item1.TEL;waid=123:1\\nEND:VCARD\r\nitem1.X-ABLabel:x\\ny\r\n\
             URL:https://example.com/TEL:2\r\nEND:VCARD\r\n"
        );
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        for (name, expected) in [
            ("a".repeat(72), format!("FN:{}\r\n", "a".repeat(72))),
            ("a".repeat(73), format!("FN:{}\r\n a\r\n", "a".repeat(72))),
            (format!("{}é", "a".repeat(71)), format!("FN:{}\r\n é\r\n", "a".repeat(71))),
            ("a".repeat(147), format!("FN:{}\r\n {}\r\n a\r\n", "a".repeat(72), "a".repeat(74))),
        ] {
            let written = write(&ContactCard::named(name.clone(), "A"));
            assert!(written.contains(&expected), "{written}");
            assert!(written.split("\r\n").all(|line| line.len() <= 75));
            let whole = written.replace("\r\n ", "");
            assert!(whole.contains(&format!("\r\nFN:{name}\r\n")));
        }
    }
}
