use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::MetaCloud;
use super::super::endpoint::{EndpointPath, Names};
use super::super::error::Operation;
use super::super::wire::{Object, elements};
use super::{MessageTemplate, TemplateCategory, TemplateStatus};
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::inbound::RawPayload;

/// How many templates a page has unless it is said.
const PAGE_SIZE: usize = 50;
/// The most that Meta gives at once.
const MAX_PAGE_SIZE: usize = 100;
/// The most elements that are listed. Meta lets an account have 6,000 templates.
const MAX_TEMPLATES: usize = 10_000;
/// After how many pages without any element a list leads nowhere. A page may have none because of a filter.
const MAX_EMPTY_PAGES: usize = 10;

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
    status: Option<TemplateStatus>,
    category: Option<TemplateCategory>,
    language: Option<String>,
    size: usize,
    after: Option<String>,
    /// The places at which a page has begun: none may come twice.
    seen: HashSet<String>,
    /// The elements so far.
    count: usize,
    /// The last pages that had none.
    empty: usize,
    /// What [`collect`](Self::collect) has read and not yet given.
    collected: TemplateList,
    ended: bool,
}

impl TemplatePages {
    pub(in crate::meta) fn new(meta: MetaCloud, account: String) -> Self {
        Self {
            meta,
            account,
            name: None,
            status: None,
            category: None,
            language: None,
            size: PAGE_SIZE,
            after: None,
            seen: HashSet::new(),
            count: 0,
            empty: 0,
            collected: TemplateList::default(),
            ended: false,
        }
    }

    /// How many templates a page has at most: 1 to 100, default 50. A page must fit into
    /// [`max_response_bytes`](crate::http_client::Limits::max_response_bytes).
    pub fn page_size(mut self, templates: usize) -> Self {
        self.size = templates.clamp(1, MAX_PAGE_SIZE);
        self
    }

    /// Only templates of which Meta finds this in the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Only templates that are this.
    pub fn status(mut self, status: TemplateStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Only templates of this category.
    pub fn category(mut self, category: TemplateCategory) -> Self {
        self.category = Some(category);
        self
    }

    /// Only templates in exactly this language, `en_US`.
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
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
    /// (5,000 for active accounts); [`NoAnswer`](ErrorKind::NoAnswer) if the answer is no page, leads back to one that was
    /// there before, or is the tenth in a row with nothing on it; [`Unsupported`](ErrorKind::Unsupported) after more than
    /// 10,000 templates; and those of any request.
    pub async fn next_page(&mut self) -> Result<Option<TemplateList>> {
        if self.ended {
            return Ok(None);
        }
        let page = self.ask().await.map_err(|error| error.with_provider(self.meta.shared.id.clone()))?;
        (self.count, self.empty) = (page.count, page.empty);
        match page.next {
            Some(cursor) => {
                self.seen.insert(cursor.clone());
                self.after = Some(cursor);
            }
            None => self.ended = true,
        }
        Ok(Some(page.list))
    }

    /// All the templates that are left. What was read before an error is not lost: collect again, once there is time, and
    /// it goes on with the page that failed and gives everything.
    ///
    /// # Errors
    ///
    /// Those of [`next_page`](Self::next_page).
    pub async fn collect(&mut self) -> Result<TemplateList> {
        while let Some(mut page) = self.next_page().await? {
            self.collected.templates.append(&mut page.templates);
            self.collected.unreadable.append(&mut page.unreadable);
        }
        Ok(std::mem::take(&mut self.collected))
    }

    /// The templates that are left with exactly this name. Meta is asked for names that contain it.
    pub(in crate::meta) async fn named(self, name: &str) -> Result<Vec<MessageTemplate>> {
        let mut templates = self.name(name).collect().await?.templates;
        templates.retain(|template| template.name == name);
        Ok(templates)
    }

    async fn ask(&self) -> Result<Page> {
        let sending = self.meta.sending()?;
        let size = self.size.to_string();
        let mut query = vec![("limit", size.as_str())];
        for (name, wanted) in [
            ("name", self.name.as_deref()),
            ("status", self.status.as_ref().map(TemplateStatus::as_str)),
            ("category", self.category.as_ref().map(TemplateCategory::as_str)),
            ("language", self.language.as_deref()),
        ] {
            query.extend(wanted.map(|wanted| (name, wanted)));
        }
        query.extend(self.after.as_deref().map(|cursor| ("after", cursor)));
        let names = Names { account: Some(&self.account), ..Names::of_sender(&sending.sender.id) };
        let address = sending.host.address(EndpointPath::Templates, &names, &query)?;
        let mut page = self.meta.read_object(sending, address, Operation::Management, Page::read).await?;
        page.empty = if page.count == 0 { self.empty.saturating_add(1) } else { 0 };
        page.count = self.count.saturating_add(page.count);
        if page.count > MAX_TEMPLATES {
            return Err(Error::over_limit("templates", MAX_TEMPLATES as u64, page.count as u64));
        }
        let again = page.next.as_ref().is_some_and(|cursor| self.seen.contains(cursor));
        let nothing = page.next.is_some() && page.empty >= MAX_EMPTY_PAGES;
        if page.leads_nowhere || again || nothing {
            return Err(Error::new(ErrorKind::NoAnswer, Acceptance::NotAccepted).with_field("paging"));
        }
        // Not every host that speaks Meta's payload knows what it is asked for.
        page.list.templates.retain(|template| self.wants(template));
        Ok(page)
    }

    /// Whether a template is one of those that are asked for. What it does not say is left to who was asked.
    fn wants(&self, template: &MessageTemplate) -> bool {
        let other_category =
            |wanted: &TemplateCategory| template.category.as_ref().is_some_and(|category| category != wanted);
        self.status.as_ref().is_none_or(|wanted| template.status == *wanted)
            && self.language.as_ref().is_none_or(|wanted| template.language == *wanted)
            && !self.category.as_ref().is_some_and(other_category)
    }
}

/// An answer.
struct Page {
    list: TemplateList,
    /// Its elements; after it was asked for, those of all pages up to it.
    count: usize,
    /// How many pages up to it had none.
    empty: usize,
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
        let count = list.templates.len().saturating_add(list.unreadable.len());
        Some(Self { list, count, empty: 0, leads_nowhere: has_next && next.is_none(), next })
    }
}

impl fmt::Debug for TemplatePages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplatePages")
            .field("name", &self.name)
            .field("status", &self.status)
            .field("category", &self.category)
            .field("language", &self.language)
            .field("page_size", &self.size)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
