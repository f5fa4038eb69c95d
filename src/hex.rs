//! Bytes as text.

/// The bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().copied().flat_map(hex_digits).map(char::from).collect()
}

/// One byte as two lower-case hexadecimal digits, in ASCII.
pub(crate) fn hex_digits(byte: u8) -> [u8; 2] {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + (value - 10) };
    [digit(byte >> 4), digit(byte & 0x0f)]
}

/// Reads 64 hexadecimal digits of either case. `None` if it is anything else.
#[cfg(feature = "meta")]
pub(crate) fn unhex_32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut digits = text.chars();
    for byte in &mut bytes {
        let high = digits.next()?.to_digit(16)?;
        let low = digits.next()?.to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    digits.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "meta")]
    #[test]
    fn thirty_two_bytes_are_read_back_from_digits_of_either_case() {
        let bytes = std::array::from_fn(|index| u8::try_from(index * 8).unwrap());
        let text = hex(&bytes);
        for good in [&text, &text.to_uppercase()] {
            assert_eq!(unhex_32(good), Some(bytes), "{good}");
        }
        let short = text.strip_suffix("f8").unwrap();
        for bad in
            ["", short, &format!("{text}0"), &format!("{short}fg"), &format!("{short}é"), &format!("+{text}")]
        {
            assert_eq!(unhex_32(bad), None, "{bad}");
        }
    }

    #[test]
    fn two_lower_case_digits_for_every_byte() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
        assert_eq!(hex(&[]), "");
    }
}
