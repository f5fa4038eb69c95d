use std::sync::Arc;

use super::table::Table;
use crate::queue::QueueItem;

/// The statements of one table, written once.
///
/// All times are the database's: `statement_timestamp()`, because `now()` stands still in a transaction and would be old
/// after waiting for a lock.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) insert: Arc<str>,
    pub(super) insert_quietly: Arc<str>,
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
    pub(super) fn of<T: QueueItem>(table: &Table) -> Self {
        let table = table.quoted();
        let insert = if T::HAS_PRIORITY { insert_by_priority(&table) } else { insert(&table) };
        // Nobody is woken for rows that were there already.
        let channel = if T::HAS_PRIORITY { 8 } else { 6 };
        let insert_and_tell = format!(
            "WITH added AS ({insert} RETURNING 1) SELECT pg_notify(${channel}, '') FROM added LIMIT 1"
        );
        // What was not tried comes back to its place. In an outbox that is a time.
        let back =
            if T::HAS_PRIORITY { "least(due_at, statement_timestamp())" } else { "statement_timestamp()" };
        // The holder of a lease that has ended, but whose row nobody else has claimed, may still end the claim: the
        // work is done, and to do it again would help nobody. It may not go on: `extend` asks for the time too.
        let end = |set: &str| {
            format!("UPDATE {table} SET lease = NULL, {set} WHERE id = $1 AND lease = $2::uuid RETURNING id")
                .into()
        };
        Self {
            insert: insert_and_tell.into(),
            insert_quietly: insert.into(),
            claim: claim::<T>(&table).into(),
            extend: format!(
                "UPDATE {table} SET available_at = statement_timestamp() + $3::float8 * interval '1 second' \
                 WHERE id = $1 AND lease = $2::uuid AND available_at > statement_timestamp() RETURNING id"
            )
            .into(),
            complete: end("status = 'done', reason = NULL, finished_at = statement_timestamp()"),
            retry: end("status = 'pending', reason = $4, \
                        available_at = statement_timestamp() + $3::float8 * interval '1 second'"),
            release: end(&format!(
                "status = 'pending', attempts = greatest(attempts - 1, 0), available_at = {back}"
            )),
            park: end("status = $3, reason = $4"),
            counts: format!("SELECT status, count(*) AS rows FROM {table} GROUP BY status").into(),
            parked: format!(
                "SELECT id, status, reason, attempts::bigint, payload::text AS payload, \
                 (extract(epoch FROM inserted_at) * 1000)::bigint AS inserted_at \
                 FROM {table} WHERE status IN ('review', 'dead') AND id > $1 ORDER BY id LIMIT $2"
            )
            .into(),
            redrive: format!(
                "UPDATE {table} SET status = 'pending', attempts = 0, reason = NULL, available_at = {back} \
                 WHERE id = ANY ($1::bigint[]) AND status IN ('review', 'dead')"
            )
            .into(),
            discard: format!(
                "UPDATE {table} SET status = 'done', reason = NULL, finished_at = statement_timestamp() \
                 WHERE id = ANY ($1::bigint[]) AND status IN ('review', 'dead')"
            )
            .into(),
            erase: format!(
                "UPDATE {table} SET payload = 'null', conversation = '' WHERE status = 'done' \
                 AND finished_at < statement_timestamp() - $1::float8 * interval '1 second' AND conversation <> ''"
            )
            .into(),
            purge: format!(
                "DELETE FROM {table} WHERE status = 'done' \
                 AND finished_at < statement_timestamp() - $1::float8 * interval '1 second'"
            )
            .into(),
        }
    }
}

fn insert(table: &str) -> String {
    format!(
        "INSERT INTO {table} (provider, event_id, kind, conversation, payload) \
         SELECT n.provider, n.event_id, n.kind, n.conversation, n.payload::json \
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY \
         AS n (provider, event_id, kind, conversation, payload, place) \
         ORDER BY n.place ON CONFLICT (provider, event_id) DO NOTHING"
    )
}

fn insert_by_priority(table: &str) -> String {
    format!(
        "INSERT INTO {table} (provider, event_id, kind, conversation, payload, priority, available_at, due_at) \
         SELECT n.provider, n.event_id, n.kind, n.conversation, n.payload::json, n.priority, d.due_at, d.due_at \
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::float8[]) \
         WITH ORDINALITY AS n (provider, event_id, kind, conversation, payload, priority, not_before, place) \
         CROSS JOIN LATERAL (SELECT greatest(statement_timestamp(), to_timestamp(n.not_before)) AS due_at) AS d \
         ORDER BY n.place ON CONFLICT (provider, event_id) DO NOTHING"
    )
}

/// Claims the first open row of each conversation, if it may be claimed.
///
/// Two claims at once never hold two rows of a conversation, although each sees the other rows as they were when its
/// statement began (READ COMMITTED):
///
/// * The row itself is judged as it is now: one that somebody else has locked is skipped, and one that was changed since
///   is judged again after it was locked, by its new status and time.
/// * The rows before it may be seen as they were. One that is seen open and is done by now costs a round, no more. The
///   other way, a row before it that is open now and was not seen, would be a claim out of turn; there is none, because
///   an open row comes into being in two ways only. By an insert: ids are drawn under the lock of the conversation, which
///   is kept until the commit, so whoever sees a row sees all that were inserted before it. By `redrive`: it holds the
///   lock of the table alone, and claims hold it together, so a claim either ends before a redrive begins or sees all
///   of it.
/// * A row may be in work when `redrive` opens one before it. That is what the last condition is for; it asks for a
///   living lease only, or else the two would wait for each other for ever.
///
/// The two questions about other rows are written so that the planner cannot turn them into joins: whatever it believes
/// of a table whose rows change all the time, it walks the open rows by id and looks each one's conversation up.
///
/// In an outbox it walks the rows of each priority by the time from which they may be claimed, so that it never meets those
/// whose time has not come, however many there are. It does meet those that wait behind the first of their conversation,
/// and looks each of them up. Which row of a conversation is the first goes by id there, too. The planner is
/// kept from sorting by the transaction, see [`CLAIM_IN_ORDER`].
fn claim<T: QueueItem>(table: &str) -> String {
    let (of_priority, order) =
        if T::HAS_PRIORITY { ("q.priority = p.n AND", "q.available_at, q.id") } else { ("", "q.id") };
    let rows = format!(
        "SELECT q.id FROM {table} AS q \
         WHERE {of_priority} q.status IN ('pending', 'processing') AND q.available_at <= statement_timestamp() \
           AND q.id = (SELECT e.id FROM {table} AS e \
                       WHERE e.conversation = q.conversation AND e.status IN ('pending', 'processing') \
                       ORDER BY e.id LIMIT 1) \
           AND NOT EXISTS (SELECT 1 FROM {table} AS w \
                           WHERE w.conversation = q.conversation AND w.status = 'processing' \
                             AND w.id > q.id AND w.available_at > statement_timestamp() OFFSET 0) \
         ORDER BY {order} LIMIT $1 FOR UPDATE OF q SKIP LOCKED"
    );
    let (head, priority, since) = if T::HAS_PRIORITY {
        // No row of a later priority is looked at, or locked, if those before it are enough.
        let each = "unnest('{0,1,2,3}'::smallint[]) AS p (n)";
        let head = format!("SELECT h.id FROM {each} CROSS JOIN LATERAL ({rows}) AS h LIMIT $1");
        (head, "m.priority", "m.due_at")
    } else {
        (rows, "0", "m.inserted_at")
    };
    format!(
        "WITH head AS ({head}) \
         UPDATE {table} AS m SET status = 'processing', attempts = m.attempts + 1, lease = gen_random_uuid(), \
           available_at = statement_timestamp() + $2::float8 * interval '1 second' \
         FROM head WHERE m.id = head.id \
         RETURNING m.id, m.lease::text AS lease, m.attempts::bigint, m.payload::text AS payload, \
           {priority}::bigint AS priority, \
           (extract(epoch FROM statement_timestamp() - {since}) * 1000)::bigint AS waited"
    )
}

/// Run in the transaction of a claim from an outbox. With statistics from before a campaign was inserted the planner takes
/// it for cheaper to collect all rows and to sort them than to read the first few by the index. Nor does it compile the
/// statement, for ten times as long as that takes to run, because it thinks it dear.
pub(super) const CLAIM_IN_ORDER: &str = "SET LOCAL enable_sort = off; SET LOCAL jit = off";
