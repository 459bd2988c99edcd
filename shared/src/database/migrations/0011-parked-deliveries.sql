-- breaking: no. Deliveries beyond a queue limit wait here instead of in JetStream; they are queued again stat first, then routine, then prior, the oldest first.
ALTER TABLE deliveries ADD COLUMN lane text;
-- Not checked against what is there: no row can have the new state yet, and a table of millions would stand still for it.
ALTER TABLE deliveries DROP CONSTRAINT deliveries_fact_state_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_fact_state_check CHECK (fact_state IN ('due', 'parked', 'retrying', 'failed', 'confirmed')) NOT VALID;
CREATE INDEX deliveries_parked ON deliveries (destination, (array_position(ARRAY['stat', 'routine', 'prior'], lane)), due_at, id) INCLUDE (facility)
  WHERE state = 'parked';
CREATE INDEX deliveries_parked_since ON deliveries (due_at) WHERE state = 'parked';
