-- breaking: no. Storage commitment: one row a request (PS3.4 section J.3). The references themselves lie in the object store.
CREATE TABLE commitments (
  id uuid PRIMARY KEY,
  transaction_uid text NOT NULL,
  calling_ae text NOT NULL,
  called_ae text NOT NULL,
  source text NOT NULL,
  requested_at timestamptz NOT NULL,
  association_id uuid NOT NULL,
  replica uuid NOT NULL,
  request_key text NOT NULL,
  reference_count integer NOT NULL,
  -- SHA-256 of the references, whatever their order: tells a repeat of a request from another one with its transaction UID.
  references_digest text NOT NULL,
  -- The transaction UID was in use already: every reference fails with 0131.
  duplicate boolean NOT NULL,
  -- What must have happened: custody or delivered; and when the answer is due at the latest.
  after text NOT NULL CHECK (after IN ('custody', 'delivered')),
  deadline_at timestamptz NOT NULL,
  -- open: not everything is decided; decided: the result is being told; reported: the requestor has it; undeliverable: given up, or no address;
  -- joined: a repeat of one that was open, whose result answers both.
  state text NOT NULL CHECK (state IN ('open', 'decided', 'reported', 'undeliverable', 'joined')),
  state_at timestamptz NOT NULL,
  -- When to look at it again, or to tell the result again.
  next_at timestamptz NOT NULL,
  looks integer NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  handed_over boolean NOT NULL DEFAULT false,
  answer_key text,
  committed integer,
  failed integer,
  -- The first of those that failed: [{sopClassUid, sopInstanceUid, reason}].
  failures jsonb,
  decided_at timestamptz,
  reported_on text CHECK (reported_on IN ('same', 'new')),
  last_outcome text,
  reason text
);
CREATE INDEX commitments_due ON commitments (next_at) WHERE state IN ('open', 'decided');
CREATE INDEX commitments_by_transaction ON commitments (calling_ae, transaction_uid);
CREATE INDEX commitments_newest ON commitments (requested_at DESC, id DESC);
CREATE INDEX commitments_undeliverable ON commitments (calling_ae) WHERE state = 'undeliverable';
