#!/bin/sh
# Objects between the bucket and the folder /backup/objects: `out` makes the folder what the bucket is, `in` brings everything of the folder into the bucket and deletes nothing.
# An object never changes under its key, so that only what is new is copied.
set -eu
export RCLONE_CONFIG_STORE_TYPE=s3 RCLONE_CONFIG_STORE_PROVIDER=Minio RCLONE_CONFIG_STORE_ENDPOINT="$STORE" RCLONE_CONFIG_STORE_ACCESS_KEY_ID="$S3_ACCESS_KEY"
RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY=$(cat /run/secrets/s3-secret-key)
export RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY RCLONE_S3_NO_CHECK_BUCKET=true
[ -z "${STORE_CA:-}" ] || export RCLONE_CA_CERT="$STORE_CA"
common='--config= --transfers 8 --checkers 16 --fast-list --stats-one-line --stats 30s --stats-log-level NOTICE'
case $1 in
  # shellcheck disable=SC2086 # words, on purpose
  out) exec rclone sync $common store:causeway /backup/objects ;;
  in) exec rclone copy $common --immutable /backup/objects store:causeway ;;
  *) echo 'copy-objects.sh out|in' >&2; exit 2 ;;
esac
