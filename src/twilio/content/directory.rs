//! The templates that the account has, looked up in its list.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::is_content_sid;
use super::single_flight::SingleFlight;
use super::skeleton::VARIABLE;
use super::time::Time;
use crate::clock::timeout;
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::twilio::account::Account;

/// Name and language of a template.
pub(super) type Key = (String, String);

/// How long nothing is asked again after the list was read, whatever is missing in it.
const RETRY: Duration = Duration::from_secs(60);
/// How long a list may take to be read that has been interrupted; after that it begins anew.
const WALK: Duration = Duration::from_secs(600);
/// How long a message waits for a newer list when there is an older one that has its template.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many contents a page has. More may not fit into an answer of the size that is read.
const PAGE_SIZE: &str = "100";
/// The most pages that are read: what has more is no list.
const MAX_PAGES: usize = 2_000;

/// The account's list of templates, which is read when it is needed.
pub(super) struct Directory {
    loaded: SingleFlight<(), Arc<List>>,
    /// What was read of a list that has not come to its end, so that no deadline can be too short for a long list.
    walk: Mutex<Walk>,
    /// How often Twilio has refused a template that is in the list.
    doubts: Mutex<u64>,
    /// How long a list holds.
    refresh: Duration,
}

/// The templates that may be sent, as they were read.
struct List {
    templates: Arc<HashMap<Key, Listed>>,
    /// By the clock's monotonic time.
    loaded_at: Duration,
    stale_at: Duration,
    /// How many doubts there were when it began to be read: a later one is about this list.
    doubts: u64,
}

/// A template in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) content_sid: Arc<str>,
    /// The variables without which it cannot be sent.
    required: BTreeSet<String>,
    /// All that it knows.
    allowed: BTreeSet<String>,
}

/// A list that is being read. Until its first page is there it begins anew each time.
#[derive(Default)]
struct Walk {
    begun: Duration,
    doubts: u64,
    templates: HashMap<Key, Listed>,
    /// The query of the next page.
    next: Option<String>,
    seen: HashSet<String>,
}

impl Walk {
    /// The query of the page that is read now.
    fn place(&self) -> String {
        self.next.clone().unwrap_or_else(|| format!("PageSize={PAGE_SIZE}"))
    }
}

impl Directory {
    pub(super) fn new(refresh: Duration) -> Self {
        Self { loaded: SingleFlight::new(1), walk: Mutex::default(), doubts: Mutex::default(), refresh }
    }

    /// What is known of a template without asking: `None` if a send would ask.
    pub(super) fn known(&self, key: &Key, now: Duration) -> Option<Option<Listed>> {
        let doubts = self.doubts();
        let list = self.loaded.known(&()).filter(|list| list.answers(key, now, doubts))?;
        Some(list.templates.get(key).cloned())
    }

    /// Twilio says that a template which the list has is not there: the list is read again, but not more than once a
    /// minute.
    pub(super) fn doubt(&self) {
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        *doubts = doubts.saturating_add(1);
    }

    fn doubts(&self) -> u64 {
        *self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn walk(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("refresh", &self.refresh).finish_non_exhaustive()
    }
}

impl List {
    /// Whether it can be relied on for this template at this time, after so many doubts.
    fn answers(&self, key: &Key, now: Duration, doubts: u64) -> bool {
        let fresh = now < self.stale_at && doubts <= self.doubts;
        now < self.loaded_at.saturating_add(RETRY) || (fresh && self.templates.contains_key(key))
    }
}

impl Listed {
    /// Refuses variables that are not those of the content: Twilio would refuse an unknown one (21656), and send its
    /// sample to the user where one is missing.
    pub(super) fn takes(&self, variables: &BTreeMap<String, String>) -> Result<()> {
        let missing = self.required.iter().any(|name| !variables.contains_key(name));
        let unknown = variables.keys().any(|name| !self.allowed.contains(name));
        if !missing && !unknown {
            return Ok(());
        }
        let error = Error::unsupported("content.body");
        let (expected, actual) = (self.required.len() as u64, variables.len() as u64);
        Err(if expected == actual { error } else { error.with_limit(expected, actual) })
    }

    /// Reads an element of the list, if it is a template that may be sent.
    fn read(content: &Value) -> Option<(Key, Self)> {
        let text = |json: &Value, name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let content_sid = text(content, "sid").filter(|sid| is_content_sid(sid))?.into();
        let language = text(content, "language")?;
        let approval = content.get("approval_requests")?;
        // One call has the approval itself there, another one has it under the channel's name.
        let approval = approval.get("whatsapp").unwrap_or(approval);
        let name = text(approval, "name").filter(|name| !name.is_empty())?;
        if !text(approval, "status")?.eq_ignore_ascii_case("approved") {
            return None;
        }
        let types = content.get("types").unwrap_or(&Value::Null);
        let mut allowed = BTreeSet::new();
        collect_variables(types, &mut allowed);
        let mut required = BTreeSet::new();
        // The one that was approved is the one that is sent; others are for other channels.
        let approved = text(approval, "content_type").and_then(|name| types.get(name));
        collect_variables(approved.unwrap_or(types), &mut required);
        if types.get("whatsapp/authentication").is_some() {
            // Its text is WhatsApp's own, and shows no variable.
            allowed.insert("1".to_owned());
            required.insert("1".to_owned());
        }
        Some(((name, language), Self { content_sid, required, allowed }))
    }
}

/// Adds the names of all variables in any text.
fn collect_variables(json: &Value, names: &mut BTreeSet<String>) {
    match json {
        Value::String(text) => {
            let after = text.split(VARIABLE).skip(1);
            names.extend(after.filter_map(|rest| Some(rest.split_once("}}")?.0.trim().to_owned())));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect_variables(element, names)),
        Value::Object(members) => members.values().for_each(|member| collect_variables(member, names)),
        _ => {}
    }
}

impl Account {
    /// Finds a template in the account's list, which is read if it is not known or no longer holds.
    pub(super) async fn listed(&self, key: &Key, time: &Time<'_>) -> Result<Listed> {
        let directory = &self.contents.directory;
        let doubts = directory.doubts();
        let usable = |list: &Arc<List>| list.answers(key, time.clock.elapsed(), doubts);
        let read = directory.loaded.get(&(), usable, time, async { self.read_list(time).await });
        let old = directory.loaded.known(&());
        let list = match old.filter(|old| old.templates.contains_key(key)) {
            None => read.await?,
            // A message does not suffer because nobody could look whether its template is still there.
            Some(old) => match timeout(time.clock, PATIENCE, read).await {
                Some(Ok(new)) => new,
                Some(Err(_)) | None => {
                    time.left()?;
                    self.keep(&old, doubts, time.clock.elapsed());
                    old
                }
            },
        };
        list.templates.get(key).cloned().ok_or_else(unavailable)
    }

    /// Relies on a list for another minute, in spite of the doubts that there were before it could not be read again.
    fn keep(&self, old: &Arc<List>, doubts: u64, now: Duration) {
        let kept = List {
            templates: Arc::clone(&old.templates),
            loaded_at: old.loaded_at,
            stale_at: now.saturating_add(RETRY),
            doubts,
        };
        let is_old = |known: &Arc<List>| Arc::ptr_eq(known, old);
        self.contents.directory.loaded.replace(&(), is_old, Arc::new(kept));
    }

    /// Reads the list to its end, from where it was left off.
    async fn read_list(&self, time: &Time<'_>) -> Result<Arc<List>> {
        let directory = &self.contents.directory;
        let from = time.clock.elapsed();
        loop {
            let now = time.clock.elapsed();
            let doubts = directory.doubts();
            let (begun, query) = {
                let mut walk = directory.walk();
                if walk.seen.is_empty() || now > walk.begun.saturating_add(WALK) {
                    *walk = Walk { begun: now, doubts, ..Walk::default() };
                }
                (walk.begun, walk.place())
            };
            let url = format!("{}/v1/ContentAndApprovals?{query}", self.content_url);
            let page = match self.ask_for_list(url, time).await {
                Ok(page) => page,
                Err(error) => {
                    if error.status().is_some_and(|status| (400..500).contains(&status) && status != 429) {
                        // The place where it was left off may be one no longer.
                        let mut walk = directory.walk();
                        if walk.begun == begun {
                            *walk = Walk::default();
                        }
                    }
                    return Err(error);
                }
            };
            let mut walk = directory.walk();
            if walk.begun != begun || walk.place() != query {
                // Somebody else has gone on meanwhile, because this one was taken for one who does not.
                drop(walk);
                let read = directory.loaded.known(&());
                match read.filter(|read| read.loaded_at > from) {
                    Some(read) => return Ok(read),
                    None => continue,
                }
            }
            walk.seen.insert(query);
            for content in page.get("contents").and_then(Value::as_array).into_iter().flatten() {
                if let Some((key, listed)) = Listed::read(content) {
                    walk.templates.entry(key).or_insert(listed);
                }
            }
            walk.next = next_query(&page).filter(|next| !walk.seen.contains(next));
            if walk.next.is_none() || walk.seen.len() >= MAX_PAGES {
                let walk = std::mem::take(&mut *walk);
                let now = time.clock.elapsed();
                return Ok(Arc::new(List {
                    templates: Arc::new(walk.templates),
                    loaded_at: now,
                    stale_at: now.saturating_add(directory.refresh),
                    doubts: walk.doubts,
                }));
            }
        }
    }

    /// One page of a list of contents. Twilio allows 20 of these a second.
    pub(super) async fn ask_for_list(&self, url: String, time: &Time<'_>) -> Result<Value> {
        self.contents.pace.turn(time).await?;
        let request = self.request(Method::GET, url, String::new())?;
        let (page, answer) = self.ask_for_content(request, time).await?;
        match page.get("contents").is_some_and(Value::is_array) {
            true => Ok(page),
            // Cut off, or somebody answered, but not Twilio.
            false => Err(super::making::harmless(answer.without_envelope())),
        }
    }
}

/// The query of the next page. Of its address nothing else is used, because the token would go there.
fn next_query(page: &Value) -> Option<String> {
    let url = page.get("meta")?.get("next_page_url")?.as_str()?;
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    (!query.is_empty()).then(|| query.to_owned())
}

/// Twilio has no such template, or it may not be sent.
pub(super) fn unavailable() -> Error {
    Error::new(ErrorKind::TemplateUnavailable, Acceptance::NotAccepted).with_field("content.name")
}
