-- The table of the outbox, its indexes, and who may see it.
--
-- May be run again and again. Run it as the role that the outbox will connect as: row level security is on and there is no
-- policy, so that only the owner of the table (and whoever may bypass row level security) sees its rows. To every other
-- role the table looks empty.

CREATE TABLE IF NOT EXISTS public.message_queue (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider     text NOT NULL,             -- empty: any may send it
    event_id     text NOT NULL,             -- the message's idempotency key
    kind         text NOT NULL,
    conversation text NOT NULL,             -- rows of one conversation are handled one after the other
    payload      json NOT NULL,             -- not jsonb, which refuses \u0000
    status       text NOT NULL DEFAULT 'pending'
                 CHECK (status IN ('pending', 'processing', 'done', 'review', 'dead')),
    attempts     integer NOT NULL DEFAULT 0,
    available_at timestamptz NOT NULL DEFAULT now(),    -- when the rest, or the lease, is over
    lease        uuid,
    reason       text,
    inserted_at  timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    priority     smallint NOT NULL,         -- the smaller goes first
    due_at       timestamptz NOT NULL,      -- when it was inserted, or is not to go out before
    UNIQUE (provider, event_id)
);

-- What is to be claimed, in its order. What rests, is in work or is for later comes after what is due of its priority, so
-- that however much of it there is, no claim reads its rows.
CREATE INDEX IF NOT EXISTS message_queue_due ON public.message_queue (priority, available_at, id)
    WHERE status IN ('pending', 'processing');

