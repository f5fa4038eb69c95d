use crate::clock::Timestamp;

/// Reads a date as mail and HTTP write it: `Thu, 24 Aug 2023 05:01:45 GMT`, or `+0000` for `GMT`. The two older forms of
/// HTTP are not read: nobody has written them for decades.
pub(crate) fn internet_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, date) = text.trim().split_once(", ")?;
    let mut parts = date.strip_suffix(" GMT").or_else(|| date.strip_suffix(" +0000"))?.split(' ');
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    format!("{year}-{month:02}-{day:0>2}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_mail_and_of_http_are_read() {
        for (date, expected) in [
            ("Thu, 24 Aug 2023 05:01:45 +0000", "2023-08-24T05:01:45Z"),
            ("Thu, 1 Jan 2026 00:00:00 +0000", "2026-01-01T00:00:00Z"),
            ("Tue, 29 Feb 2028 23:59:59 +0000", "2028-02-29T23:59:59Z"),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
            (" Sun, 06 Nov 1994 08:49:37 GMT ", "1994-11-06T08:49:37Z"),
        ] {
            assert_eq!(internet_date(date), Some(expected.parse().unwrap()));
        }
        for odd in [
            "",
            "Thu, ",
            "Thu, 24 Aug 2023 +0000",
            "24 Aug 2023 05:01:45 +0000",
            "Thu, 24 Aug 2023 05:01:45 +0100",
            "Thu, 24 Aug 2023 05:01:45 CET",
            "Thu, 24 Aug 2023 05:01:45",
            "Thu, 24 Abc 2023 05:01:45 +0000",
            "Thu, 32 Aug 2023 05:01:45 +0000",
            "2023-08-24T05:01:45Z",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(internet_date(odd), None, "{odd}");
        }
    }
}
