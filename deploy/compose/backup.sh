#!/bin/sh
# Backs the gateway of this folder (single or ha) up into $1, while it runs: ../backup.sh /mnt/backup
#
# First the database, then the objects: an object that came in between is not known to the restored database, and is taken up and delivered. The other way round a row
# could lack its object. JetStream is not copied: what has to move is set in motion again from objects and database. The result holds images and secrets.
set -eu
target=${1:?usage: backup.sh <folder>}
umask 077
mkdir -p "$target"
target=$(cd "$target" && pwd)
compose="${COMPOSE:-docker compose}"

echo "backup: database"
$compose exec -T postgres pg_dump -U causeway -d causeway -Fc > "$target/database.dump.part"
mv "$target/database.dump.part" "$target/database.dump"
echo "backup: objects"
mkdir -p "$target/objects"
BACKUP=$target $compose --profile backup run --rm -T objects-copy out
echo "backup: secrets and settings"
tar -cf "$target/settings.tar.part" $(for path in secrets certificates gateway.yaml .env; do [ ! -e "$path" ] || echo "$path"; done)
mv "$target/settings.tar.part" "$target/settings.tar"
date -u +%Y-%m-%dT%H:%M:%SZ > "$target/taken"
echo "backup: whole, in $target ($(du -sh "$target" | cut -f1)); keep it where only you can read it"
