//! Contents: what Twilio keeps of a message before it is sent. Templates are contents, and so is everything with something
//! to tap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

mod directory;
mod making;
mod pace;
mod settings;
mod single_flight;
mod skeleton;
mod template;
mod time;

pub(super) use settings::ContentSettings;
pub(super) use template::link;
pub use template::{CardVariables, ContentTemplate};

use directory::{Directory, Key, unavailable};
use pace::Pace;
use single_flight::SingleFlight;
use skeleton::{Skeleton, Style, skeleton};

use super::builder::is_sid;
use crate::clock::Clock;
use crate::error::{ConfigError, Error, Result};
use crate::ids::ProviderId;
use crate::outbound::{Dropped, Interactive, Template};

/// The most characters that a variable's value may have.
const MAX_VALUE_CHARS: usize = 1600;
/// The most contents that are remembered. One that is forgotten is found again, or made anew.
const MOST_MADE: usize = 1_000;
/// The most characters of what names begin with.
const MAX_PREFIX: usize = 64;

/// What is known of the contents of one account, whichever of its numbers sends. No other account can send them (21655), and
/// [has its own](Self::of_another_account).
#[derive(Debug)]
pub(super) struct Contents {
    /// Those that were given, which are never looked up.
    templates: BTreeMap<Key, ContentTemplate>,
    settings: ContentSettings,
    /// What was found or made, by its name.
    made: SingleFlight<String, Made>,
    directory: Directory,
    pace: Pace,
}

/// A content that a message needs, with what fills it.
#[derive(Debug)]
pub(super) struct Wanted {
    source: Source,
    variables: BTreeMap<String, String>,
}

/// Where the SID of a content comes from.
#[derive(Debug)]
enum Source {
    /// It was given.
    Sid(Arc<str>),
    /// The account's list of templates.
    Listed(Key),
    /// It is found by its name, or made.
    Made(Skeleton),
}

/// A content that was found or made.
#[derive(Debug, Clone)]
struct Made {
    sid: Arc<str>,
    /// When it was made, by the clock's monotonic time, if it was not found.
    at: Option<Duration>,
}

impl Wanted {
    /// A JSON object; `None` if there are no variables, because an empty object is refused.
    fn variables_json(&self) -> Result<Option<String>> {
        let json = || serde_json::to_string(&self.variables).map_err(|_| Error::unsupported("content"));
        (!self.variables.is_empty()).then(json).transpose()
    }
}

impl Contents {
    pub(super) fn new(settings: ContentSettings) -> Result<Self, ConfigError> {
        let mut templates = BTreeMap::new();
        for template in &settings.templates {
            template.validate()?;
            if templates.insert(template.key(), template.clone()).is_some() {
                return Err(ConfigError::new("template", "two contents are given for one name and language"));
            }
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let prefix = settings.prefix.as_str();
        if !(1..=MAX_PREFIX).contains(&prefix.len()) || !prefix.bytes().all(plain) {
            return Err(ConfigError::new("content_prefix", "has 1 to 64 letters, digits, `_` or `-`"));
        }
        Ok(Self::with(templates, settings))
    }

    fn with(templates: BTreeMap<Key, ContentTemplate>, settings: ContentSettings) -> Self {
        Self {
            templates,
            made: SingleFlight::new(MOST_MADE),
            directory: Directory::new(settings.refresh),
            settings,
            pace: Pace::default(),
        }
    }

    /// As these were set up, for another account: templates that are looked up stay, and SIDs are those of one account.
    pub(super) fn of_another_account(&self) -> Self {
        let looked_up = self.templates.iter().filter(|(_, template)| template.content_sid().is_none());
        let templates = looked_up.map(|(key, template)| (key.clone(), template.clone())).collect();
        Self::with(templates, self.settings.clone())
    }

    /// Puts a template into Twilio's terms.
    ///
    /// # Errors
    ///
    /// What can be known without a request: of templates that were given, and of those that were looked up before.
    pub(super) fn template(
        &self,
        clock: &dyn Clock,
        provider: &ProviderId,
        template: &Template,
    ) -> Result<(Wanted, Vec<Dropped>)> {
        let key = (template.name.clone(), template.language.clone());
        let bare = || ContentTemplate::looked_up(template.name.as_str(), template.language.as_str());
        let given = self.templates.get(&key);
        let map = given.cloned().unwrap_or_else(bare);
        let source = match map.content_sid() {
            Some(sid) => Source::Sid(sid.into()),
            None if self.settings.look_up => Source::Listed(key),
            None => return Err(unavailable()),
        };
        let known = match &source {
            Source::Listed(key) => self.directory.known(key, clock.elapsed()),
            _ => None,
        };
        if let Some(None) = known {
            return Err(unavailable());
        }
        let (variables, dropped) = map.variables(provider, template)?;
        if let Some(Some(listed)) = known {
            listed.takes(&variables)?;
        }
        Ok((Wanted { source, variables }, dropped))
    }

    /// Puts a message with something to tap into Twilio's terms.
    pub(super) fn interactive(&self, interactive: &Interactive) -> Result<Wanted> {
        let style = Style { prefix: &self.settings.prefix, literal: self.settings.literal };
        let (skeleton, variables) = skeleton(interactive, style)?;
        Ok(Wanted { source: Source::Made(skeleton), variables })
    }

    /// A status says that a template is not there: the list of templates is read again.
    pub(super) fn doubt_templates(&self) {
        self.directory.doubt();
    }
}

fn is_content_sid(sid: &str) -> bool {
    is_sid("HX", sid)
}
