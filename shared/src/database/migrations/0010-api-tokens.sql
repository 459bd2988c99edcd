-- breaking: no. API tokens: programs act as a user without a session.
CREATE TABLE api_tokens (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  user_name text NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  -- SHA-256 in hexadecimal; the token itself is kept nowhere.
  token_hash text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  -- At most a minute behind.
  last_used_at timestamptz
);
