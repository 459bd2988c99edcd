-- breaking: no. Deliveries listed by state, newest first: without an index every list of confirmed ones sorted the whole table (1.2 s of 600,000).
CREATE INDEX deliveries_by_state ON deliveries (state, state_at DESC, id);
DROP INDEX deliveries_failed;
