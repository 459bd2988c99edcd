#!/bin/sh
# The first word picks what runs in the container. It becomes the process itself, so that signals reach it.
set -eu
word=${1:-}
[ $# -eq 0 ] || shift
case $word in
  receiver | compressor | router | uploader | retriever | ledger | console) main=services/$word/src/main.ts ;;
  sandbox | send) main=deploy/standalone/src/$word/main.ts ;;
  causeway) main=deploy/standalone/src/cli/main.ts ;;
  *)
    echo 'say what is to run: receiver, compressor, router, uploader, retriever, ledger, console; or sandbox, send <words>, causeway <words>' >&2
    exit 64
    ;;
esac
exec node --max-semi-space-size=8 --no-parallel-scavenge "/app/$main" "$@"
