-- The table of the outbox and its indexes. Times are milliseconds since 1970. May be run again and again.

CREATE TABLE IF NOT EXISTS message_queue (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,    -- the number of a row that was purged is not given again
    provider     TEXT NOT NULL,             -- empty: any may send it
    event_id     TEXT NOT NULL,             -- the message's idempotency key
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
    priority     INTEGER NOT NULL,          -- the smaller goes first
    due_at       INTEGER NOT NULL,          -- when it was inserted, or is not to go out before
    UNIQUE (provider, event_id)
) STRICT;

-- What is to be claimed, in its order. What rests, is in work or is for later comes after what is due of its priority, so
-- that however much of it there is, no claim reads its rows.
CREATE INDEX IF NOT EXISTS message_queue_due ON message_queue (priority, available_at, id)
    WHERE status IN ('pending', 'processing');

