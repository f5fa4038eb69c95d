-- The table of the queue and its indexes. Times are milliseconds since 1970. May be run again and again.

CREATE TABLE IF NOT EXISTS message_queue (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,    -- the number of a row that was purged is not given again
    provider     TEXT NOT NULL,
    event_id     TEXT,                      -- NULL: the event has no id of its own and is inserted every time
    kind         TEXT NOT NULL,
    conversation TEXT NOT NULL,             -- rows of one conversation are handled one after the other
    payload      TEXT NOT NULL,
    status       TEXT NOT NULL DEFAULT 'pending'
                 CHECK (status IN ('pending', 'processing', 'done', 'review', 'dead')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    available_at INTEGER NOT NULL,          -- when the rest, or the lease, is over
    lease        TEXT,
    reason       TEXT,
    inserted_at  INTEGER NOT NULL,
    finished_at  INTEGER,
    UNIQUE (provider, event_id)
) STRICT;

-- What is to be claimed, the oldest first, however many rows are done.
CREATE INDEX IF NOT EXISTS message_queue_open ON message_queue (id)
    WHERE status IN ('pending', 'processing');

