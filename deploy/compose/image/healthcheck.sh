#!/bin/bash
# Asks the ops port; `ready` instead of `live` as argument asks whether the service can do its work. bash alone: another Node for each question would cost more than some services.
exec 3<> "/dev/tcp/127.0.0.1/${CAUSEWAY_OPS_PORT:-9464}" || exit 1
printf 'GET /health/%s HTTP/1.0\r\n\r\n' "${1:-live}" >&3
read -r _ status _ <&3
[ "$status" = 200 ]
