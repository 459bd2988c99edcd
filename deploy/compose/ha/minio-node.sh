#!/bin/sh
# MinIO wants certificate, key and authority under names of its own.
set -eu
mkdir -p /tmp/certs/CAs
cp /run/secrets/s3.pem /tmp/certs/public.crt
cp /run/secrets/s3.key /tmp/certs/private.key
cp /run/secrets/ca.pem /tmp/certs/CAs/cluster.crt
exec minio "$@"
