-- breaking: no. What the console keeps: configuration revisions, users, sessions, refused sign-ins.

CREATE TABLE configuration_revisions (
  revision integer PRIMARY KEY,
  author text NOT NULL,
  at timestamptz NOT NULL,
  comment text NOT NULL,
  origin text NOT NULL CHECK (origin IN ('file', 'api', 'default')),
  -- SHA-256 of the file's bytes, for a revision that came from a file.
  file_hash text,
  -- json, not jsonb: the order in which its author wrote it is kept.
  source json NOT NULL
);

CREATE TABLE users (
  name text PRIMARY KEY,
  password_hash text NOT NULL,
  must_change_password boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  password_changed_at timestamptz NOT NULL DEFAULT now()
);

-- The token itself is only in the browser's cookie.
CREATE TABLE sessions (
  token_hash text PRIMARY KEY,
  user_name text NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Brute-force delay, one row a user name and address.
CREATE TABLE sign_in_refusals (
  user_name text NOT NULL,
  address text NOT NULL,
  refusals integer NOT NULL,
  last_at timestamptz NOT NULL,
  PRIMARY KEY (user_name, address)
);
CREATE INDEX sign_in_refusals_by_age ON sign_in_refusals (last_at);
