#!/bin/bash
# Starts PostgreSQL as primary or standby (POSTGRES_ROLE). A primary does not start while another machine takes writes: two of them would each take half of what happens.
# A standby without data fetches it from whoever takes writes, and streams from there; after a promotion elsewhere its folder is emptied by a person first (RUNBOOK).
set -euo pipefail
export PGDATA=${PGDATA:-/var/lib/postgresql/data}
export PGCONNECT_TIMEOUT=3
# libpq looks for certificates of its user there; root's folder is closed to the others.
export HOME=/var/lib/postgresql
PASSWORD=$(cat /run/secrets/postgres-password)
SSL=/tmp/postgres-ssl

# PostgreSQL takes a key only from a file that is its own.
install -d -o postgres -g postgres -m 0700 "$SSL"
install -o postgres -g postgres -m 0600 /run/secrets/postgres.pem /run/secrets/postgres.key "$SSL"

# Prints the address of another machine that takes writes, or nothing.
writable_peer() {
  for peer in $PEERS; do
    [ "$peer" = "$NODE_ADDRESS" ] && continue
    state=$(PGPASSWORD=$PASSWORD psql -h "$peer" -U causeway -d causeway -Atc 'SELECT pg_is_in_recovery()' 2> /dev/null || true)
    if [ "$state" = f ]; then
      echo "$peer"
      return
    fi
  done
}

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

serve() {
  exec docker-entrypoint.sh postgres -c listen_addresses="$NODE_ADDRESS,127.0.0.1" -c ssl=on -c ssl_cert_file="$SSL/postgres.pem" -c ssl_key_file="$SSL/postgres.key" \
    -c max_connections=60 -c shared_buffers=256MB -c wal_compression=on -c hot_standby=on -c max_wal_senders=8 -c max_replication_slots=8 -c wal_log_hints=on \
    -c max_slot_wal_keep_size=20GB -c log_min_duration_statement=2s -c hba_file=/tmp/pg_hba.conf -c password_encryption=scram-sha-256
}

cat > /tmp/pg_hba.conf <<'HBA'
# Over the network only with TLS and a password.
local   all         all                 trust
host    all         all  127.0.0.1/32   scram-sha-256
hostssl all         all  0.0.0.0/0      scram-sha-256
hostssl replication all  0.0.0.0/0      scram-sha-256
HBA
chmod 0644 /tmp/pg_hba.conf

other=$(writable_peer)
case $POSTGRES_ROLE in
  primary)
    if [ -n "$other" ]; then
      echo "postgres: $other takes writes already: this machine must not. Set POSTGRES_ROLE=standby in .env, empty the data folder, and start again (RUNBOOK, PostgreSQL is lost)" >&2
      sleep 10
      exit 1
    fi
    if [ -e "$PGDATA/standby.signal" ]; then
      echo "postgres: this machine was a standby; as primary it goes on from what it has" >&2
      rm "$PGDATA/standby.signal"
    fi
    serve
    ;;
  standby)
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
      if [ -z "$other" ]; then
        echo "postgres: no machine takes writes yet, nothing to copy from; trying again" >&2
        sleep 5
        exit 1
      fi
      install -d -o postgres -g postgres -m 0700 "$PGDATA"
      PGPASSWORD=$PASSWORD PGSSLMODE=require as_postgres pg_basebackup -h "$other" -U causeway -D "$PGDATA" -X stream -C -S "standby_$NODE" -R -c fast ||
        PGPASSWORD=$PASSWORD PGSSLMODE=require as_postgres pg_basebackup -h "$other" -U causeway -D "$PGDATA" -X stream -S "standby_$NODE" -R -c fast
    fi
    if [ ! -e "$PGDATA/standby.signal" ] && [ -n "$other" ]; then
      echo "postgres: this machine took writes once and $other does now: empty the data folder and start again (RUNBOOK, PostgreSQL is lost)" >&2
      sleep 10
      exit 1
    fi
    serve
    ;;
esac
