use crate::error::ConfigError;

/// The longest name, in bytes. PostgreSQL cuts names at 63, and those of the indexes are the table's and a bit more.
const MAX_NAME: usize = 40;

/// Takes only names that can stand in a statement as they are.
pub(crate) fn checked(field: &'static str, name: &str) -> Result<String, ConfigError> {
    let letter = |b: u8| b.is_ascii_lowercase() || b == b'_';
    let first = name.bytes().next().is_some_and(letter);
    let rest = name.bytes().all(|b| letter(b) || b.is_ascii_digit());
    if first && rest && name.len() <= MAX_NAME {
        Ok(name.to_owned())
    } else {
        Err(ConfigError::new(field, "has 1 to 40 of a-z, 0-9 and _, and does not begin with a digit"))
    }
}

/// A table as it is written in a statement.
pub(crate) fn quoted(schema: &str, table: &str) -> String {
    format!("\"{schema}\".\"{table}\"")
}
