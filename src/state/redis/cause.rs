use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use redis::{ErrorKind, RedisError};

/// What is told of an error of Redis: neither an address nor what the server quotes (keys, the name of a user, where in a
/// cluster a key has moved to).
#[derive(thiserror::Error)]
#[error("{0}")]
pub(super) struct Cause(String);

impl Cause {
    pub(super) fn timed_out() -> Self {
        Self("Redis did not answer in time".to_owned())
    }

    pub(super) fn unreadable() -> Self {
        Self("what is there was not written by this store".to_owned())
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<RedisError> for Cause {
    fn from(error: RedisError) -> Self {
        if let Some(code) = error.code() {
            return Self(format!("Redis answered {code}"));
        }
        let shared = error.source().and_then(|source| source.downcast_ref::<Arc<dyn Error + Send + Sync>>());
        let io = shared.and_then(|shared| shared.downcast_ref::<io::Error>());
        Self(match (error.kind(), io) {
            (ErrorKind::InvalidClientConfig, _) => "the settings of the connection are not valid".to_owned(),
            (_, Some(io)) => format!("the connection failed: {}", io.kind()),
            (_, None) => format!("the connection failed: {}", error.category()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_quoted_is_told() {
        let secret = "redis://me:secret@10.0.0.1".to_owned();
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, secret.clone());
        let cases = [
            (RedisError::from(refused), "the connection failed: connection refused"),
            (
                RedisError::from((ErrorKind::InvalidClientConfig, "bad", secret.clone())),
                "the settings of the connection are not valid",
            ),
            (
                RedisError::from((ErrorKind::AuthenticationFailed, "bad", secret.clone())),
                "the connection failed: authentication failed",
            ),
            (redis::make_extension_error("OOM".to_owned(), Some(secret)), "Redis answered OOM"),
        ];
        for (error, says) in cases {
            let cause = Cause::from(error);
            assert_eq!((format!("{cause}"), format!("{cause:?}")), (says.to_owned(), says.to_owned()));
        }
    }
}
