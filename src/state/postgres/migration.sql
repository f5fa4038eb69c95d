-- What several machines must know of each other. May be run any number of times.
CREATE TABLE IF NOT EXISTS "public"."whatsapp_state" (
    key text PRIMARY KEY,
    value bytea NOT NULL,
    -- From a sequence, so that no number comes twice, whatever was deleted meanwhile.
    version bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    expires_at timestamptz
);

-- For `purge`.
CREATE INDEX IF NOT EXISTS "whatsapp_state_expires_at"
    ON "public"."whatsapp_state" (expires_at) WHERE expires_at IS NOT NULL;

-- On Supabase every table of `public` can be reached through the web by the roles `anon` and `authenticated`.
DO $$
DECLARE
    web name;
BEGIN
    IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = '"public"."whatsapp_state"'::regclass) THEN
        ALTER TABLE "public"."whatsapp_state" ENABLE ROW LEVEL SECURITY;
    END IF;
    FOR web IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format('REVOKE ALL ON "public"."whatsapp_state" FROM %I', web);
    END LOOP;
END
$$;
