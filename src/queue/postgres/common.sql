-- The first row of a conversation that is not done.
CREATE INDEX IF NOT EXISTS message_queue_order ON public.message_queue (conversation, id)
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
