use crate::error::{Error, Result};
use crate::outbound::{FileBytes, FileKind};

const MIB: usize = 1024 * 1024;

/// The types that Twilio carries to WhatsApp, and how their files' names end.
const TYPES: &[(&str, &str, FileKind)] = &[
    ("image/jpeg", "jpg", FileKind::Image),
    ("image/png", "png", FileKind::Image),
    ("image/webp", "webp", FileKind::Image),
    ("audio/ogg", "ogg", FileKind::Audio),
    ("audio/amr", "amr", FileKind::Audio),
    ("audio/3gpp", "3gp", FileKind::Audio),
    ("audio/aac", "aac", FileKind::Audio),
    ("audio/mpeg", "mp3", FileKind::Audio),
    ("video/mp4", "mp4", FileKind::Video),
    ("application/pdf", "pdf", FileKind::Document),
    ("application/msword", "doc", FileKind::Document),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx", FileKind::Document),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx", FileKind::Document),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", FileKind::Document),
    ("text/vcard", "vcf", FileKind::Document),
];

/// The most bytes of a file, in any case.
pub(super) const MAX_BYTES: usize = 16 * MIB;

const fn max_bytes(kind: FileKind) -> usize {
    if matches!(kind, FileKind::Image) { 5 * MIB } else { MAX_BYTES }
}

/// Refuses a file that Twilio would take and WhatsApp refuse later. Twilio shows a file as what its type says, so one of
/// another kind would be shown as something else.
///
/// A file without a name is given one that fits its type.
pub(super) fn check(kind: FileKind, field: &str, file: &FileBytes, name: Option<&str>) -> Result<String> {
    let essence = file.mime_type.split(';').next().unwrap_or_default().trim();
    let known = TYPES.iter().find(|(name, _, of)| *of == kind && essence.eq_ignore_ascii_case(name));
    let (_, ending, _) = known.ok_or_else(|| Error::unsupported(format!("{field}.mime_type")))?;
    match file.data.len() {
        0 => Err(Error::invalid(field.to_owned()).with_limit(1, 0)),
        length if length > max_bytes(kind) => {
            Err(Error::over_limit(field.to_owned(), max_bytes(kind) as u64, length as u64))
        }
        _ => Ok(name.map_or_else(|| format!("file.{ending}"), str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn check(kind: FileKind, mime_type: &str, length: usize) -> Result<String> {
        super::check(kind, "content.media", &FileBytes::new(vec![0; length], mime_type), None)
    }

    #[test]
    fn each_size_at_its_limit_and_past_it() {
        for (kind, mime_type, max) in [
            (FileKind::Image, "image/webp", 5_242_880),
            (FileKind::Audio, "audio/ogg; codecs=opus", 16_777_216),
            (FileKind::Video, "video/mp4", 16_777_216),
            (FileKind::Document, "Application/PDF ", 16_777_216),
        ] {
            assert!(check(kind, mime_type, max).is_ok());
            let over = check(kind, mime_type, max + 1).unwrap_err();
            assert_eq!((over.kind(), over.field()), (ErrorKind::Unsupported, Some("content.media")));
            assert_eq!((over.limit(), over.actual()), (Some(max as u64), Some(max as u64 + 1)));
            let empty = check(kind, mime_type, 0).unwrap_err();
            assert_eq!((empty.kind(), empty.limit()), (ErrorKind::InvalidMessage, Some(1)));
        }
    }

    #[test]
    fn a_file_is_of_a_type_of_its_kind() {
        for (mime_type, ending, kind) in TYPES {
            assert_eq!(check(*kind, mime_type, 1).unwrap(), format!("file.{ending}"));
            for other in [FileKind::Image, FileKind::Audio, FileKind::Video, FileKind::Document] {
                assert_eq!(check(other, mime_type, 1).is_ok(), other == *kind, "{mime_type} as {other:?}");
            }
        }
        for mime_type in ["", "image", "image/gif", "image/svg+xml", "text/plain", "video/3gpp"] {
            let error = check(FileKind::Image, mime_type, 1).unwrap_err();
            assert_eq!(
                (error.kind(), error.field()),
                (ErrorKind::Unsupported, Some("content.media.mime_type"))
            );
        }
    }
}
