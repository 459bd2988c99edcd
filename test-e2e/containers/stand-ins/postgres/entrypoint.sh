#!/bin/bash
# What the official image's entry point does, as far as the gateway's compositions and tests use it: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE,
# POSTGRES_INITDB_ARGS, and what lies in /docker-entrypoint-initdb.d is run once.
set -euo pipefail
[ "${1:0:1}" = - ] && set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}

run_once() {
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) psql -v ON_ERROR_STOP=1 --no-password -U "$user" -d "$database" -f "$file" ;;
    esac
  done
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo 'POSTGRES_PASSWORD, POSTGRES_PASSWORD_FILE or POSTGRES_HOST_AUTH_METHOD=trust is needed' >&2
    exit 1
  fi
  # shellcheck disable=SC2086 # several arguments
  initdb -U "$user" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-none}") --auth-local=trust --auth-host=scram-sha-256 -E UTF8 ${POSTGRES_INITDB_ARGS:-} > /dev/null
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
  pg_ctl -w -s start -o "-c listen_addresses=''"
  [ "$database" = postgres ] || psql --no-password -q -U "$user" -d postgres -c "CREATE DATABASE \"$database\""
  export PGUSER=$user PGDATABASE=$database
  run_once
  unset PGUSER PGDATABASE
  pg_ctl -w -s -m fast stop
fi
exec postgres -c listen_addresses='*' "${@:2}"
