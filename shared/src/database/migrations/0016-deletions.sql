-- breaking: no. Proof of what was deleted and why it was allowed, by hour, cause, day (UTC) of receipt and facility. Written with the mark, before anything is deleted.
CREATE TABLE deletions (
  hour timestamptz NOT NULL,
  -- retention: confirmed, and the facility's retention has passed; space: confirmed, and the disk runs low; sweep: objects whose receipt is gone; month: rows of a month of which everything is done.
  cause text NOT NULL CHECK (cause IN ('retention', 'space', 'sweep', 'month')),
  day date NOT NULL,
  facility text NOT NULL,
  instances bigint NOT NULL,
  bytes bigint NOT NULL,
  -- Deliveries of these instances, all of them confirmed or given up by an operator.
  confirmed bigint NOT NULL,
  given_up bigint NOT NULL,
  -- Instances that an operator discarded.
  discarded bigint NOT NULL,
  -- When the last of them was done with; and the least time that had to pass since.
  last_done_at timestamptz,
  waited interval,
  PRIMARY KEY (hour, cause, day, facility)
);
