use std::sync::Arc;

/// The statements of one pair of tables, written once. They give back texts only, and take texts and whole numbers, so
/// that one wording is right for both databases.
pub(super) struct Statements {
    pub(super) insert: Arc<str>,
    pub(super) by_key: Arc<str>,
    pub(super) lock: Arc<str>,
    pub(super) write: Arc<str>,
    pub(super) lock_fact: Arc<str>,
    pub(super) write_fact: Arc<str>,
    pub(super) facts: Arc<str>,
    pub(super) entry: Arc<str>,
    pub(super) by_fact: Arc<str>,
    pub(super) by_reference: Arc<str>,
    pub(super) undelivered: Arc<str>,
    pub(super) counts: Arc<str>,
    pub(super) erase: Arc<str>,
    pub(super) purge_facts: Arc<str>,
    pub(super) purge: Arc<str>,
}

impl Statements {
    pub(super) fn of(entries: &str, facts: &str, postgres: bool) -> Self {
        // PostgreSQL reads the whole table for `IN (SELECT …)`. SQLite knows neither arrays nor locks of rows.
        let (lock, skip, one_of, end) = if postgres {
            ("FOR UPDATE", "SKIP LOCKED", "= ANY(ARRAY(", "))")
        } else {
            ("", "", "IN (", ")")
        };
        let select = format!(
            "SELECT e.entry, e.message, e.sent_as, CAST(e.erased AS text) AS erased FROM {entries} AS e"
        );
        Self {
            insert: format!(
                "INSERT INTO {entries} \
                 (id, key, reference, category, state, open, recorded_at, message, entry) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (key) DO NOTHING"
            )
            .into(),
            by_key: format!("SELECT id FROM {entries} WHERE key = $1").into(),
            lock: format!("{select} WHERE e.id = $1 {lock}").into(),
            // A message goes and never comes back.
            write: format!(
                "UPDATE {entries} SET state = $2, open = $3, \
                 message = CASE WHEN $4 = 1 THEN message END, sent_as = $5, entry = $6 WHERE id = $1"
            )
            .into(),
            // Of several writers one inserts; the others wait for it, then see its row.
            lock_fact: format!(
                "INSERT INTO {facts} (name, seen_at) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET seen_at = $2 RETURNING entry, fact"
            )
            .into(),
            write_fact: format!("UPDATE {facts} SET entry = $2, fact = $3 WHERE name = $1").into(),
            facts: format!("SELECT fact FROM {facts} WHERE entry = $1 ORDER BY name").into(),
            entry: format!("{select} WHERE e.id = $1").into(),
            by_fact: format!("{select} JOIN {facts} AS f ON f.entry = e.id WHERE f.name = $1").into(),
            by_reference: format!(
                "{select} WHERE e.reference = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3"
            )
            .into(),
            undelivered: format!(
                "{select} WHERE e.open = 1 AND e.id < $1 AND e.id > $2 \
                 AND ($3 = '' OR e.category = $3) ORDER BY e.id LIMIT $4"
            )
            .into(),
            counts: format!(
                "SELECT state, CAST(count(*) AS text) AS entries FROM {entries} GROUP BY state ORDER BY state"
            )
            .into(),
            // In one order, so that two who do so do not wait for each other in a circle.
            erase: format!(
                "UPDATE {entries} SET message = NULL, sent_as = NULL, erased = 1 WHERE id {one_of} \
                 SELECT id FROM {entries} WHERE erased = 0 AND recorded_at < $1 \
                 ORDER BY recorded_at, id LIMIT $2 {lock} {end}"
            )
            .into(),
            purge: format!(
                "DELETE FROM {entries} WHERE id {one_of} SELECT id FROM {entries} WHERE recorded_at < $1 \
                 ORDER BY recorded_at, id LIMIT $2 {lock} {end}"
            )
            .into(),
            // A fact that somebody has locked is told anew, and not old any more.
            purge_facts: format!(
                "DELETE FROM {facts} WHERE name {one_of} SELECT f.name FROM {facts} AS f \
                 WHERE f.seen_at < $1 AND (SELECT e.id FROM {entries} AS e WHERE e.id = f.entry) IS NULL \
                 ORDER BY f.seen_at LIMIT $2 {lock} {skip} {end}"
            )
            .into(),
        }
    }
}
