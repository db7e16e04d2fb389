// The tables of usage and of the nodes that count it. SQL as data.

export const USAGE_TABLES = `
-- Calls, by what they are counted for: a key ('' for calls that name none, '*' for the whole store), its secrets, its scopes.
CREATE TABLE keywright.usage (
  key_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('total', 'secret', 'scope')),
  name text COLLATE "C" NOT NULL,
  span text COLLATE "C" NOT NULL CHECK (span IN ('ever', 'minute', 'hour', 'day')),
  -- Whole periods since 1970; 0 for ever.
  bucket bigint NOT NULL,
  -- The place of the verdict's code in VERDICT_CODES.
  code smallint NOT NULL,
  calls bigint NOT NULL,
  PRIMARY KEY (key_id, kind, name, span, bucket, code)
) WITH (fillfactor = 70);
-- With the key: what is summed up on the log is read key by key.
CREATE INDEX usage_by_bucket ON keywright.usage (span, bucket, kind, key_id);
CREATE INDEX usage_of_refusals ON keywright.usage (span, code, bucket, key_id) WHERE kind = 'total' AND code <> 0;

-- Calls that were written and wait to be folded into the table above, once a minute and not with every flush: what is called
-- every second is one row here, and four there.
CREATE TABLE keywright.fresh (
  key_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  minute bigint NOT NULL,
  code smallint NOT NULL,
  calls bigint NOT NULL,
  -- When the last accepted one was; for the whole store null.
  at double precision,
  PRIMARY KEY (key_id, kind, name, minute, code)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- All calls, folded or not.
CREATE VIEW keywright.counted AS
  SELECT key_id, kind, name, span, bucket, code, calls FROM keywright.usage
  UNION ALL
  SELECT key_id, kind, name, s.span COLLATE "C", CASE s.span WHEN 'ever' THEN 0 ELSE minute / s.minutes END, code, calls
  FROM keywright.fresh, (VALUES ('ever', 1), ('minute', 1), ('hour', 60), ('day', 1440)) AS s (span, minutes);

-- When something was used last, in milliseconds since 1970.
CREATE TABLE keywright.last_use (
  key_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  at double precision NOT NULL,
  PRIMARY KEY (key_id, kind, name)
) WITH (fillfactor = 70);
CREATE INDEX last_use_by_time ON keywright.last_use (at DESC, key_id) WHERE kind = 'total' AND name = '';

-- Last uses, folded or not. Those of kind 'total' are in last_use at once.
CREATE VIEW keywright.used AS
  SELECT key_id, kind, name, at FROM keywright.last_use
  UNION ALL
  SELECT key_id, kind, name, at FROM keywright.fresh WHERE kind <> 'total' AND at IS NOT NULL;

-- Keys that were purged: the store's totals keep their calls, under the key ''. Rows stay for a while, for counts that come late.
CREATE TABLE keywright.purged (
  key_id text COLLATE "C" PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION keywright.note_purged() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO keywright.purged (key_id) SELECT id FROM gone ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER keys_purged AFTER DELETE ON keywright.keys
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION keywright.note_purged();

-- Periods in which some node was alive to count.
CREATE TABLE keywright.alive (
  span text COLLATE "C" NOT NULL,
  bucket bigint NOT NULL,
  PRIMARY KEY (span, bucket)
);

-- The processes that were seen, and how often each has written counts: what it wrote last is known even if the answer was lost.
CREATE TABLE keywright.nodes (
  id text COLLATE "C" PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  seen_at double precision NOT NULL,
  flushes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
`
