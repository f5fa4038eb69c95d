use std::fmt;

/// What is told of an error of a database, without what it quotes of the rows: PostgreSQL names the values of a key that
/// exists already, and the place in a JSON text that it cannot read.
#[derive(thiserror::Error)]
#[error("{0}")]
pub(crate) struct Cause(String);

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        Self(match error {
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                if quotes_no_row(&code) {
                    format!("the database answered {code}: {}", error.message())
                } else {
                    format!("the database answered {code}")
                }
            }
            // May quote the URL, and with it the password.
            sqlx::Error::Configuration(_) => "the settings of the connection are not valid".to_owned(),
            sqlx::Error::Io(error) => format!("the connection failed: {}", error.kind()),
            // May quote a value.
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => {
                "a value could not be read or written".to_owned()
            }
            other => other.to_string(),
        })
    }
}

/// Whether the message belonging to this code is about the server, the role or the names in the statement. Codes of
/// PostgreSQL have five characters and their class in the first two; SQLite's are shorter, and its messages name columns
/// at most.
fn quotes_no_row(code: &str) -> bool {
    const CLASSES: [&str; 10] = ["08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57"];
    code.len() != 5 || CLASSES.iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_about_the_server_are_told() {
        assert!(quotes_no_row("42P01"), "the table does not exist");
        assert!(quotes_no_row("57014"), "the statement was cancelled");
        assert!(quotes_no_row("5"), "SQLite is busy");
        assert!(!quotes_no_row("22P02"), "it quotes the value");
        assert!(!quotes_no_row("23505"), "it quotes the key");
        assert!(!quotes_no_row("P0001"), "somebody's trigger says anything");
    }

    #[test]
    fn a_url_is_not_told() {
        let error = sqlx::Error::Configuration("postgres://me:secret@host".into());
        let told = Cause::from(error);
        assert_eq!(format!("{told} {told:?}"), ["the settings of the connection are not valid"; 2].join(" "));
    }
}
