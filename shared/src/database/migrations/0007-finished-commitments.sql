-- breaking: no. Each round of upkeep asks for finished commitments that are old enough: without an index it looked at every one.
CREATE INDEX commitments_finished ON commitments (state_at) WHERE state IN ('reported', 'undeliverable', 'joined');
