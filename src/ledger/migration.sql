-- The tables of the ledger, their indexes, and who may see them. Times are milliseconds since 1970.
--
-- May be run again and again. Paste it as it is for `public.message_ledger`, as the role that the ledger will connect as:
-- row level security is on and there is no policy, so that only the owner of the tables (and whoever may bypass row
-- level security) sees their rows.

CREATE TABLE IF NOT EXISTS public.message_ledger (
    id          text COLLATE "C" PRIMARY KEY, -- sorts by time
    key         text UNIQUE,                 -- a digest of the idempotency key
    reference   text,                        -- a digest
    category    text NOT NULL,
    state       text NOT NULL,
    open        bigint NOT NULL,             -- 1: neither arrived nor failed
    recorded_at bigint NOT NULL,
    message     text,                        -- JSON, as long as it may have to be sent again
    sent_as     text,                        -- JSON
    entry       text NOT NULL,               -- JSON, all that became of it
    erased      bigint NOT NULL DEFAULT 0
);

CREATE INDEX IF NOT EXISTS message_ledger_reference ON public.message_ledger (reference, id)
    WHERE reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_ledger_open ON public.message_ledger (id) WHERE open = 1;
CREATE INDEX IF NOT EXISTS message_ledger_age ON public.message_ledger (recorded_at);
CREATE INDEX IF NOT EXISTS message_ledger_kept ON public.message_ledger (recorded_at) WHERE erased = 0;

-- What is known of the copies of messages, whosever they are, under each of their names.
CREATE TABLE IF NOT EXISTS public.message_ledger_fact (
    name    text PRIMARY KEY,
    entry   text COLLATE "C",
    fact    text,
    seen_at bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS message_ledger_fact_entry ON public.message_ledger_fact (entry)
    WHERE entry IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_ledger_fact_age ON public.message_ledger_fact (seen_at);

DO $$
DECLARE
    ledger regclass;
    web_role text;
BEGIN
    FOREACH ledger IN ARRAY ARRAY['public.message_ledger'::regclass, 'public.message_ledger_fact'::regclass] LOOP
        -- Asked first, because ALTER TABLE would wait for everybody who uses the table.
        IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = ledger) THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', ledger);
        END IF;

        -- The roles under which Supabase's HTTP interface serves the world. By default they may use every new table.
        FOR web_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
            EXECUTE format('REVOKE ALL ON TABLE %s FROM %I', ledger, web_role);
        END LOOP;
    END LOOP;
END
$$;
