-- breaking: no. How far the facts are certainly in this database, by the stream they came from: an older copy of the database knows what it must be told again.
CREATE TABLE facts_position (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- When the stream was made: one that was made anew counts from 1 again.
  stream_made text NOT NULL,
  sequence bigint NOT NULL
);
