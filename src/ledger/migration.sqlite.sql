-- The tables of the ledger and their indexes. Times are milliseconds since 1970. May be run again and again.

CREATE TABLE IF NOT EXISTS message_ledger (
    id          TEXT PRIMARY KEY,            -- sorts by time
    key         TEXT UNIQUE,                 -- a digest of the idempotency key
    reference   TEXT,                        -- a digest
    category    TEXT NOT NULL,
    state       TEXT NOT NULL,
    open        INTEGER NOT NULL,            -- 1: neither arrived nor failed
    recorded_at INTEGER NOT NULL,
    message     TEXT,                        -- JSON, as long as it may have to be sent again
    sent_as     TEXT,                        -- JSON
    entry       TEXT NOT NULL,               -- JSON, all that became of it
    erased      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX IF NOT EXISTS message_ledger_reference ON message_ledger (reference, id)
    WHERE reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_ledger_open ON message_ledger (id) WHERE open = 1;
CREATE INDEX IF NOT EXISTS message_ledger_age ON message_ledger (recorded_at);
CREATE INDEX IF NOT EXISTS message_ledger_kept ON message_ledger (recorded_at) WHERE erased = 0;

-- What is known of the copies of messages, whosever they are, under each of their names.
CREATE TABLE IF NOT EXISTS message_ledger_fact (
    name    TEXT PRIMARY KEY,
    entry   TEXT,
    fact    TEXT,
    seen_at INTEGER NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS message_ledger_fact_entry ON message_ledger_fact (entry) WHERE entry IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_ledger_fact_age ON message_ledger_fact (seen_at);
