//! The form by which a file is uploaded: three parts, of which the last is the file.

use bytes::Bytes;
use http::HeaderValue;

use crate::clock::Clock;
use crate::http_client::RequestBody;

/// A form, and the header that says how its parts are told apart.
pub(super) struct Form {
    pub(super) content_type: HeaderValue,
    pub(super) body: RequestBody,
}

impl Form {
    /// Puts a file into a form. `mime_type` can stand in a header. `data` is the file where it is in memory, so that the
    /// line between the parts is certainly none of its own; in a stream it is 128 random bits against chance.
    pub(super) fn new(
        clock: &dyn Clock,
        mime_type: &str,
        filename: Option<&str>,
        file: RequestBody,
        data: Option<&[u8]>,
    ) -> Self {
        let mut tries = 0_u64;
        let boundary = loop {
            // The count is for a clock whose random numbers are always the same.
            let boundary = format!("{:016x}{:016x}{tries:x}", clock.random(), clock.random());
            if data.is_none_or(|data| !contains(data, boundary.as_bytes())) {
                break boundary;
            }
            tries = tries.wrapping_add(1);
        };
        let filename = printable(filename.unwrap_or_default());
        let part = |name: &str| format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        let head = format!(
            "{}\r\n\r\nwhatsapp\r\n{}\r\n\r\n{mime_type}\r\n{}; filename=\"{filename}\"\r\nContent-Type: {mime_type}\r\n\r\n",
            part("messaging_product"),
            part("type"),
            part("file"),
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))
            // Hexadecimal digits always fit into a header.
            .unwrap_or_else(|_| HeaderValue::from_static("multipart/form-data"));
        Self { content_type, body: file.between(Bytes::from(head), Bytes::from(tail)) }
    }
}

/// The name of a file as it can stand between quotes in a header. It is a label at most: what the user sees is in the
/// message.
fn printable(filename: &str) -> String {
    let plain = |c: char| c == ' ' || (c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '%'));
    let name: String = filename.chars().take(100).map(|c| if plain(c) { c } else { '_' }).collect();
    // A part without a name would be a field and no file.
    if name.trim().is_empty() { "file".to_owned() } else { name }
}

fn contains(data: &[u8], needle: &[u8]) -> bool {
    data.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestClock;

    fn form(filename: Option<&str>, data: &'static [u8]) -> (String, String) {
        let clock = TestClock::new();
        let form = Form::new(&clock, "audio/ogg; codecs=opus", filename, RequestBody::new(data), Some(data));
        let content_type = form.content_type.to_str().unwrap().to_owned();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
        (boundary, String::from_utf8(form.body.into_bytes().unwrap().to_vec()).unwrap())
    }

    #[test]
    fn a_form_has_three_parts() {
        let (boundary, body) = form(Some("a.ogg"), b"OggS");
        assert_eq!(boundary.len(), 33);
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\naudio/ogg; codecs=opus\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.ogg\"\r\n\
             Content-Type: audio/ogg; codecs=opus\r\n\r\nOggS\r\n--{boundary}--\r\n"
        );
        assert_eq!(body, expected);
    }

    #[test]
    fn the_boundary_is_not_in_the_file() {
        let (first, _) = form(None, b"x");
        let data: &'static [u8] = Box::leak(format!("--{first}--\r\n").into_bytes().into_boxed_slice());
        let (second, body) = form(None, data);
        assert_ne!(first, second);
        assert_eq!((body.matches(&first).count(), body.matches(&second).count()), (1, 4));
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        for (name, shown) in [
            (None, "file"),
            (Some(""), "file"),
            (Some("  "), "file"),
            (Some("menu of May.pdf"), "menu of May.pdf"),
            (Some("a\"; name=\"type"), "a_; name=_type"),
            (Some("a\r\nX-Evil: 1\r\n\r\n"), "a__X-Evil: 1____"),
            (Some("..\\..\\etc/passwd"), ".._.._etc_passwd"),
            (Some("Größe%22.pdf"), "Gr__e_22.pdf"),
            (Some("\u{7f}\0\t"), "___"),
        ] {
            let (_, body) = form(name, b"x");
            assert!(body.contains(&format!("; filename=\"{shown}\"\r\n")), "{name:?} {body}");
        }
        let (_, body) = form(Some(&"n".repeat(500)), b"x");
        assert!(body.contains(&format!("\"{}\"", "n".repeat(100))));
    }
}
