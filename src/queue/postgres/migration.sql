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

-- The first row of a conversation that is not done.
CREATE INDEX IF NOT EXISTS message_queue_order ON public.message_queue (conversation, id)
    WHERE status IN ('pending', 'processing');

-- What is to be claimed, the oldest first, however many rows are done.
CREATE INDEX IF NOT EXISTS message_queue_open ON public.message_queue (id)
    WHERE status IN ('pending', 'processing');

-- Whether a conversation is being worked on.
CREATE INDEX IF NOT EXISTS message_queue_work ON public.message_queue (conversation)
    WHERE status = 'processing';

-- What somebody should look at.
CREATE INDEX IF NOT EXISTS message_queue_parked ON public.message_queue (id)
    WHERE status IN ('review', 'dead');

-- What can be erased and purged.
CREATE INDEX IF NOT EXISTS message_queue_done ON public.message_queue (finished_at)
    WHERE status = 'done';

DO $$
DECLARE
    web_role text;
BEGIN
    -- Asked first, because ALTER TABLE would wait for everybody who uses the table.
    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = 'public.message_queue'::regclass) THEN
        ALTER TABLE public.message_queue ENABLE ROW LEVEL SECURITY;
    END IF;

    -- The roles under which Supabase's HTTP interface serves the world. By default they may use every new table.
    FOR web_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format('REVOKE ALL ON TABLE public.message_queue FROM %I', web_role);
        EXECUTE format(
            'REVOKE ALL ON SEQUENCE %s FROM %I',
            pg_get_serial_sequence('public.message_queue', 'id'), web_role
        );
    END LOOP;
END
$$;
