-- breaking: no. What coercion on delivery changed: names of the rules, and of those skipped with the reason.
ALTER TABLE deliveries ADD COLUMN coercion jsonb;
