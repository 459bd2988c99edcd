// Tells what PostgreSQL said (SQLSTATE) from what happened to the connection.
import pg from 'pg';

/** undefined: the server said nothing; the connection ended, could not be made, or its answer did not come. */
export const sqlStateOf = (error: unknown): string | undefined => (error instanceof pg.DatabaseError ? error.code : undefined);
