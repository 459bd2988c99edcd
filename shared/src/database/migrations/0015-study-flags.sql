-- breaking: no. Studies whose instances disagree: about the patient, or about where a hub's mapping tag sends them. Derived from the rows of instances.

-- What was ever said of a study, a row each: more than one of a kind means that its instances are to be compared.
CREATE TABLE study_variants (
  study_key text NOT NULL,
  kind text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (study_key, kind, value)
);
-- What is so by the instances as they are.
CREATE TABLE study_flags (
  study_key text PRIMARY KEY,
  -- patient: another Patient ID, name, birth date or sex under one Study Instance UID; endpoints: instances of one hub go to different endpoints.
  flags text[] NOT NULL
);

-- Everything that tells patients apart, folded as people write it: case, padding and the groups of a name beside the first do not count.
CREATE FUNCTION patient_of(attributes jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT concat_ws('|', COALESCE(btrim(attributes->>'PatientID'), ''), COALESCE(btrim(attributes->>'IssuerOfPatientID'), ''),
    COALESCE(lower(rtrim(split_part(attributes->>'PatientName', '=', 1), '^ ')), ''), COALESCE(attributes->>'PatientBirthDate', ''), COALESCE(attributes->>'PatientSex', ''))
$$;
INSERT INTO study_variants
  SELECT study_key, 'patient', patient_of(attributes) FROM instances WHERE fact_state IN ('routed', 'held') AND object_key LIKE 'received/%' GROUP BY 1, 2, 3
  UNION ALL SELECT study_key, 'endpoints ' || facility, array_to_string(ARRAY(SELECT name FROM unnest(facilities) AS name ORDER BY 1), ',') FROM instances
    WHERE fact_state = 'routed' AND facility IS NOT NULL AND facilities <> '{}' AND object_key LIKE 'received/%' GROUP BY 1, 2, 3;
INSERT INTO study_flags
  SELECT study_key, array_agg(DISTINCT split_part(kind, ' ', 1) ORDER BY split_part(kind, ' ', 1)) FROM (
    SELECT study_key, kind FROM study_variants GROUP BY 1, 2 HAVING count(*) > 1) AS different GROUP BY study_key;
