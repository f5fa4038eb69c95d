-- The table of the queue, its indexes, and who may see it.
--
-- May be run again and again. Paste it as it is for `public.message_queue`, as the role that the queue will connect as:
-- row level security is on and there is no policy, so that only the owner of the table (and whoever may bypass row
-- level security) sees its rows. To every other role the table looks empty.

CREATE TABLE IF NOT EXISTS public.message_queue (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider     text NOT NULL,
    event_id     text,                      -- NULL: the event has no id of its own and is inserted every time
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
    UNIQUE (provider, event_id)
);

-- What is to be claimed, the oldest first, however many rows are done.
CREATE INDEX IF NOT EXISTS message_queue_open ON public.message_queue (id)
    WHERE status IN ('pending', 'processing');

