//! What Meta carries of each part: the numbers of its reference, and how they are held.

use crate::error::{Error, Result};
use crate::outbound::{Field, ProductSection, chars_between, present};

/// In characters.
pub(super) const MAX_TEXT: usize = 4096;
/// In characters.
pub(super) const MAX_CAPTION: usize = 1024;
/// In characters: of an interactive message, and of the parameter of a template's body.
pub(super) const MAX_BODY: usize = 1024;
/// In characters.
pub(super) const MAX_HEADER: usize = 60;
/// In characters.
pub(super) const MAX_FOOTER: usize = 60;
/// In characters: what a button says.
pub(super) const MAX_LABEL: usize = 20;
/// In characters: the title of a section, of a list or of products.
pub(super) const MAX_SECTION_TITLE: usize = 24;
/// The cards of a carousel.
pub(super) const CARDS: (usize, usize) = (2, 10);

const MAX_PRODUCT_SECTIONS: usize = 10;
const MAX_PRODUCTS: usize = 30;

/// Refuses more, or fewer, than Meta carries.
pub(super) fn count_between(
    field: impl Into<Field>,
    count: usize,
    (least, most): (usize, usize),
) -> Result<()> {
    let limit = if count < least { least } else { most };
    if (least..=most).contains(&count) {
        Ok(())
    } else {
        Err(Error::over_limit(field, limit as u64, count as u64))
    }
}

/// A text that may be missing, as it is to be written: an empty one is missing.
pub(super) fn optional(field: impl Into<Field>, text: &Option<String>, max: usize) -> Result<Option<&str>> {
    let text = present(text);
    text.map_or(Ok(()), |text| chars_between(field, text, max))?;
    Ok(text)
}

/// Sections of products, in a message and behind the button of a template.
pub(super) fn product_sections(path: &str, sections: &[ProductSection]) -> Result<()> {
    count_between(path.to_owned(), sections.len(), (1, MAX_PRODUCT_SECTIONS))?;
    for (index, section) in sections.iter().enumerate() {
        let title = section.title.chars().count();
        count_between(format!("{path}[{index}].title"), title, (0, MAX_SECTION_TITLE))?;
    }
    let products = sections.iter().map(|section| section.products.len()).sum();
    count_between(format!("{path}[].products"), products, (1, MAX_PRODUCTS))
}
