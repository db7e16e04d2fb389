// The table of the audit log, by months. SQL as data.

export const LOG_TABLES = `
-- A partition for each month; seq is unique because the head is locked, and each partition says so of its own.
CREATE TABLE keywright.audit (
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  line text COLLATE "C" NOT NULL,
  action text COLLATE "C" GENERATED ALWAYS AS ((line::json) ->> 'action') STORED,
  key_id text COLLATE "C" GENERATED ALWAYS AS ((line::json) ->> 'keyId') STORED,
  user_id text COLLATE "C" GENERATED ALWAYS AS ((line::json) ->> 'userId') STORED,
  actor text COLLATE "C" GENERATED ALWAYS AS ((line::json) -> 'actor' ->> 'name') STORED,
  os_user text COLLATE "C" GENERATED ALWAYS AS ((line::json) -> 'actor' ->> 'osUser') STORED,
  PRIMARY KEY (seq, at),
  CHECK (seq = ((line::json) ->> 'seq')::bigint)
) PARTITION BY RANGE (at);
CREATE INDEX audit_by_time ON keywright.audit (at, seq);
CREATE INDEX audit_by_key ON keywright.audit (key_id, seq);
CREATE INDEX audit_by_user ON keywright.audit (user_id, seq);
CREATE INDEX audit_by_action ON keywright.audit (action, seq);
CREATE INDEX audit_by_actor ON keywright.audit (actor, seq);
CREATE INDEX audit_by_os_user ON keywright.audit (os_user, seq);

-- The month's partition, made when it is not there: beside the log and then attached, so that nobody who reads waits. With
-- the rights of the schema's owner; whoever may append a record may have it made.
CREATE FUNCTION keywright.make_month(moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  first timestamptz := date_trunc('month', moment, 'UTC');
  past timestamptz := date_trunc('month', first + interval '32 days', 'UTC');
  month text := 'audit_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
  IF to_regclass('keywright.' || month) IS NOT NULL THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE keywright.%I (LIKE keywright.audit INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS)', month);
  EXECUTE format('ALTER TABLE keywright.%I ADD CHECK (at >= %L AND at < %L)', month, first, past);
  EXECUTE format('ALTER TABLE keywright.audit ATTACH PARTITION keywright.%I FOR VALUES FROM (%L) TO (%L)', month, first, past);
END $$;
`
