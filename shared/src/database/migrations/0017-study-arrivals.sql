-- breaking: no. Studies that come in and settle: the latest receipt of each, how associations ended, and each time that a study has settled.

-- Associations that stored something, for as long as their studies settle.
CREATE TABLE association_ends (
  id uuid PRIMARY KEY,
  outcome text NOT NULL,
  ended_at timestamptz NOT NULL
);
CREATE INDEX association_ends_oldest ON association_ends (ended_at);

-- Once for each last receipt that a study settled with.
CREATE TABLE study_settlings (
  study_key text NOT NULL,
  receipt_id uuid NOT NULL,
  settled_at timestamptz NOT NULL,
  incomplete boolean NOT NULL,
  ending text NOT NULL,
  instances integer NOT NULL,
  PRIMARY KEY (study_key, receipt_id)
);

-- Open is what came after the study settled last.
CREATE TABLE study_arrivals (
  study_key text PRIMARY KEY,
  last_receipt uuid NOT NULL,
  last_received_at timestamptz NOT NULL,
  -- That brought the last receipt; null: not known.
  association uuid,
  settled_receipt uuid,
  settled_at timestamptz,
  incomplete boolean NOT NULL DEFAULT false,
  ending text,
  settlings integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX study_arrivals_open ON study_arrivals (last_received_at) WHERE settled_receipt IS NULL OR settled_receipt < last_receipt;
CREATE INDEX study_arrivals_incomplete ON study_arrivals (study_key) WHERE incomplete AND settled_receipt = last_receipt;
CREATE INDEX study_arrivals_by_association ON study_arrivals (association, last_received_at) WHERE association IS NOT NULL;

-- What came in before counts as settled, and nothing is said about when and how.
INSERT INTO study_arrivals (study_key, last_receipt, last_received_at, settled_receipt)
  SELECT study_key, n.last_receipt, s.last_received_at, n.last_receipt FROM study_counts n JOIN studies s USING (study_key)
  WHERE EXISTS (SELECT FROM study_outcomes o WHERE o.study_key = n.study_key AND o.receipts > 0);
ANALYZE study_arrivals;
