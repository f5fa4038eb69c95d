use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::MetaCloud;
use super::super::endpoint::{EndpointPath, Names};
use super::super::error::Operation;
use super::super::wire::{Object, elements};
use super::MessageTemplate;
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::inbound::RawPayload;

/// How many templates a page has unless it is said.
const PAGE_SIZE: usize = 50;
/// The most that Meta gives at once.
const MAX_PAGE_SIZE: usize = 100;
/// The most templates that are collected. Meta lets an account have 6,000.
const MAX_TEMPLATES: usize = 10_000;
/// The most pages that are asked for: what has more is no list.
const MAX_PAGES: usize = 10_000;

/// Templates of an account, and what stood among them that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateList {
    /// The templates, in the order in which Meta lists them.
    #[serde(default)]
    pub templates: Vec<MessageTemplate>,
    /// The elements of the list that are no templates as they are known today, each as it was received.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<RawPayload>,
}

/// The templates of an account, page by page. Made by [`MetaCloud::templates`].
///
/// Nothing is asked before [`next_page`](Self::next_page) is.
#[must_use]
pub struct TemplatePages {
    meta: MetaCloud,
    account: String,
    name: Option<String>,
    size: usize,
    after: Option<String>,
    /// The places at which a page has begun: none may come twice.
    seen: HashSet<String>,
    ended: bool,
}

impl TemplatePages {
    pub(in crate::meta) fn new(meta: MetaCloud, account: String) -> Self {
        Self { meta, account, name: None, size: PAGE_SIZE, after: None, seen: HashSet::new(), ended: false }
    }

    /// How many templates a page has at most: 1 to 100, default 50. A page must fit into
    /// [`max_response_bytes`](crate::http_client::Limits::max_response_bytes).
    pub fn page_size(mut self, templates: usize) -> Self {
        self.size = templates.clamp(1, MAX_PAGE_SIZE);
        self
    }

    /// The next page. `None` after the last one. After an error the same page can be asked for again.
    ///
    /// Only the cursors of an answer are used; the address of the next page that it also names is never followed, because
    /// the token would go there.
    ///
    /// # Errors
    ///
    /// [`NotEntitled`](ErrorKind::NotEntitled) if the token may not read the account's templates (the permission
    /// `whatsapp_business_management`) or the account is none; [`Throttled`](ErrorKind::Throttled) after 200 calls an hour
    /// (5,000 for active accounts); [`NoAnswer`](ErrorKind::NoAnswer) if the answer is no page, or leads back to one that
    /// was there before; and those of any request.
    pub async fn next_page(&mut self) -> Result<Option<TemplateList>> {
        if self.ended {
            return Ok(None);
        }
        let page = self.ask().await.map_err(|error| error.with_provider(self.meta.shared.id.clone()))?;
        match page.next {
            Some(cursor) => {
                self.seen.insert(cursor.clone());
                self.after = Some(cursor);
            }
            None => self.ended = true,
        }
        Ok(Some(page.list))
    }

    /// All the templates that are left, at most 10,000.
    ///
    /// # Errors
    ///
    /// Those of [`next_page`](Self::next_page), and [`Unsupported`](ErrorKind::Unsupported) if there are more.
    pub async fn collect(mut self) -> Result<TemplateList> {
        let mut all = TemplateList::default();
        while let Some(mut page) = self.next_page().await? {
            all.templates.append(&mut page.templates);
            all.unreadable.append(&mut page.unreadable);
            let count = all.templates.len() + all.unreadable.len();
            if count > MAX_TEMPLATES {
                let error = Error::over_limit("templates", MAX_TEMPLATES as u64, count as u64);
                return Err(error.with_provider(self.meta.shared.id.clone()));
            }
        }
        Ok(all)
    }

    /// The templates that are left with exactly this name. Meta is asked for names that contain it.
    pub(in crate::meta) async fn named(mut self, name: &str) -> Result<Vec<MessageTemplate>> {
        self.name = Some(name.to_owned());
        let mut templates = self.collect().await?.templates;
        templates.retain(|template| template.name == name);
        Ok(templates)
    }

    async fn ask(&self) -> Result<Page> {
        let sending = self.meta.sending()?;
        let size = self.size.to_string();
        let mut query = vec![("limit", size.as_str())];
        query.extend(self.name.as_deref().map(|name| ("name", name)));
        query.extend(self.after.as_deref().map(|cursor| ("after", cursor)));
        let names = Names { account: Some(&self.account), ..Names::of_sender(&sending.sender.id) };
        let address = sending.host.address(EndpointPath::Templates, &names, &query)?;
        let page = self.meta.read_object(sending, address, Operation::Management, Page::read).await?;
        let again = page.next.as_ref().is_some_and(|cursor| self.seen.contains(cursor));
        if page.leads_nowhere || again || self.seen.len() >= MAX_PAGES {
            return Err(Error::new(ErrorKind::NoAnswer, Acceptance::NotAccepted).with_field("paging"));
        }
        Ok(page)
    }
}

/// An answer.
struct Page {
    list: TemplateList,
    /// The cursor of the page behind it.
    next: Option<String>,
    /// There is a page behind it, and no cursor to it.
    leads_nowhere: bool,
}

impl Page {
    fn read(answer: &Object<'_>) -> Option<Self> {
        let mut list = TemplateList::default();
        for element in elements(answer.get("data")?)? {
            match MessageTemplate::read(element) {
                Some(template) => list.templates.push(template),
                None => list.unreadable.push(RawPayload::from(element.get().to_owned())),
            }
        }
        // The last page has cursors as well, and no next page.
        let paging = answer.object("paging");
        let has_next = paging.as_ref().is_some_and(|paging| paging.has("next"));
        let cursor = || paging.as_ref()?.object("cursors")?.text("after");
        let next = if has_next { cursor() } else { None };
        Some(Self { list, leads_nowhere: has_next && next.is_none(), next })
    }
}

impl fmt::Debug for TemplatePages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplatePages")
            .field("name", &self.name)
            .field("page_size", &self.size)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
