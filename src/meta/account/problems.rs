use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::templates::{Quality, TemplateStatus};
use super::{AccountReport, CanSend, Checked, NameStatus, NumberState};
use crate::error::Failure;

/// Something about an account that somebody should look at. `Display` says it in words; neither it nor `Debug` names a
/// number. As JSON it has a `type`: `{"type":"template_missing","name":"order_ready","language":"en_US"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountProblem {
    /// The number could not be read.
    #[non_exhaustive]
    NumberUnknown {
        /// Why.
        failure: Failure,
    },
    /// The number does not work, or not fully.
    #[non_exhaustive]
    NumberState {
        /// What it is.
        state: NumberState,
    },
    /// The number is registered elsewhere than at the Cloud API.
    #[non_exhaustive]
    NotOnCloudApi {
        /// Where, in Meta's word.
        platform_type: String,
    },
    /// The name that users would see is not approved.
    #[non_exhaustive]
    Name {
        /// What became of it.
        status: NameStatus,
    },
    /// Users complain about the number.
    #[non_exhaustive]
    Quality {
        /// How much.
        quality: Quality,
    },
    /// The account is for trying things out.
    Sandbox,
    /// Meta says that messages cannot be sent, or not all of them.
    #[non_exhaustive]
    Health {
        /// Who hinders it, in Meta's word (`PHONE_NUMBER`, `WABA`, `BUSINESS`, `APP`).
        entity: String,
        /// How much.
        can_send: CanSend,
        /// The codes of the reasons.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        codes: Vec<i64>,
    },
    /// Who gets the account's webhooks could not be read.
    #[non_exhaustive]
    WebhooksUnknown {
        /// Why.
        failure: Failure,
    },
    /// The account's webhooks go to nobody, or not to the app that was named.
    #[non_exhaustive]
    NotSubscribed {
        /// How many other apps get them.
        others: usize,
    },
    /// A template could not be looked up.
    #[non_exhaustive]
    TemplateUnknown {
        /// Its name.
        name: String,
        /// Its language.
        language: String,
        /// Why; nothing if the account's id is not known or the host lists none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// The account has no such template.
    #[non_exhaustive]
    TemplateMissing {
        /// Its name.
        name: String,
        /// Its language.
        language: String,
    },
    /// A template may not be sent.
    #[non_exhaustive]
    TemplateNotApproved {
        /// Its name.
        name: String,
        /// Its language.
        language: String,
        /// What it is.
        status: TemplateStatus,
    },
}

impl AccountReport {
    /// What somebody should look at, the number first. Empty if all is well, as far as could be seen.
    pub fn problems(&self) -> Vec<AccountProblem> {
        let mut problems = Vec::new();
        self.problems_of_number(&mut problems);
        match &self.webhooks {
            Checked::Known(apps) => {
                let subscribed = match &self.app_id {
                    Some(own) => apps.iter().any(|app| app.id.as_ref() == Some(own)),
                    None => !apps.is_empty(),
                };
                if !subscribed {
                    problems.push(AccountProblem::NotSubscribed { others: apps.len() });
                }
            }
            Checked::Unknown(failure) => {
                problems.push(AccountProblem::WebhooksUnknown { failure: failure.clone() });
            }
            Checked::NotAsked => {}
        }
        for check in &self.templates {
            let (name, language) = (check.name.clone(), check.language.clone());
            problems.push(match &check.template {
                Checked::Known(Some(template)) if template.status == TemplateStatus::Approved => continue,
                Checked::Known(Some(template)) => {
                    AccountProblem::TemplateNotApproved { name, language, status: template.status.clone() }
                }
                Checked::Known(None) => AccountProblem::TemplateMissing { name, language },
                Checked::Unknown(failure) => {
                    AccountProblem::TemplateUnknown { name, language, failure: Some(failure.clone()) }
                }
                Checked::NotAsked => AccountProblem::TemplateUnknown { name, language, failure: None },
            });
        }
        problems
    }

    fn problems_of_number(&self, problems: &mut Vec<AccountProblem>) {
        let number = match &self.number {
            Checked::Known(number) => number,
            Checked::Unknown(failure) => {
                problems.push(AccountProblem::NumberUnknown { failure: failure.clone() });
                return;
            }
            Checked::NotAsked => return,
        };
        if let Some(state) = number.state.as_ref().filter(|state| **state != NumberState::Connected) {
            problems.push(AccountProblem::NumberState { state: state.clone() });
        }
        if let Some(platform) = number.platform_type.as_ref().filter(|platform| *platform != "CLOUD_API") {
            problems.push(AccountProblem::NotOnCloudApi { platform_type: platform.clone() });
        }
        let bad_name = |status: &&NameStatus| matches!(status, NameStatus::Declined | NameStatus::Expired);
        if let Some(status) = number.name_status.as_ref().filter(bad_name) {
            problems.push(AccountProblem::Name { status: status.clone() });
        }
        let low = |quality: &&Quality| matches!(quality, Quality::Yellow | Quality::Red);
        if let Some(quality) = number.quality.as_ref().filter(low) {
            problems.push(AccountProblem::Quality { quality: quality.clone() });
        }
        if number.account_mode.as_deref() == Some("SANDBOX") {
            problems.push(AccountProblem::Sandbox);
        }
        let Some(health) = &number.health else { return };
        let hindered =
            |can_send: &Option<CanSend>| can_send.clone().filter(|can_send| *can_send != CanSend::Available);
        let before = problems.len();
        for entity in &health.entities {
            if let Some(can_send) = hindered(&entity.can_send) {
                let codes = entity.problems.iter().filter_map(|problem| problem.code).collect();
                problems.push(AccountProblem::Health { entity: entity.kind.clone(), can_send, codes });
            }
        }
        // Should none of them say so, the whole does.
        if let Some(can_send) = hindered(&health.can_send).filter(|_| problems.len() == before) {
            problems.push(AccountProblem::Health {
                entity: "account".to_owned(),
                can_send,
                codes: Vec::new(),
            });
        }
    }
}

/// Why something could not be read, in a few words.
struct Why<'a>(&'a Failure);

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = self.0;
        match (failure.kind, failure.code, failure.status) {
            (crate::ErrorKind::NotEntitled, Some(code), _) => {
                write!(f, "the token may not read it (code {code})")
            }
            (kind, Some(code), _) => write!(f, "{kind} (code {code})"),
            (kind, None, Some(status)) => write!(f, "{kind} (HTTP {status})"),
            (kind, None, None) => write!(f, "{kind}"),
        }
    }
}

impl fmt::Display for AccountProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NumberUnknown { failure } => write!(f, "the number could not be read: {}", Why(failure)),
            Self::NumberState { state } => write!(f, "the number is {state}, not CONNECTED"),
            Self::NotOnCloudApi { platform_type } => {
                write!(f, "the number is registered at {platform_type}, not at CLOUD_API")
            }
            Self::Name { status } => write!(f, "the number's display name is {status}"),
            Self::Quality { quality } => write!(f, "the number's quality is {quality}"),
            Self::Sandbox => f.write_str("the account is a sandbox"),
            Self::Health { entity, can_send, codes } => {
                write!(f, "{entity}: sending is {can_send}")?;
                for (index, code) in codes.iter().enumerate() {
                    write!(f, "{}{code}", if index == 0 { " (code " } else { ", " })?;
                }
                f.write_str(if codes.is_empty() { "" } else { ")" })
            }
            Self::WebhooksUnknown { failure } => {
                write!(f, "who gets the account's webhooks could not be read: {}", Why(failure))
            }
            Self::NotSubscribed { others: 0 } => {
                f.write_str("no app is subscribed to the account's webhooks")
            }
            Self::NotSubscribed { others } => {
                write!(f, "the app is not subscribed to the account's webhooks ({others} others are)")
            }
            Self::TemplateUnknown { name, language, failure: Some(failure) } => {
                write!(f, "template {name} ({language}) could not be looked up: {}", Why(failure))
            }
            Self::TemplateUnknown { name, language, failure: None } => {
                write!(
                    f,
                    "template {name} ({language}) could not be looked up: no account id is set, or the host lists none"
                )
            }
            Self::TemplateMissing { name, language } => {
                write!(f, "template {name} ({language}) does not exist")
            }
            Self::TemplateNotApproved { name, language, status } => {
                write!(f, "template {name} ({language}) is {status}")
            }
        }
    }
}
