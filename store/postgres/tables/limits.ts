// The table of shared limits, and the one statement that decides them (store/postgres/limits.ts). SQL as data.

export const LIMIT_TABLES = `
-- What was admitted in a limit and may still be in its window: when the last call of each group was, and how many it has.
CREATE TABLE keywright.limits (
  key_id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  until double precision[] NOT NULL,
  calls bigint[] NOT NULL,
  -- When all of it has left its window, in milliseconds since 1970: then the row may go.
  whole_at double precision NOT NULL,
  PRIMARY KEY (key_id, name)
) WITH (fillfactor = 50);
CREATE INDEX limits_by_end ON keywright.limits (whole_at);

-- Admits up to p_want calls in all of a key's limits, the same number in each, or none. One statement, so that no two nodes
-- admit the same call: the rows are locked in the order of their names, which is the order in which they must be given.
-- Calls are counted as of p_now + p_lease_ms, by when whoever asked will have used them; what it did not use of what it was
-- granted until p_back_until is given back. Groups of calls share the time of their last one, as in src/domain/limit.ts: never
-- too early. p_now null: the server's clock, the same for all nodes. p_want 0: looks, and takes nothing.
CREATE TYPE keywright.limit_state AS (until double precision[], calls bigint[]);
CREATE FUNCTION keywright.take(
  p_key text, p_names text[], p_limits bigint[], p_windows double precision[], p_want bigint, p_lease_ms double precision,
  p_back bigint, p_back_until double precision, p_now double precision,
  OUT granted bigint, OUT at double precision, OUT used double precision[], OUT whole_in double precision[], OUT wait double precision[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- As many groups as a full limit has, and as many again that are half full.
  max_groups constant integer := 64;
  -- Milliseconds: MAX_SLOW_LEASE_MS of store/postgres/limits.ts.
  max_lease constant double precision := 5000;
  states keywright.limit_state[];
  state keywright.limit_state;
  total bigint;
  rest bigint;
  last integer;
  place integer;
BEGIN
  at := coalesce(p_now, extract(epoch FROM clock_timestamp()) * 1000);
  granted := p_want;
  FOR i IN 1 .. cardinality(p_names) LOOP
    IF p_want = 0 THEN
      SELECT l.until, l.calls INTO state FROM keywright.limits l WHERE l.key_id = p_key AND l.name = p_names[i];
    ELSE
      SELECT l.until, l.calls INTO state FROM keywright.limits l WHERE l.key_id = p_key AND l.name = p_names[i] FOR UPDATE;
      IF NOT FOUND THEN
        INSERT INTO keywright.limits VALUES (p_key, p_names[i], '{}', '{}', 0) ON CONFLICT DO NOTHING;
        SELECT l.until, l.calls INTO state FROM keywright.limits l WHERE l.key_id = p_key AND l.name = p_names[i] FOR UPDATE;
      END IF;
    END IF;
    IF state.until IS NULL THEN state := ROW('{}'::double precision[], '{}'::bigint[]); END IF;
    -- After the lock was waited for: another node may have been granted calls as of a later moment.
    IF p_now IS NULL THEN at := extract(epoch FROM clock_timestamp()) * 1000; END IF;
    place := 1;
    WHILE place <= cardinality(state.until) AND state.until[place] + p_windows[i] <= at LOOP place := place + 1; END LOOP;
    IF place > 1 THEN state := ROW(state.until[place:], state.calls[place:]); END IF;
    -- No lease ends later: a clock that was ahead, and was put back, locks nobody out for longer than a window.
    IF cardinality(state.until) > 0 AND state.until[cardinality(state.until)] > at + max_lease THEN
      state.until := (SELECT array_agg(least(one, at + max_lease) ORDER BY place_of) FROM unnest(state.until) WITH ORDINALITY AS u (one, place_of));
    END IF;
    -- Of a lease whose calls have all left the window nothing is left to be given back.
    IF p_back > 0 AND p_back_until + p_windows[i] > at THEN
      FOR g IN 1 .. cardinality(state.until) LOOP
        IF state.until[g] >= p_back_until THEN
          state.calls[g] := greatest(0, state.calls[g] - p_back);
          EXIT;
        END IF;
      END LOOP;
    END IF;
    SELECT coalesce(sum(c), 0) INTO total FROM unnest(state.calls) c;
    granted := least(granted, greatest(0, p_limits[i] - total));
    states[i] := state;
  END LOOP;
  FOR i IN 1 .. cardinality(p_names) LOOP
    state := states[i];
    last := cardinality(state.until);
    IF granted > 0 THEN
      IF last > 0 AND state.calls[last] + granted <= ceil(p_limits[i] / 24.0) THEN
        state.until[last] := greatest(state.until[last], at + p_lease_ms);
        state.calls[last] := state.calls[last] + granted;
      ELSE
        state.until[last + 1] := greatest(coalesce(state.until[last], 0), at + p_lease_ms);
        state.calls[last + 1] := granted;
        last := last + 1;
      END IF;
      WHILE last > max_groups LOOP
        state.calls[2] := state.calls[1] + state.calls[2];
        state := ROW(state.until[2:], state.calls[2:]);
        last := last - 1;
      END LOOP;
    END IF;
    IF p_want > 0 THEN
      UPDATE keywright.limits l
      SET until = state.until, calls = state.calls, whole_at = coalesce(state.until[last], 0) + p_windows[i]
      WHERE l.key_id = p_key AND l.name = p_names[i];
    END IF;
    SELECT coalesce(sum(c), 0) INTO total FROM unnest(state.calls) c;
    used[i] := total;
    whole_in[i] := CASE WHEN last > 0 AND total > 0 THEN state.until[last] + p_windows[i] - at ELSE 0 END;
    wait[i] := 0;
    rest := total;
    place := 1;
    WHILE rest >= p_limits[i] AND place <= last LOOP
      rest := rest - state.calls[place];
      wait[i] := state.until[place] + p_windows[i] - at;
      place := place + 1;
    END LOOP;
  END LOOP;
END $$;
`
