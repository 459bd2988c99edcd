-- breaking: yes. Instances and deliveries by month of receipt, the outcome of each receipt, and counts that are kept with the rows.

-- The first UUIDv7 of an instant: receipt ids sort by their time, so a month of receipts is a range of ids.
CREATE FUNCTION first_uuid_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

ALTER TABLE instances RENAME TO instances_before;
ALTER TABLE deliveries RENAME TO deliveries_before;

CREATE TABLE instances (
  receipt_id uuid NOT NULL,
  study_key text NOT NULL,
  series_key text NOT NULL,
  study_instance_uid text,
  series_instance_uid text,
  sop_class_uid text NOT NULL,
  sop_instance_uid text NOT NULL,
  object_key text NOT NULL,
  size bigint NOT NULL,
  digest text NOT NULL,
  transfer_syntax_uid text NOT NULL,
  facility text,
  facilities text[] NOT NULL,
  lane text NOT NULL,
  association jsonb NOT NULL,
  attributes jsonb NOT NULL,
  received_at timestamptz NOT NULL,
  fact_state text NOT NULL CHECK (fact_state IN ('received', 'ready', 'routed', 'held', 'quarantined')),
  state_order text COLLATE "C" NOT NULL,
  state_at timestamptz NOT NULL,
  generation integer NOT NULL,
  reason text,
  held jsonb,
  configuration_revision integer,
  compression jsonb,
  compression_order text COLLATE "C",
  discarded_order text COLLATE "C",
  discarded_at timestamptz,
  state text NOT NULL GENERATED ALWAYS AS (CASE WHEN discarded_order > state_order THEN 'discarded' ELSE fact_state END) STORED,
  object_deleted_at timestamptz,
  -- What became of it as a whole, its deliveries included: outcomes.ts.
  outcome text NOT NULL DEFAULT 'open' CHECK (outcome IN ('open', 'delivered', 'held', 'failed', 'quarantined', 'discarded', 'undirected')),
  -- The last time anything happened to it or one of its deliveries, once it is delivered or discarded.
  done_at timestamptz
) PARTITION BY RANGE (receipt_id);

-- `filed_under`: the receipt id of what was received; the nil UUID for deliveries of retrievals, whose ids outlive a receipt (a retrieval that is taken up again may fetch anew).
CREATE TABLE deliveries (
  filed_under uuid NOT NULL,
  id text NOT NULL,
  receipt_id uuid NOT NULL,
  study_key text NOT NULL,
  destination text NOT NULL,
  facility text,
  rule text NOT NULL,
  configuration_revision integer NOT NULL,
  retrieval_id text,
  fact_state text NOT NULL CHECK (fact_state IN ('due', 'retrying', 'parked', 'failed', 'confirmed')),
  state_order text COLLATE "C" NOT NULL,
  state_at timestamptz NOT NULL,
  generation integer NOT NULL,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL,
  reason text,
  next_attempt_at timestamptz,
  confirmation text,
  warning text,
  digest_delivered text,
  lane text,
  discarded_order text COLLATE "C",
  discarded_at timestamptz,
  state text NOT NULL GENERATED ALWAYS AS (CASE WHEN discarded_order > state_order THEN 'discarded' ELSE fact_state END) STORED
) PARTITION BY RANGE (filed_under);

-- Receipts of months that no partition was made for: a safety net, emptied when their partitions are made.
CREATE TABLE instances_default PARTITION OF instances DEFAULT WITH (fillfactor = 80);
CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT WITH (fillfactor = 80);
CREATE TABLE deliveries_of_retrievals PARTITION OF deliveries
  FOR VALUES FROM ('00000000-0000-0000-0000-000000000000') TO ('00000000-0000-0000-0000-000000000001') WITH (fillfactor = 80);

-- Makes the partition of a month, and moves there what lies in the default partition. False: it is there already.
CREATE FUNCTION make_partition(parent text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  name text := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
  key text := CASE parent WHEN 'instances' THEN 'receipt_id' ELSE 'filed_under' END;
  first uuid := first_uuid_at(month::timestamp AT TIME ZONE 'UTC');
  beyond uuid := first_uuid_at((month + interval '1 month')::timestamp AT TIME ZONE 'UTC');
  columns text;
BEGIN
  IF to_regclass(name) IS NOT NULL THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (fillfactor = 80)', name, parent);
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
    WHERE attrelid = parent::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
  EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= %L AND %I < %L RETURNING *) INSERT INTO %I (%s) SELECT %s FROM moved',
    parent || '_default', key, first, key, beyond, name, columns, columns);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, first, beyond);
  RETURN true;
END $$;

DO $$
DECLARE
  month date;
  oldest timestamptz := COALESCE((SELECT min(received_at) FROM instances_before WHERE received_at BETWEEN '2020-01-01' AND now()), now());
BEGIN
  FOR month IN SELECT generate_series(date_trunc('month', oldest AT TIME ZONE 'UTC'),
    date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months', interval '1 month')
  LOOP
    PERFORM make_partition('instances', month);
    PERFORM make_partition('deliveries', month);
  END LOOP;
END $$;

INSERT INTO deliveries (filed_under, id, receipt_id, study_key, destination, facility, rule, configuration_revision, retrieval_id, fact_state, state_order, state_at,
    generation, due_at, attempts, reason, next_attempt_at, confirmation, warning, digest_delivered, lane, discarded_order, discarded_at)
  SELECT CASE WHEN starts_with(id, receipt_id::text || '.') THEN receipt_id ELSE '00000000-0000-0000-0000-000000000000' END, id, receipt_id, study_key, destination,
    facility, rule, configuration_revision, retrieval_id, fact_state, state_order, state_at, generation, due_at, attempts, reason, next_attempt_at, confirmation,
    warning, digest_delivered, lane, discarded_order, discarded_at
  FROM deliveries_before;

-- The outcome by the same rules as in outcomes.ts.
INSERT INTO instances (receipt_id, study_key, series_key, study_instance_uid, series_instance_uid, sop_class_uid, sop_instance_uid, object_key, size, digest,
    transfer_syntax_uid, facility, facilities, lane, association, attributes, received_at, fact_state, state_order, state_at, generation, reason, held,
    configuration_revision, compression, compression_order, discarded_order, discarded_at, object_deleted_at, outcome, done_at)
  SELECT i.receipt_id, study_key, series_key, study_instance_uid, series_instance_uid, sop_class_uid, sop_instance_uid, object_key, size, digest,
    transfer_syntax_uid, facility, facilities, lane, association, attributes, received_at, fact_state, state_order, state_at, generation, reason, held,
    configuration_revision, compression, compression_order, discarded_order, discarded_at, object_deleted_at, o.outcome,
    CASE WHEN o.outcome IN ('delivered', 'discarded') THEN GREATEST(i.state_at, i.discarded_at, d.last_at) END
  FROM instances_before i
  LEFT JOIN (
    SELECT receipt_id, count(*) FILTER (WHERE state IN ('due', 'retrying', 'parked')) AS open, count(*) FILTER (WHERE state = 'failed') AS failed,
      count(*) FILTER (WHERE state = 'confirmed') AS confirmed, count(*) AS every, max(GREATEST(state_at, discarded_at)) AS last_at
    FROM deliveries_before GROUP BY receipt_id) AS d USING (receipt_id)
  CROSS JOIN LATERAL (SELECT CASE
    WHEN i.state IN ('held', 'quarantined', 'discarded') THEN i.state
    WHEN i.state <> 'routed' OR d.open > 0 THEN 'open'
    WHEN d.failed > 0 THEN 'failed'
    WHEN i.configuration_revision IS NULL AND i.object_key LIKE 'received/%' THEN 'open'
    WHEN d.confirmed > 0 THEN 'delivered'
    WHEN d.every > 0 THEN 'discarded'
    ELSE 'undirected' END AS outcome) AS o;

DROP TABLE instances_before;
DROP TABLE deliveries_before;

ALTER TABLE instances ADD PRIMARY KEY (receipt_id);
CREATE INDEX instances_by_study ON instances (study_key);
CREATE INDEX instances_by_sop_instance ON instances (sop_instance_uid);
-- What stopped half-way.
CREATE INDEX instances_moving ON instances (state_at) WHERE state IN ('received', 'ready');
CREATE INDEX instances_held ON instances (receipt_id) WHERE state = 'held';
CREATE INDEX instances_waiting ON instances (study_key) WHERE state IN ('held', 'quarantined');
CREATE INDEX instances_with_object ON instances (receipt_id) WHERE object_deleted_at IS NULL AND outcome IN ('delivered', 'discarded');
-- What keeps a month from being forgotten.
CREATE INDEX instances_not_done ON instances (receipt_id) WHERE object_deleted_at IS NULL AND outcome NOT IN ('delivered', 'discarded');

ALTER TABLE deliveries ADD PRIMARY KEY (filed_under, id);
CREATE INDEX deliveries_of_retrievals_by_receipt ON deliveries_of_retrievals (receipt_id);
CREATE INDEX deliveries_by_study ON deliveries (study_key, destination);
CREATE INDEX deliveries_by_state ON deliveries (state, state_at);
CREATE INDEX deliveries_by_destination ON deliveries (destination, state, state_at);
CREATE INDEX deliveries_oldest_open ON deliveries (due_at) WHERE state IN ('due', 'retrying', 'parked');
CREATE INDEX deliveries_oldest_of_destination ON deliveries (destination, due_at) WHERE state IN ('due', 'retrying', 'parked');
CREATE INDEX deliveries_parked ON deliveries (destination, (array_position(ARRAY['stat', 'routine', 'prior'], lane)), due_at, id) INCLUDE (facility)
  WHERE state = 'parked';
CREATE INDEX deliveries_waiting ON deliveries (destination, filed_under, id) WHERE state IN ('due', 'retrying', 'parked', 'failed');

-- What the page would otherwise count. Kept by triggers from what each statement made of the rows, so that facts may come in any order and no writer can forget it.
-- A row may have come down to 0.
CREATE TABLE study_counts (
  study_key text PRIMARY KEY,
  -- All receipts of the study lie between: says which months to look into.
  first_receipt uuid NOT NULL,
  last_receipt uuid NOT NULL,
  receipts integer NOT NULL,
  -- Different SOP Instance UIDs.
  instances integer NOT NULL,
  bytes bigint NOT NULL,
  held integer NOT NULL,
  quarantined integer NOT NULL,
  moving integer NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX study_counts_waiting ON study_counts (first_receipt) WHERE held > 0 OR quarantined > 0;

CREATE TABLE study_facilities (
  study_key text NOT NULL,
  facility text NOT NULL,
  receipts integer NOT NULL,
  PRIMARY KEY (study_key, facility)
) WITH (fillfactor = 70);
CREATE INDEX study_facilities_by_facility ON study_facilities (facility, study_key);

-- `latest_at`: not before the latest that came into this state; sorts lists, no more.
CREATE TABLE study_deliveries (
  study_key text NOT NULL,
  destination text NOT NULL,
  state text NOT NULL,
  deliveries integer NOT NULL,
  latest_at timestamptz NOT NULL,
  PRIMARY KEY (study_key, destination, state)
) WITH (fillfactor = 70);
CREATE INDEX study_deliveries_waiting ON study_deliveries (state, latest_at) WHERE state IN ('failed', 'parked') AND deliveries > 0;

-- What was received on a day (UTC) of a study, and what became of it. Without what was retrieved.
CREATE TABLE study_outcomes (
  study_key text NOT NULL,
  day date NOT NULL,
  outcome text NOT NULL,
  receipts integer NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (study_key, day, outcome)
) WITH (fillfactor = 70);
CREATE INDEX study_outcomes_differing ON study_outcomes (day, study_key) WHERE outcome <> 'delivered' AND receipts > 0;

-- The same by facility: '*' for all of them together, '' for what belongs to none. A receipt counts for each of its facilities.
CREATE TABLE day_outcomes (
  day date NOT NULL,
  facility text NOT NULL,
  outcome text NOT NULL,
  receipts bigint NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (day, facility, outcome)
) WITH (fillfactor = 50);

-- Deliveries that are neither confirmed nor given up.
CREATE TABLE destination_counts (
  destination text NOT NULL,
  state text NOT NULL,
  deliveries bigint NOT NULL,
  PRIMARY KEY (destination, state)
) WITH (fillfactor = 50);

-- Studies whose different UIDs are to be counted anew at the end of the transaction: instances came from or went to another study.
CREATE TABLE study_recounts (study_key text PRIMARY KEY);

CREATE TYPE instance_change AS (
  n integer, receipt_id uuid, study_key text, sop_instance_uid text, size bigint, state text, outcome text, day date, facilities text[], received boolean
);
CREATE FUNCTION facility_names(facility text, facilities text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ARRAY(SELECT DISTINCT name FROM unnest(facilities || facility) AS name WHERE name IS NOT NULL ORDER BY name)
$$;
-- '*' stands for all facilities together, '' for none.
CREATE FUNCTION counted_under(facilities text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_prepend('*'::text, CASE WHEN facilities = '{}' THEN ARRAY[''] ELSE facilities END)
$$;

CREATE FUNCTION count_instance_changes(changes instance_change[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO study_counts AS c (study_key, first_receipt, last_receipt, receipts, instances, bytes, held, quarantined, moving)
    SELECT study_key, min(receipt_id::text)::uuid, max(receipt_id::text)::uuid, sum(n), 0, sum(n * size), COALESCE(sum(n) FILTER (WHERE state = 'held'), 0),
      COALESCE(sum(n) FILTER (WHERE state = 'quarantined'), 0), COALESCE(sum(n) FILTER (WHERE state IN ('received', 'ready')), 0)
    FROM unnest(changes) GROUP BY study_key ORDER BY study_key
    ON CONFLICT (study_key) DO UPDATE SET first_receipt = LEAST(c.first_receipt, excluded.first_receipt),
      last_receipt = GREATEST(c.last_receipt, excluded.last_receipt), receipts = c.receipts + excluded.receipts, bytes = c.bytes + excluded.bytes,
      held = c.held + excluded.held, quarantined = c.quarantined + excluded.quarantined, moving = c.moving + excluded.moving;
  INSERT INTO study_facilities AS f (study_key, facility, receipts)
    SELECT study_key, name, sum(n) FROM unnest(changes) AS c, unnest(c.facilities) AS name GROUP BY study_key, name HAVING sum(n) <> 0 ORDER BY 1, 2
    ON CONFLICT (study_key, facility) DO UPDATE SET receipts = f.receipts + excluded.receipts;
  INSERT INTO study_outcomes AS o (study_key, day, outcome, receipts, bytes)
    SELECT study_key, day, outcome, sum(n), sum(n * size) FROM unnest(changes) WHERE received GROUP BY 1, 2, 3 HAVING sum(n) <> 0 OR sum(n * size) <> 0 ORDER BY 1, 2, 3
    ON CONFLICT (study_key, day, outcome) DO UPDATE SET receipts = o.receipts + excluded.receipts, bytes = o.bytes + excluded.bytes;
  INSERT INTO day_outcomes AS o (day, facility, outcome, receipts, bytes)
    SELECT day, name, outcome, sum(n), sum(n * size)
    FROM unnest(changes) AS c, unnest(counted_under(c.facilities)) AS name
    WHERE received GROUP BY 1, 2, 3 HAVING sum(n) <> 0 OR sum(n * size) <> 0 ORDER BY 1, 2, 3
    ON CONFLICT (day, facility, outcome) DO UPDATE SET receipts = o.receipts + excluded.receipts, bytes = o.bytes + excluded.bytes;
END $$;

-- New UIDs of a study: those that have no more receipts than were inserted now.
CREATE FUNCTION count_new_instances(changes instance_change[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE study_counts AS c SET instances = c.instances + added.instances FROM (
    SELECT inserted.study_key, count(*) AS instances FROM (
      SELECT study_key, sop_instance_uid, count(*) AS receipts FROM unnest(changes) GROUP BY 1, 2) AS inserted
    JOIN study_counts AS s USING (study_key)
    WHERE inserted.receipts = (SELECT count(*) FROM instances i WHERE i.sop_instance_uid = inserted.sop_instance_uid AND i.study_key = inserted.study_key
      AND i.receipt_id >= s.first_receipt AND i.receipt_id <= s.last_receipt)
    GROUP BY inserted.study_key) AS added
  WHERE c.study_key = added.study_key;
END $$;

CREATE FUNCTION instances_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changes instance_change[] := ARRAY(SELECT ROW(1, r.receipt_id, r.study_key, r.sop_instance_uid, r.size, r.state, r.outcome, (r.received_at AT TIME ZONE 'UTC')::date,
      facility_names(r.facility, r.facilities), starts_with(r.object_key, 'received/'))::instance_change
    FROM inserted AS r);
BEGIN
  IF cardinality(changes) = 0 THEN RETURN NULL; END IF;
  PERFORM count_instance_changes(changes);
  PERFORM count_new_instances(changes);
  RETURN NULL;
END $$;
CREATE FUNCTION instances_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changes instance_change[] := ARRAY(
    SELECT change FROM before JOIN after USING (receipt_id)
    CROSS JOIN LATERAL (VALUES
      (ROW(-1, before.receipt_id, before.study_key, before.sop_instance_uid, before.size, before.state, before.outcome, (before.received_at AT TIME ZONE 'UTC')::date,
      facility_names(before.facility, before.facilities), starts_with(before.object_key, 'received/'))::instance_change),
      (ROW(1, after.receipt_id, after.study_key, after.sop_instance_uid, after.size, after.state, after.outcome, (after.received_at AT TIME ZONE 'UTC')::date,
      facility_names(after.facility, after.facilities), starts_with(after.object_key, 'received/'))::instance_change)) AS both_sides (change)
    WHERE (before.study_key, before.sop_instance_uid, before.size, before.state, before.outcome, before.facility, before.facilities, before.received_at, before.object_key)
      IS DISTINCT FROM (after.study_key, after.sop_instance_uid, after.size, after.state, after.outcome, after.facility, after.facilities, after.received_at, after.object_key));
BEGIN
  IF cardinality(changes) = 0 THEN RETURN NULL; END IF;
  PERFORM count_instance_changes(changes);
  INSERT INTO study_recounts SELECT DISTINCT study_key FROM (
    SELECT study_key FROM unnest(changes) GROUP BY study_key, sop_instance_uid HAVING sum(n) <> 0) AS moved ORDER BY study_key ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE FUNCTION instances_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changes instance_change[] := ARRAY(SELECT ROW(-1, r.receipt_id, r.study_key, r.sop_instance_uid, r.size, r.state, r.outcome, (r.received_at AT TIME ZONE 'UTC')::date,
      facility_names(r.facility, r.facilities), starts_with(r.object_key, 'received/'))::instance_change
    FROM deleted AS r);
BEGIN
  IF cardinality(changes) = 0 THEN RETURN NULL; END IF;
  PERFORM count_instance_changes(changes);
  UPDATE study_counts AS c SET instances = (SELECT count(DISTINCT sop_instance_uid) FROM instances i WHERE i.study_key = c.study_key)
    WHERE c.study_key IN (SELECT study_key FROM unnest(changes));
  RETURN NULL;
END $$;
CREATE FUNCTION instances_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE study_counts, study_facilities, study_outcomes, day_outcomes, study_recounts;
  RETURN NULL;
END $$;

CREATE TRIGGER instances_inserted AFTER INSERT ON instances REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION instances_inserted();
CREATE TRIGGER instances_updated AFTER UPDATE ON instances REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION instances_updated();
CREATE TRIGGER instances_deleted AFTER DELETE ON instances REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION instances_deleted();
CREATE TRIGGER instances_truncated AFTER TRUNCATE ON instances FOR EACH STATEMENT EXECUTE FUNCTION instances_truncated();

CREATE TYPE delivery_change AS (n integer, study_key text, destination text, state text, at timestamptz);
CREATE FUNCTION count_delivery_changes(changes delivery_change[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO study_deliveries AS d (study_key, destination, state, deliveries, latest_at)
    SELECT study_key, destination, state, sum(n), max(at) FROM unnest(changes) GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3
    ON CONFLICT (study_key, destination, state) DO UPDATE
      SET deliveries = d.deliveries + excluded.deliveries, latest_at = GREATEST(d.latest_at, excluded.latest_at);
  INSERT INTO destination_counts AS d (destination, state, deliveries)
    SELECT destination, state, sum(n) FROM unnest(changes) WHERE state NOT IN ('confirmed', 'discarded') GROUP BY 1, 2 HAVING sum(n) <> 0 ORDER BY 1, 2
    ON CONFLICT (destination, state) DO UPDATE SET deliveries = d.deliveries + excluded.deliveries;
END $$;

CREATE FUNCTION deliveries_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changes delivery_change[] := ARRAY(SELECT ROW(1, r.study_key, r.destination, r.state, GREATEST(r.state_at, r.discarded_at))::delivery_change FROM inserted AS r);
BEGIN
  IF cardinality(changes) > 0 THEN PERFORM count_delivery_changes(changes); END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION deliveries_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changes delivery_change[] := ARRAY(
    SELECT change FROM before JOIN after USING (filed_under, id)
    CROSS JOIN LATERAL (VALUES
      (ROW(-1, before.study_key, before.destination, before.state, GREATEST(before.state_at, before.discarded_at))::delivery_change),
      (ROW(1, after.study_key, after.destination, after.state, GREATEST(after.state_at, after.discarded_at))::delivery_change)) AS both_sides (change)
    WHERE (before.study_key, before.destination, before.state) IS DISTINCT FROM (after.study_key, after.destination, after.state));
BEGIN
  IF cardinality(changes) > 0 THEN PERFORM count_delivery_changes(changes); END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION deliveries_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changes delivery_change[] := ARRAY(SELECT ROW(-1, r.study_key, r.destination, r.state, GREATEST(r.state_at, r.discarded_at))::delivery_change FROM deleted AS r);
BEGIN
  IF cardinality(changes) > 0 THEN PERFORM count_delivery_changes(changes); END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION deliveries_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE study_deliveries, destination_counts;
  RETURN NULL;
END $$;

CREATE TRIGGER deliveries_inserted AFTER INSERT ON deliveries REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION deliveries_inserted();
CREATE TRIGGER deliveries_updated AFTER UPDATE ON deliveries REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION deliveries_updated();
CREATE TRIGGER deliveries_deleted AFTER DELETE ON deliveries REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION deliveries_deleted();
CREATE TRIGGER deliveries_truncated AFTER TRUNCATE ON deliveries FOR EACH STATEMENT EXECUTE FUNCTION deliveries_truncated();

-- Every count as it follows from the rows now: what the tables above must say, and what they are filled with here.
CREATE VIEW counted_studies AS
  SELECT study_key, min(receipt_id::text)::uuid AS first_receipt, max(receipt_id::text)::uuid AS last_receipt, count(*)::integer AS receipts,
    count(DISTINCT sop_instance_uid)::integer AS instances, sum(size)::bigint AS bytes, (count(*) FILTER (WHERE state = 'held'))::integer AS held,
    (count(*) FILTER (WHERE state = 'quarantined'))::integer AS quarantined, (count(*) FILTER (WHERE state IN ('received', 'ready')))::integer AS moving
  FROM instances GROUP BY study_key;
CREATE VIEW counted_study_facilities AS
  SELECT study_key, name AS facility, count(*)::integer AS receipts FROM instances, unnest(facility_names(facility, facilities)) AS name GROUP BY study_key, name;
CREATE VIEW counted_study_deliveries AS
  SELECT study_key, destination, state, count(*)::integer AS deliveries, max(GREATEST(state_at, discarded_at)) AS latest_at
  FROM deliveries GROUP BY study_key, destination, state;
CREATE VIEW counted_study_outcomes AS
  SELECT study_key, (received_at AT TIME ZONE 'UTC')::date AS day, outcome, count(*)::integer AS receipts, sum(size)::bigint AS bytes
  FROM instances WHERE object_key LIKE 'received/%' GROUP BY 1, 2, 3;
CREATE VIEW counted_days AS
  SELECT (received_at AT TIME ZONE 'UTC')::date AS day, name AS facility, outcome, count(*) AS receipts, sum(size)::bigint AS bytes
  FROM instances, unnest(counted_under(facility_names(facility, facilities))) AS name
  WHERE object_key LIKE 'received/%' GROUP BY 1, 2, 3;
CREATE VIEW counted_destinations AS
  SELECT destination, state, count(*) AS deliveries FROM deliveries WHERE state IN ('due', 'retrying', 'parked', 'failed') GROUP BY destination, state;

-- Counts everything anew; a minute or so for ten million rows, while nothing is written.
CREATE FUNCTION recount_ledger() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE instances, deliveries IN SHARE MODE;
  TRUNCATE study_counts, study_facilities, study_deliveries, study_outcomes, day_outcomes, destination_counts, study_recounts;
  INSERT INTO study_counts SELECT * FROM counted_studies;
  INSERT INTO study_facilities SELECT * FROM counted_study_facilities;
  INSERT INTO study_deliveries SELECT * FROM counted_study_deliveries;
  INSERT INTO study_outcomes SELECT * FROM counted_study_outcomes;
  INSERT INTO day_outcomes SELECT * FROM counted_days;
  INSERT INTO destination_counts SELECT * FROM counted_destinations;
END $$;
SELECT recount_ledger();
ANALYZE instances, deliveries, study_counts, study_facilities, study_deliveries, study_outcomes;
