use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::templates::{Quality, quality};
use super::super::wire::{Object, elements};
use super::super::words::words;
use crate::redact::redacted_debug;

/// What Meta says of a number. All of it may be missing.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NumberStatus {
    /// The number as people read it, `+1 555-010-0001`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_phone_number: Option<String>,
    /// The name that users see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_name: Option<String>,
    /// Whether that name is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_status: Option<NameStatus>,
    /// Whether the owner of the number proved to be it, in Meta's word (`VERIFIED`, `NOT_VERIFIED`, `EXPIRED`). It is
    /// needed once, to register the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_verification_status: Option<String>,
    /// What users think of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Where it is registered, in Meta's word (`CLOUD_API`, `ON_PREMISE`, `NOT_APPLICABLE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<String>,
    /// How many messages a second it may send and receive, in Meta's word: `STANDARD` (80), `HIGH` (1,000).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<String>,
    /// Whether it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<NumberState>,
    /// `LIVE` or `SANDBOX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_mode: Option<String>,
    /// To how many users its business portfolio may write first within 24 hours, in Meta's word (`TIER_250`, `TIER_2K`,
    /// `TIER_UNLIMITED`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging_limit: Option<String>,
    /// Whether messages can be sent, and who hinders it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
}

/// Whether messages can be sent, by all that it depends on.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthStatus {
    /// The worst of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_send: Option<CanSend>,
    /// The number, the account, the business and the app.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<HealthEntity>,
}

/// One of the things that sending depends on.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthEntity {
    /// What it is, in Meta's word (`PHONE_NUMBER`, `WABA`, `BUSINESS`, `APP`).
    pub kind: String,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it lets messages be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_send: Option<CanSend>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<HealthProblem>,
    /// What limits it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_info: Vec<String>,
}

/// What is wrong, in Meta's words. They may name numbers.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthProblem {
    /// Its code, 141000 to 141999.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What may be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub possible_solution: Option<String>,
}

redacted_debug! {
    NumberStatus { name_status, quality, throughput, state, messaging_limit, health }
    HealthStatus { can_send, entities }
    HealthEntity { kind, can_send, problems }
    HealthProblem { code }
}

words! {
    /// Whether a number works.
    NumberState {
        /// It does.
        Connected => "CONNECTED",
        /// It is not registered yet.
        Pending => "PENDING",
        /// It is not registered any more.
        Disconnected => "DISCONNECTED",
        /// Users complained; it may soon be restricted.
        Flagged => "FLAGGED",
        /// It may not begin conversations for a while.
        Restricted => "RESTRICTED",
        /// It has sent as much as it may for now.
        RateLimited => "RATE_LIMITED",
        /// It was moved to another account.
        Migrated => "MIGRATED",
        /// It is banned.
        Banned => "BANNED",
        /// It was deleted.
        Deleted => "DELETED",
        /// Its owner has not proved to be it.
        Unverified => "UNVERIFIED",
    }

    /// Whether the name of a number is approved.
    NameStatus {
        /// It is.
        Approved => "APPROVED",
        /// It may be used without.
        AvailableWithoutReview => "AVAILABLE_WITHOUT_REVIEW",
        /// Meta has not decided yet.
        PendingReview => "PENDING_REVIEW",
        /// It is not.
        Declined => "DECLINED",
        /// It was, and the certificate was not used in time.
        Expired => "EXPIRED",
        /// There is none.
        None => "NONE",
    }

    /// Whether messages can be sent.
    CanSend {
        /// They can.
        Available => "AVAILABLE",
        /// Not all of them.
        Limited => "LIMITED",
        /// None can.
        Blocked => "BLOCKED",
    }
}

impl NumberStatus {
    /// Reads the answer to the question for the number: an object with an `id`.
    pub(super) fn read(number: &Object<'_>) -> Option<Self> {
        number.text("id")?;
        let level =
            |name: &str, member: &str| number.text(name).or_else(|| number.object(name)?.text(member));
        Some(Self {
            display_phone_number: number.text("display_phone_number"),
            verified_name: number.text("verified_name"),
            name_status: number.text("name_status").map(|word| NameStatus::from_name(&word)),
            code_verification_status: number.text("code_verification_status"),
            quality: quality(number, "quality_rating").or_else(|| quality(number, "quality_score")),
            platform_type: number.text("platform_type"),
            throughput: level("throughput", "level"),
            state: number.text("status").map(|word| NumberState::from_name(&word)),
            account_mode: number.text("account_mode"),
            // The second one is what it was called until it became the portfolio's.
            messaging_limit: number
                .text("whatsapp_business_manager_messaging_limit")
                .or_else(|| number.text("messaging_limit_tier")),
            health: number.object("health_status").map(|health| HealthStatus::read(&health)),
        })
    }
}

impl HealthStatus {
    fn read(health: &Object<'_>) -> Self {
        Self { can_send: can_send(health), entities: list(health, "entities", HealthEntity::read) }
    }
}

impl HealthEntity {
    fn read(entity: &RawValue) -> Option<Self> {
        let entity = Object::read(entity)?;
        Some(Self {
            kind: entity.text("entity_type")?,
            id: entity.text("id"),
            can_send: can_send(&entity),
            problems: list(&entity, "errors", HealthProblem::read),
            additional_info: list(&entity, "additional_info", |info| serde_json::from_str(info.get()).ok()),
        })
    }
}

impl HealthProblem {
    fn read(problem: &RawValue) -> Option<Self> {
        let problem = Object::read(problem)?;
        Some(Self {
            code: problem.number("error_code"),
            description: problem.text("error_description"),
            possible_solution: problem.text("possible_solution"),
        })
    }
}

fn can_send(object: &Object<'_>) -> Option<CanSend> {
    object.text("can_send_message").map(|word| CanSend::from_name(&word))
}

/// The elements of a list that can be read.
fn list<T>(object: &Object<'_>, name: &str, read: impl Fn(&RawValue) -> Option<T>) -> Vec<T> {
    let elements = object.get(name).and_then(elements).unwrap_or_default();
    elements.into_iter().filter_map(read).collect()
}
