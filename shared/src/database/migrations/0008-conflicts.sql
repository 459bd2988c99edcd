-- breaking: no. SOP Instance UIDs that were received with different content, or for different series: both are kept and delivered, and shown.
-- Derived from the rows of instances, so that the order of facts does not matter. `since`: the latest reception of the UID.
CREATE TABLE conflicts (
  sop_instance_uid text PRIMARY KEY,
  other_content boolean NOT NULL,
  other_series boolean NOT NULL,
  study_keys text[] NOT NULL,
  receipts integer NOT NULL,
  since timestamptz NOT NULL
);
CREATE INDEX conflicts_by_study ON conflicts USING gin (study_keys);
