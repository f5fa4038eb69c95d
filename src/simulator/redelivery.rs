use std::time::Duration;

use http::{Response, StatusCode};

/// What came back from a webhook that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookAnswer {
    /// An answer with this status.
    Status(StatusCode),
    /// There was no connection.
    NotConnected,
    /// No answer came in time.
    TimedOut,
}

impl From<StatusCode> for WebhookAnswer {
    fn from(status: StatusCode) -> Self {
        Self::Status(status)
    }
}

impl<B> From<Response<B>> for WebhookAnswer {
    fn from(response: Response<B>) -> Self {
        Self::Status(response.status())
    }
}

/// How long Meta goes on posting a webhook that is not answered with 200.
const META_GIVES_UP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// After how long Meta posts it for the second time here. Every further pause is twice as long; the real one says only
/// that they grow.
const META_FIRST_PAUSE: Duration = Duration::from_secs(10);
/// How long Twilio pauses here; the real one does not say.
const TWILIO_PAUSE: Duration = Duration::from_secs(1);

/// When a webhook is posted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redelivery {
    /// After anything but 200, less and less often, for seven days.
    Meta,
    Twilio(Overrides),
}

impl Redelivery {
    /// How long after the answer to the attempt of this number, counted from one, the next one follows.
    pub(super) fn pause(self, attempt: u32, answer: WebhookAnswer) -> Option<Duration> {
        match self {
            Self::Meta if answer == WebhookAnswer::Status(StatusCode::OK) => None,
            Self::Meta => {
                let doublings = 2_u32.checked_pow(attempt.saturating_sub(1))?;
                // The pauses so far, and the next one.
                let since_first =
                    META_FIRST_PAUSE.saturating_mul(doublings.saturating_mul(2).saturating_sub(1));
                (since_first <= META_GIVES_UP).then(|| META_FIRST_PAUSE.saturating_mul(doublings))
            }
            Self::Twilio(overrides) => {
                (attempt <= overrides.retries && overrides.covers(answer)).then_some(TWILIO_PAUSE)
            }
        }
    }
}

/// The answers after which Twilio may be told to post again.
const POLICIES: [&str; 5] = ["4xx", "5xx", "ct", "rt", "all"];

/// What Twilio reads after the `#` of a webhook's address, of what matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrides {
    retries: u32,
    on_4xx: bool,
    on_5xx: bool,
    on_connect: bool,
    on_read: bool,
}

impl Default for Overrides {
    fn default() -> Self {
        Self { retries: 1, on_4xx: false, on_5xx: false, on_connect: true, on_read: false }
    }
}

impl Overrides {
    /// Reads `rc=3&rp=5xx,ct`. What it does not know, or makes no sense, leaves the default.
    pub(super) fn read(fragment: &str) -> Self {
        let mut overrides = Self::default();
        for (name, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "rc" => {
                    let retries = value.parse().ok().filter(|retries| *retries <= 5);
                    overrides.retries = retries.unwrap_or(overrides.retries);
                }
                "rp" if value.split(',').any(|given| POLICIES.contains(&given)) => {
                    let has = |policy| value.split(',').any(|given| given == policy || given == "all");
                    overrides.on_4xx = has("4xx");
                    overrides.on_5xx = has("5xx");
                    overrides.on_connect = has("ct");
                    overrides.on_read = has("rt");
                }
                _ => {}
            }
        }
        overrides
    }

    fn covers(self, answer: WebhookAnswer) -> bool {
        match answer {
            WebhookAnswer::Status(status) => {
                (self.on_4xx && status.is_client_error()) || (self.on_5xx && status.is_server_error())
            }
            WebhookAnswer::NotConnected => self.on_connect,
            WebhookAnswer::TimedOut => self.on_read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNAVAILABLE: WebhookAnswer = WebhookAnswer::Status(StatusCode::SERVICE_UNAVAILABLE);

    /// The pauses after answers that are all the same.
    fn pauses(redelivery: Redelivery, answer: WebhookAnswer) -> Vec<u64> {
        (1..).map_while(|attempt| redelivery.pause(attempt, answer)).map(|pause| pause.as_secs()).collect()
    }

    #[test]
    fn meta_posts_less_and_less_often_for_seven_days() {
        let all = pauses(Redelivery::Meta, UNAVAILABLE);
        assert_eq!(all[..4], [10, 20, 40, 80]);
        assert!(all.windows(2).all(|pair| pair[1] == 2 * pair[0]));
        let sum: u64 = all.iter().sum();
        assert!(sum <= 7 * 86_400 && 2 * sum + 10 > 7 * 86_400, "{sum}");
        for refused in [
            WebhookAnswer::Status(StatusCode::NO_CONTENT),
            WebhookAnswer::Status(StatusCode::FOUND),
            WebhookAnswer::Status(StatusCode::UNAUTHORIZED),
            WebhookAnswer::NotConnected,
            WebhookAnswer::TimedOut,
        ] {
            assert_eq!(pauses(Redelivery::Meta, refused), all, "{refused:?}");
        }
        assert!(pauses(Redelivery::Meta, StatusCode::OK.into()).is_empty());
    }

    #[test]
    fn twilio_posts_again_what_its_address_asks_for() {
        let answers = [
            WebhookAnswer::NotConnected,
            WebhookAnswer::TimedOut,
            UNAVAILABLE,
            StatusCode::NOT_FOUND.into(),
            StatusCode::NO_CONTENT.into(),
        ];
        for (fragment, counts) in [
            ("", [1, 0, 0, 0, 0]),
            ("rc=5&rp=all", [5, 5, 5, 5, 0]),
            ("rc=2&rp=5xx,rt", [0, 2, 2, 0, 0]),
            ("rp=4xx", [0, 0, 0, 1, 0]),
            ("rc=0", [0; 5]),
            ("rc=6&e=dublin&rp=nonsense", [1, 0, 0, 0, 0]),
        ] {
            let redelivery = Redelivery::Twilio(Overrides::read(fragment));
            assert_eq!(answers.map(|answer| pauses(redelivery, answer).len()), counts, "{fragment}");
        }
    }
}
