-- breaking: no. The negotiation record: one row an association, a rejected request, or a connection that never became one (or several like it: count).
CREATE TABLE associations (
  id uuid PRIMARY KEY,
  outcome text NOT NULL,
  detail text NOT NULL,
  event text,
  count integer NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  source text NOT NULL,
  listener text,
  calling_ae text,
  called_ae text,
  instances bigint NOT NULL,
  data_set_bytes bigint NOT NULL,
  responses jsonb NOT NULL,
  -- Contexts, TLS, implementation, PDU sizes and reject reason, as the fact has them.
  negotiation jsonb NOT NULL
);
CREATE INDEX associations_newest ON associations (ended_at DESC, id DESC);
CREATE INDEX associations_by_source ON associations (source, ended_at DESC);
CREATE INDEX associations_by_calling_ae ON associations (calling_ae, ended_at DESC);
