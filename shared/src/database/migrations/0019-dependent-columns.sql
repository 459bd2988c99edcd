-- breaking: no. Tells the planner which columns depend on each other.
-- What PostgreSQL cannot guess: of a destination that is away nearly everything is due, and what is held has its object. Taken for independent, a list of 500 is got by sorting all that
-- waits (measured with 10,000,000 instances: 9 s instead of 20 ms). New partitions have the same, by LIKE ... INCLUDING ALL.
DO $$
DECLARE
  part text;
BEGIN
  FOR part IN SELECT 'deliveries' UNION ALL SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'deliveries'::regclass LOOP
    EXECUTE format('CREATE STATISTICS (mcv) ON destination, state FROM %s', part);
  END LOOP;
  FOR part IN SELECT 'instances' UNION ALL SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'instances'::regclass LOOP
    EXECUTE format('CREATE STATISTICS (mcv) ON state, object_deleted_at FROM %s', part);
  END LOOP;
END $$;
ANALYZE instances, deliveries;
