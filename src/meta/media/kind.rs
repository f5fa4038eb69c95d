use crate::error::{Error, Result};
use crate::outbound::{Field, FileKind};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// What a file is sent as, which decides how large it may be and of which types.
///
/// | kind | types | at most |
/// |---|---|---|
/// | image | `image/jpeg`, `image/png` (8 bits, RGB or RGBA) | 5 MiB |
/// | audio | `audio/aac`, `audio/amr`, `audio/mpeg`, `audio/mp4`, `audio/ogg` (Opus, mono) | 16 MiB |
/// | video | `video/mp4`, `video/3gpp` (H.264 with AAC, one audio track) | 16 MiB |
/// | document | any; Meta documents text, PDF and office files | 100 MiB |
/// | sticker | `image/webp` | 100 KiB, 500 KiB if it moves |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A sound file or a voice message.
    Audio,
    /// A video.
    Video,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// What a file of this media type is sent as. Parameters (`; codecs=opus`) do not count; a document is what nothing
    /// else is.
    pub fn of(mime_type: &str) -> Self {
        let kinds = [Self::Image, Self::Audio, Self::Video, Self::Sticker];
        kinds.into_iter().find(|kind| kind.takes(mime_type)).unwrap_or(Self::Document)
    }

    /// The largest file, in bytes. For a sticker it is that of one that moves.
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::Image => 5 * MIB,
            Self::Audio | Self::Video => 16 * MIB,
            Self::Document => 100 * MIB,
            Self::Sticker => 500 * KIB,
        }
    }

    /// Whether a file of this media type can be sent as this.
    pub fn takes(self, mime_type: &str) -> bool {
        let types: &[&str] = match self {
            Self::Image => &["image/jpeg", "image/png"],
            Self::Audio => &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"],
            Self::Video => &["video/mp4", "video/3gpp"],
            Self::Sticker => &["image/webp"],
            Self::Document => return true,
        };
        let essence = mime_type.split(';').next().unwrap_or_default().trim();
        types.iter().any(|name| essence.eq_ignore_ascii_case(name))
    }

    /// Refuses a file that Meta would refuse. Of a file that is streamed there are no bytes to look at.
    pub(super) fn check(self, field: &str, mime_type: &str, length: u64, data: Option<&[u8]>) -> Result<()> {
        let type_field = || Field::from(format!("{field}.mime_type"));
        if !is_media_type(mime_type) {
            return Err(Error::invalid(type_field()));
        }
        if !self.takes(mime_type) {
            return Err(Error::unsupported(type_field()));
        }
        let max = match (self, data) {
            (Self::Sticker, Some(data)) if !moves(data) => 100 * KIB,
            _ => self.max_bytes(),
        };
        match length {
            0 => Err(Error::invalid(field.to_owned()).with_limit(1, 0)),
            length if length > max => Err(Error::over_limit(field.to_owned(), max, length)),
            _ => Ok(()),
        }
    }
}

impl From<FileKind> for MediaKind {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::Image => Self::Image,
            FileKind::Video => Self::Video,
            FileKind::Audio => Self::Audio,
            FileKind::Document => Self::Document,
            FileKind::Sticker => Self::Sticker,
        }
    }
}

/// Whether a WebP file has the flag of an animation in its extended header.
fn moves(data: &[u8]) -> bool {
    const ANIMATION: u8 = 0b10;
    data.get(12..16) == Some(b"VP8X") && data.get(20).is_some_and(|flags| flags & ANIMATION != 0)
}

/// `type/subtype`, and perhaps parameters, in visible ASCII characters and spaces: what can stand in a header.
fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    let named = essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype));
    named && text.len() <= 255 && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_type_decides_what_a_file_is() {
        for (mime_type, kind) in [
            ("image/jpeg", MediaKind::Image),
            ("IMAGE/PNG", MediaKind::Image),
            ("audio/ogg; codecs=opus", MediaKind::Audio),
            ("audio/ogg ;codecs=opus", MediaKind::Audio),
            ("video/3gpp", MediaKind::Video),
            ("image/webp", MediaKind::Sticker),
            ("application/pdf", MediaKind::Document),
            ("image/gif", MediaKind::Document),
            ("audio/wav", MediaKind::Document),
        ] {
            assert_eq!(MediaKind::of(mime_type), kind, "{mime_type}");
            assert!(kind.takes(mime_type) && MediaKind::Document.takes(mime_type));
        }
    }

    fn refusal(kind: MediaKind, mime_type: &str, length: u64) -> Option<(ErrorKind, String, Option<u64>)> {
        let error = kind.check("media", mime_type, length, None).err()?;
        Some((error.kind(), error.field().unwrap().to_owned(), error.limit()))
    }

    #[test]
    fn each_size_at_its_limit_and_past_it() {
        for (kind, mime_type, max) in [
            (MediaKind::Image, "image/png", 5_242_880),
            (MediaKind::Audio, "audio/amr", 16_777_216),
            (MediaKind::Video, "video/mp4", 16_777_216),
            (MediaKind::Document, "application/zip", 104_857_600),
            (MediaKind::Sticker, "image/webp", 512_000),
        ] {
            assert_eq!(kind.max_bytes(), max);
            assert_eq!(refusal(kind, mime_type, max), None);
            let over = kind.check("media", mime_type, max + 1, None).unwrap_err();
            assert_eq!((over.kind(), over.field()), (ErrorKind::Unsupported, Some("media")));
            assert_eq!((over.limit(), over.actual()), (Some(max), Some(max + 1)));
            let empty = (ErrorKind::InvalidMessage, "media".to_owned(), Some(1));
            assert_eq!(refusal(kind, mime_type, 0), Some(empty));
        }
    }

    #[test]
    fn a_sticker_that_moves_may_be_larger() {
        let webp = |flags: u8| {
            let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
            file.push(flags);
            file.resize(102_401, 0);
            file
        };
        let check =
            |data: &[u8]| MediaKind::Sticker.check("media", "image/webp", data.len() as u64, Some(data));
        assert!(check(&webp(0b0001_0010)).is_ok());
        for still in [webp(0b0001_0000), vec![0; 102_401]] {
            assert_eq!(check(&still).unwrap_err().limit(), Some(102_400));
            assert!(check(&still[..102_400]).is_ok());
        }
    }

    #[test]
    fn a_type_is_one_that_can_stand_in_a_header() {
        let field = "media.mime_type".to_owned();
        let long = format!("a/{}", "b".repeat(254));
        for bad in
            ["", "png", "image/", "/png", "image/png/x", "a b/c", "é/x", "a/b; x=é", "a/b\r\nX: y", &long]
        {
            let invalid = Some((ErrorKind::InvalidMessage, field.clone(), None));
            assert_eq!(refusal(MediaKind::Document, bad, 1), invalid, "{bad}");
        }
        let foreign = Some((ErrorKind::Unsupported, field.clone(), None));
        assert_eq!(refusal(MediaKind::Image, "image/webp", 1), foreign);
        assert_eq!(refusal(MediaKind::Audio, "video/mp4", 1), foreign);
        let office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(refusal(MediaKind::Document, office, 1), None);
        assert_eq!(refusal(MediaKind::Audio, "audio/ogg; codecs=\"opus\"", 1), None);
    }
}
