//! Which templates and contents there are.

use super::{Simulator, meta, twilio};

impl Simulator {
    /// Puts a template into the list of Meta's account: its name, its language, the text of its body, and its status in
    /// Meta's word (`APPROVED`, `PAUSED`). One that is there already is replaced.
    pub fn register_template(&self, name: &str, language: &str, body: &str, status: &str) {
        let mut state = self.state();
        let template = meta::RegisteredTemplate::new(state.next_id(), body, status);
        state.templates.insert((name.to_owned(), language.to_owned()), template);
    }

    /// Makes an approved template known to Twilio under a `ContentSid` (`HX` and 32 hexadecimal digits). The template's body is
    /// filled by these `ContentVariables`, in this order; one whose key is no number fills the place of that name.
    /// A message that names an unknown `ContentSid` is refused (21655).
    pub fn register_content<V: Into<String>>(
        &self,
        content_sid: &str,
        name: &str,
        language: &str,
        body_variables: impl IntoIterator<Item = V>,
    ) {
        let variables = body_variables.into_iter().map(Into::into).collect();
        let content = twilio::RegisteredContent::body(name, language, variables, self.0.clock.now());
        self.state().contents.insert(content_sid.to_owned(), content);
    }

    /// Makes an authentication template known to Twilio, whose variable `1` is the one-time code.
    pub fn register_one_time_code(&self, content_sid: &str, name: &str, language: &str) {
        let content = twilio::RegisteredContent::one_time_code(name, language, self.0.clock.now());
        self.state().contents.insert(content_sid.to_owned(), content);
    }

    /// Decides about a content's request to be approved as a template, in Twilio's word (`approved`, `rejected`, `paused`).
    /// An approved one is a template from then on. One that nobody asked to approve stays as it is.
    pub fn decide_about_content(&self, content_sid: &str, decision: &str) {
        if let Some(content) = self.state().contents.get_mut(content_sid) {
            content.decide(decision);
        }
    }
}

/// The names of the places in a text that are to be filled, `{{1}}` or `{{name}}`, in its order.
pub(super) fn places_of(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0.trim()))
}
