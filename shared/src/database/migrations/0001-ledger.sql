-- breaking: no. The projection of the facts: what was received, what became of it, where it went.

-- A study as the page lists it. `described_by`: the earliest receipt of the study; its header values are the ones shown, whatever order facts come in.
CREATE TABLE studies (
  study_key text PRIMARY KEY,
  described_by uuid NOT NULL,
  patient_name text NOT NULL,
  patient_id text NOT NULL,
  patient_birth_date text NOT NULL,
  patient_sex text NOT NULL,
  accession_number text NOT NULL,
  study_date text NOT NULL,
  study_time text NOT NULL,
  study_description text NOT NULL,
  institution_name text NOT NULL,
  modalities text[] NOT NULL,
  first_received_at timestamptz NOT NULL,
  last_received_at timestamptz NOT NULL,
  -- Words of patient, accession number, institution, description and UID, folded (search-words.ts); asked by prefix.
  search tsvector NOT NULL
);
CREATE INDEX studies_newest ON studies (last_received_at DESC, study_key DESC);
CREATE INDEX studies_by_words ON studies USING gin (search);

CREATE TABLE series (
  study_key text NOT NULL,
  series_key text NOT NULL,
  described_by uuid NOT NULL,
  modality text NOT NULL,
  series_number text NOT NULL,
  series_description text NOT NULL,
  body_part text NOT NULL,
  PRIMARY KEY (study_key, series_key)
);

-- One row a receipt. `state_order` and `compression_order`: see fact-order.ts; they only grow, so that facts may come late, twice and in any order.
CREATE TABLE instances (
  receipt_id uuid PRIMARY KEY,
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
  -- A discarding lies over what the facts say, until work of a later generation goes beyond it.
  state text NOT NULL GENERATED ALWAYS AS (CASE WHEN discarded_order > state_order THEN 'discarded' ELSE fact_state END) STORED,
  object_deleted_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX instances_by_study ON instances (study_key, series_key, sop_instance_uid);
CREATE INDEX instances_waiting ON instances (state, state_at) WHERE state IN ('received', 'ready', 'held', 'quarantined');
CREATE INDEX instances_with_object ON instances (receipt_id) WHERE object_deleted_at IS NULL AND state IN ('routed', 'discarded');
CREATE INDEX instances_by_sop_instance ON instances (sop_instance_uid);

-- One row a delivery: one instance to one destination.
CREATE TABLE deliveries (
  id text PRIMARY KEY,
  receipt_id uuid NOT NULL,
  study_key text NOT NULL,
  destination text NOT NULL,
  facility text,
  rule text NOT NULL,
  configuration_revision integer NOT NULL,
  retrieval_id text,
  fact_state text NOT NULL CHECK (fact_state IN ('due', 'retrying', 'failed', 'confirmed')),
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
  discarded_order text COLLATE "C",
  discarded_at timestamptz,
  state text NOT NULL GENERATED ALWAYS AS (CASE WHEN discarded_order > state_order THEN 'discarded' ELSE fact_state END) STORED
) WITH (fillfactor = 80);
CREATE INDEX deliveries_by_study ON deliveries (study_key, destination, state);
CREATE INDEX deliveries_by_receipt ON deliveries (receipt_id);
CREATE INDEX deliveries_open ON deliveries (destination, state_at) WHERE state IN ('due', 'retrying');
CREATE INDEX deliveries_oldest_open ON deliveries (due_at) WHERE state IN ('due', 'retrying');
CREATE INDEX deliveries_failed ON deliveries (state_at DESC, id) WHERE state = 'failed';

CREATE TABLE retrievals (
  id text PRIMARY KEY,
  source text NOT NULL,
  study_instance_uid text NOT NULL,
  destinations text[] NOT NULL,
  lane text NOT NULL,
  requested_by text NOT NULL,
  requested_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('due', 'fetching', 'failed', 'done')),
  state_order text COLLATE "C" NOT NULL,
  state_at timestamptz NOT NULL,
  generation integer NOT NULL,
  instances integer NOT NULL,
  fetched integer NOT NULL,
  from_cache integer NOT NULL,
  reason text
);
CREATE INDEX retrievals_newest ON retrievals (requested_at DESC, id DESC);

CREATE TABLE destination_states (
  destination text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('open', 'paused')),
  state_order text COLLATE "C" NOT NULL,
  state_at timestamptz NOT NULL,
  reason text
);

-- The audit of what persons did; the id is that of the fact.
CREATE TABLE operator_actions (
  id text PRIMARY KEY,
  at timestamptz NOT NULL,
  operator text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  generation integer NOT NULL
);
CREATE INDEX operator_actions_newest ON operator_actions (at DESC, id DESC);
CREATE INDEX operator_actions_discarding ON operator_actions (subject) WHERE action IN ('instance-discarded', 'delivery-discarded');
