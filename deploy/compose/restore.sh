#!/bin/sh
# Brings a backup of backup.sh back into an EMPTY installation of this folder: ../restore.sh /mnt/backup
#
# It starts broker, store and database, fills them, and then the services: deliveries that were open go on. It stops before anything is changed when there is data already.
set -eu
source=${1:?usage: restore.sh <folder>}
source=$(cd "$source" && pwd)
compose="${COMPOSE:-docker compose}"
for part in taken database.dump settings.tar objects; do
  [ -e "$source/$part" ] || { echo "restore: $source/$part is missing: this is no whole backup" >&2; exit 1; }
done
[ -e secrets ] || tar -xf "$source/settings.tar"

echo "restore: of $(cat "$source/taken"): starting store, broker and database"
$compose up -d nats minio postgres
$compose run --rm -T minio-setup
until $compose exec -T postgres pg_isready -q -h 127.0.0.1 -U causeway; do sleep 1; done
tables=$($compose exec -T postgres psql -U causeway -d causeway -Atc "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
[ "$tables" = 0 ] || { echo "restore: the database is not empty ($tables tables): nothing was changed" >&2; exit 1; }
echo "restore: objects"
BACKUP=$source $compose --profile backup run --rm -T objects-copy in
echo "restore: database"
$compose exec -T postgres pg_restore -U causeway -d causeway --no-owner --exit-on-error --single-transaction < "$source/database.dump"
echo "restore: starting the services"
$compose up -d
echo "restore: done. What was open goes on by itself; compare received and delivered on the page (Days)"
