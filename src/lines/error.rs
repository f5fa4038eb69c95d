use super::LineId;

/// Why a directory of lines refused something. Where a message is refused, this is the
/// [`source`](std::error::Error::source) of the [`Error`](crate::Error).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// A line of this name is there already.
    #[error("the line `{line}` exists already")]
    Exists {
        /// The line.
        line: LineId,
    },
    /// There is no line of this name.
    #[error("there is no line `{line}`")]
    Missing {
        /// The line.
        line: LineId,
    },
    /// The line was retired, and sends nothing more.
    #[error("the line `{line}` is retired")]
    Retired {
        /// The line.
        line: LineId,
    },
    /// One of the new provider's [`senders`](crate::WhatsAppProvider::senders) is another line's.
    #[error("`senders`: one of them belongs to the line `{line}`")]
    SenderTaken {
        /// The line that has it.
        line: LineId,
    },
    /// The message has no `from`, and there is not exactly one line.
    #[error("`from` is missing, and there is not exactly one line")]
    NoSender,
    /// The sender is that of no line.
    #[error("`from` is the sender of no line")]
    UnknownSender,
}

impl LineError {
    /// The field that it is about: `line`, `senders` or `from`.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Exists { .. } | Self::Missing { .. } | Self::Retired { .. } => "line",
            Self::SenderTaken { .. } => "senders",
            Self::NoSender | Self::UnknownSender => "from",
        }
    }
}
