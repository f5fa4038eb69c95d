use std::sync::Arc;

use crate::queue::QueueItem;

const MIGRATION: &str = concat!(include_str!("inbound.sql"), include_str!("common.sql"));

/// The same for an outbox, with the names of the other.
const OUTBOX_MIGRATION: &str = concat!(include_str!("outbox.sql"), include_str!("common.sql"));

/// The statements of one table, written once. Times are given, in milliseconds: they are the clock's.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) migration: Arc<str>,
    pub(super) insert: Arc<str>,
    pub(super) claim: Arc<str>,
    pub(super) extend: Arc<str>,
    pub(super) complete: Arc<str>,
    pub(super) retry: Arc<str>,
    pub(super) release: Arc<str>,
    pub(super) park: Arc<str>,
    pub(super) counts: Arc<str>,
    pub(super) parked: Arc<str>,
    pub(super) redrive: Arc<str>,
    pub(super) discard: Arc<str>,
    pub(super) erase: Arc<str>,
    pub(super) purge: Arc<str>,
}

impl Statements {
    pub(super) fn of<T: QueueItem>() -> Self {
        let table = T::TABLE;
        let migration = if T::HAS_PRIORITY { OUTBOX_MIGRATION } else { MIGRATION };
        let insert = if T::HAS_PRIORITY {
            "(provider, event_id, kind, conversation, payload, available_at, inserted_at, priority, due_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, max(?6, ?8), ?6, ?7, max(?6, ?8))"
        } else {
            "(provider, event_id, kind, conversation, payload, available_at, inserted_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"
        };
        // The holder of a lease that has ended, but whose row nobody else has claimed, may still end the claim: the
        // work is done, and to do it again would help nobody. It may not go on: `extend` asks for the time too.
        let end =
            |set: &str| format!("UPDATE {table} SET lease = NULL, {set} WHERE id = ?1 AND lease = ?2").into();
        // What was not tried comes back to its place. In an outbox that is a time.
        let back = |now: &str| if T::HAS_PRIORITY { format!("min(due_at, {now})") } else { now.to_owned() };
        Self {
            migration: migration.replace("message_queue", table).into(),
            insert: format!("INSERT INTO {table} {insert} ON CONFLICT (provider, event_id) DO NOTHING")
                .into(),
            claim: claim::<T>().into(),
            extend: format!(
                "UPDATE {table} SET available_at = ?3 + ?4 WHERE id = ?1 AND lease = ?2 AND available_at > ?3"
            )
            .into(),
            complete: end("status = 'done', reason = NULL, finished_at = ?3"),
            retry: end("status = 'pending', available_at = ?3, reason = ?4"),
            release: end(&format!(
                "status = 'pending', available_at = {}, attempts = max(attempts - 1, 0)",
                back("?3")
            )),
            park: end("status = ?3, reason = ?4"),
            counts: format!("SELECT status, count(*) AS rows FROM {table} GROUP BY status").into(),
            parked: format!(
                "SELECT id, status, reason, attempts, payload, inserted_at FROM {table} \
                 WHERE status IN ('review', 'dead') AND id > ?1 ORDER BY id LIMIT ?2"
            )
            .into(),
            redrive: format!(
                "UPDATE {table} SET status = 'pending', attempts = 0, reason = NULL, available_at = {} \
                 WHERE id = ?1 AND status IN ('review', 'dead')",
                back("?2")
            )
            .into(),
            discard: format!(
                "UPDATE {table} SET status = 'done', reason = NULL, finished_at = ?2 \
                 WHERE id = ?1 AND status IN ('review', 'dead')"
            )
            .into(),
            erase: format!(
                "UPDATE {table} SET payload = 'null', conversation = '' \
                 WHERE status = 'done' AND finished_at < ?1 AND conversation <> ''"
            )
            .into(),
            purge: format!("DELETE FROM {table} WHERE status = 'done' AND finished_at < ?1").into(),
        }
    }
}

/// Claims the first open row of each conversation, if it may be claimed. Claims and all other writes come one after the
/// other here, so that each sees all that went before.
///
/// The last condition is for a row that is in work when one before it is driven again. It asks for a living lease only,
/// or else the two would wait for each other for ever.
fn claim<T: QueueItem>() -> String {
    let table = T::TABLE;
    let (of_priority, order, priority, since) = if T::HAS_PRIORITY {
        // Named one by one, so that of each the index is read up to now and no further.
        ("q.priority IN (0, 1, 2, 3) AND", "q.priority, q.available_at, q.id", "priority", "due_at")
    } else {
        ("", "q.id", "0", "inserted_at")
    };
    format!(
        "UPDATE {table} \
         SET status = 'processing', attempts = attempts + 1, lease = lower(hex(randomblob(16))), \
           available_at = ?1 + ?2 \
         WHERE id IN ( \
           SELECT q.id FROM {table} AS q \
           WHERE {of_priority} q.status IN ('pending', 'processing') AND q.available_at <= ?1 \
             AND q.id = (SELECT e.id FROM {table} AS e \
                         WHERE e.conversation = q.conversation AND e.status IN ('pending', 'processing') \
                         ORDER BY e.id LIMIT 1) \
             AND NOT EXISTS (SELECT 1 FROM {table} AS w \
                             WHERE w.conversation = q.conversation AND w.status = 'processing' \
                               AND w.id > q.id AND w.available_at > ?1) \
           ORDER BY {order} LIMIT ?3) \
         RETURNING id, lease, attempts, payload, {priority} AS priority, ?1 - {since} AS waited"
    )
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

    use super::*;
    use crate::outbound::OutboundMessage;

    #[tokio::test]
    async fn a_claim_from_an_outbox_reads_what_is_due_in_its_order_and_nothing_else() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let statements = Statements::of::<OutboundMessage>();
        sqlx::raw_sql(AssertSqlSafe(statements.migration)).execute(&mut connection).await.unwrap();
        let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statements.claim)));
        let plan = explain.bind(0).bind(0).bind(1).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        let search = "SEARCH q USING INDEX message_outbox_due (priority=? AND available_at<?)";
        assert!(plan.iter().any(|step| step == search), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "it would be sorted: {plan:?}");
    }
}
