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
-- the rights of the schema's owner. Each month costs whoever reads the log a lock: only the owner, who may copy a log of any
-- age, has others made than those in which a record can be written now. Whatever the session's settings are, moments are
-- written in one way.
CREATE FUNCTION keywright.make_month(moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO' SET TimeZone = 'UTC' AS $$
DECLARE
  first timestamptz := date_trunc('month', moment, 'UTC');
  past timestamptz := date_trunc('month', first + interval '32 days', 'UTC');
  month text := 'audit_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
  this timestamptz := date_trunc('month', clock_timestamp(), 'UTC');
  since timestamptz;
BEGIN
  IF to_regclass('keywright.' || month) IS NOT NULL THEN RETURN; END IF;
  IF NOT pg_has_role(session_user, (SELECT nspowner FROM pg_namespace WHERE nspname = 'keywright'), 'MEMBER') THEN
    SELECT coalesce(date_trunc('month', h.at::timestamptz, 'UTC'), this - interval '1 month') INTO since FROM keywright.head h;
    IF first < since OR first > this + interval '1 month' THEN
      RAISE EXCEPTION 'no record can be of %: look at the clock of this machine', to_char(first AT TIME ZONE 'UTC', 'YYYY-MM')
        USING ERRCODE = 'datetime_field_overflow';
    END IF;
  END IF;
  EXECUTE format('CREATE TABLE keywright.%I (LIKE keywright.audit INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS)', month);
  EXECUTE format('ALTER TABLE keywright.%I ADD CHECK (at >= %L AND at < %L)', month, first, past);
  EXECUTE format('ALTER TABLE keywright.audit ATTACH PARTITION keywright.%I FOR VALUES FROM (%L) TO (%L)', month, first, past);
END $$;

-- Puts records of verifications on the log, for those who may put nothing else there. Takes only lines that continue the chain
-- as src/domain/audit.ts makes them. Where the log does not end as the head says it writes nothing: is_agreed is false then,
-- and last_seq is what the log ends at.
CREATE FUNCTION keywright.note(p_lines text[], OUT last_seq bigint, OUT is_agreed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO' SET TimeZone = 'UTC' AS $$
DECLARE
  members constant text[] := ARRAY['seq', 'at', 'actor', 'action', 'keyId', 'userId', 'outcome', 'reason', 'before', 'after', 'base',
    'digest', 'prev', 'hash'];
  -- ,"hash":" and the hash and "}
  tail_length constant integer := 75;
  top keywright.head;
  one text;
  body text;
  proof text;
  said json;
  said_at text;
BEGIN
  SELECT * INTO STRICT top FROM keywright.head h FOR UPDATE;
  -- By a statement of its own each time: so that only the months from then on are looked into.
  EXECUTE 'SELECT seq, line FROM keywright.audit WHERE at >= $1 ORDER BY seq DESC LIMIT 1' INTO last_seq, one
    USING coalesce(date_trunc('month', top.at::timestamptz, 'UTC'), '-infinity');
  IF last_seq IS NULL THEN SELECT coalesce(max(a.seq), 0) INTO last_seq FROM keywright.audit a; END IF;
  body := left(one, -tail_length);
  is_agreed := last_seq = top.seq AND (top.seq = 0 OR coalesce(
    one = body || ',"hash":"' || top.hash || '"}' AND encode(sha256(convert_to(body, 'UTF8')), 'hex') = top.hash, false));
  IF NOT is_agreed THEN RETURN; END IF;
  FOREACH one IN ARRAY p_lines LOOP
    said := one::json;
    said_at := said ->> 'at';
    body := left(one, -tail_length);
    proof := encode(sha256(convert_to(body, 'UTF8')), 'hex');
    IF NOT coalesce(
      ARRAY(SELECT json_object_keys(said)) = members
      AND said ->> 'action' IN ('validate.first-use', 'validate.refused', 'validate.summary')
      AND (said ->> 'before', said ->> 'base', said ->> 'digest') IS NULL
      AND said_at ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$'
      AND (top.at IS NULL OR said_at COLLATE "C" >= top.at COLLATE "C")
      AND said ->> 'seq' = (top.seq + 1)::text AND said ->> 'prev' = top.hash
      AND one = body || ',"hash":"' || proof || '"}', false)
    THEN
      RAISE EXCEPTION 'only records of verifications that continue the log are noted' USING ERRCODE = 'check_violation';
    END IF;
    IF top.at IS NULL OR left(said_at, 7) <> left(top.at, 7) THEN PERFORM keywright.make_month(said_at::timestamptz); END IF;
    top.seq := top.seq + 1;
    top.hash := proof;
    top.at := said_at;
  END LOOP;
  INSERT INTO keywright.audit (seq, at, line)
  SELECT last_seq + place, (said_line::json ->> 'at')::timestamptz, said_line
  FROM unnest(p_lines) WITH ORDINALITY AS said_lines (said_line, place);
  UPDATE keywright.head h SET seq = top.seq, hash = top.hash, at = top.at;
  last_seq := top.seq;
END $$;
`
