-- breaking: no. What users may: a role, and the facilities whose work they see. Whoever was a user until now could do everything, and still can.
ALTER TABLE users
  ADD COLUMN role text NOT NULL DEFAULT 'administrator' CHECK (role IN ('administrator', 'operator', 'reader')),
  ADD COLUMN all_facilities boolean NOT NULL DEFAULT true,
  ADD COLUMN facilities text[] NOT NULL DEFAULT '{}',
  ADD CHECK (all_facilities OR role <> 'administrator'),
  ADD CHECK (all_facilities = (facilities = '{}'));
-- Nobody is made an administrator by leaving something out.
ALTER TABLE users ALTER COLUMN role DROP DEFAULT, ALTER COLUMN all_facilities DROP DEFAULT, ALTER COLUMN facilities DROP DEFAULT;

-- The studies of a facility, newest first. One row for each facility that an instance of the study ever concerned; whether it still does is asked of the instances.
CREATE TABLE facility_studies (
  facility text NOT NULL,
  study_key text NOT NULL,
  -- Of the instances that concerned the facility, not of the whole study.
  last_received_at timestamptz NOT NULL,
  PRIMARY KEY (facility, study_key)
);
CREATE INDEX facility_studies_newest ON facility_studies (facility, last_received_at DESC, study_key DESC);
CREATE INDEX facility_studies_by_study ON facility_studies (study_key);
INSERT INTO facility_studies
  SELECT concerned.facility, i.study_key, max(i.received_at) FROM instances i CROSS JOIN LATERAL (
    SELECT i.facility WHERE i.facility IS NOT NULL UNION SELECT unnest(i.facilities)
    UNION SELECT i.held->>'facility' WHERE i.held->>'facility' IS NOT NULL
    UNION SELECT jsonb_array_elements_text(COALESCE(i.held->'candidates', '[]'))) AS concerned(facility)
  GROUP BY 1, 2;
