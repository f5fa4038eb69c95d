//! The statements. Times are given, in milliseconds: they are the clock's.

pub(super) const MIGRATION: &str = include_str!("migration.sql");

pub(super) const INSERT: &str = "INSERT INTO message_queue (provider, event_id, kind, conversation, payload, available_at, inserted_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (provider, event_id) DO NOTHING";

/// Claims the first open row of each conversation, if it may be claimed. Claims and all other writes come one after the
/// other here, so that each sees all that went before.
///
/// The last condition is for a row that is in work when one before it is driven again. It asks for a living lease only,
/// or else the two would wait for each other for ever.
pub(super) const CLAIM: &str = "UPDATE message_queue \
     SET status = 'processing', attempts = attempts + 1, lease = lower(hex(randomblob(16))), available_at = ?1 + ?2 \
     WHERE id IN ( \
       SELECT q.id FROM message_queue AS q \
       WHERE q.status IN ('pending', 'processing') AND q.available_at <= ?1 \
         AND q.id = (SELECT e.id FROM message_queue AS e \
                     WHERE e.conversation = q.conversation AND e.status IN ('pending', 'processing') \
                     ORDER BY e.id LIMIT 1) \
         AND NOT EXISTS (SELECT 1 FROM message_queue AS w \
                         WHERE w.conversation = q.conversation AND w.status = 'processing' \
                           AND w.id > q.id AND w.available_at > ?1) \
       ORDER BY q.id LIMIT ?3) \
     RETURNING id, lease, attempts, payload";

pub(super) const EXTEND: &str =
    "UPDATE message_queue SET available_at = ?3 + ?4 WHERE id = ?1 AND lease = ?2 AND available_at > ?3";

// The holder of a lease that has ended, but whose row nobody else has claimed, may still end the claim: the work is
// done, and to do it again would help nobody. It may not go on: `EXTEND` asks for the time too.

pub(super) const COMPLETE: &str = "UPDATE message_queue \
     SET lease = NULL, status = 'done', reason = NULL, finished_at = ?3 WHERE id = ?1 AND lease = ?2";

pub(super) const RETRY: &str = "UPDATE message_queue \
     SET lease = NULL, status = 'pending', available_at = ?3, reason = ?4 WHERE id = ?1 AND lease = ?2";

pub(super) const RELEASE: &str = "UPDATE message_queue \
     SET lease = NULL, status = 'pending', available_at = ?3, attempts = max(attempts - 1, 0) \
     WHERE id = ?1 AND lease = ?2";

pub(super) const PARK: &str =
    "UPDATE message_queue SET lease = NULL, status = ?3, reason = ?4 WHERE id = ?1 AND lease = ?2";

pub(super) const COUNTS: &str = "SELECT status, count(*) AS rows FROM message_queue GROUP BY status";

pub(super) const PARKED: &str = "SELECT id, status, reason, attempts, payload, inserted_at FROM message_queue \
     WHERE status IN ('review', 'dead') AND id > ?1 ORDER BY id LIMIT ?2";

pub(super) const REDRIVE: &str = "UPDATE message_queue \
     SET status = 'pending', attempts = 0, reason = NULL, available_at = ?2 \
     WHERE id = ?1 AND status IN ('review', 'dead')";

pub(super) const DISCARD: &str = "UPDATE message_queue \
     SET status = 'done', reason = NULL, finished_at = ?2 \
     WHERE id = ?1 AND status IN ('review', 'dead')";

pub(super) const ERASE: &str = "UPDATE message_queue SET payload = 'null', conversation = '' \
     WHERE status = 'done' AND finished_at < ?1 AND conversation <> ''";

pub(super) const PURGE: &str = "DELETE FROM message_queue WHERE status = 'done' AND finished_at < ?1";
