-- breaking: no. Which API token acted for an operator: its name and id, never itself. Null: a person in a session, or an action from before this was kept.
ALTER TABLE operator_actions ADD COLUMN token text;
