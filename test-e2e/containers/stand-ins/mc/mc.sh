#!/bin/bash
# MinIO's client as far as deploy/compose/minio-setup.sh uses it, in the words of S3 and of Ceph's administration (PUT and POST /admin/user). A user's rights are the policy of the
# bucket that the policy names; what an alias and a policy are is kept in $HOME for the next command of the same container.
set -euo pipefail
kept=$HOME/.mc-stand-in
mkdir -p "$kept"

# method, path with its query in alphabetical order, further words of curl: the answer's status
asked() {
  local method=$1 path=$2
  shift 2
  # Of what it hashes itself this curl (7.88) does not tell.
  curl -sS -o "$kept/answer" -w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --user "$(cat "$kept/keys")" -X "$method" "$@" "$(cat "$kept/url")$path"
}

refused() {
  echo "mc: $1: HTTP status $2: $(cat "$kept/answer")" >&2
  exit 1
}

case "$*" in
  'alias set store '*)
    echo "$4" > "$kept/url"
    echo "$5:$6" > "$kept/keys"
    ;;
  'mb --ignore-existing store/'*)
    status=$(asked PUT "/${3#store/}")
    [ "$status" = 200 ] || refused 'bucket' "$status"
    ;;
  'admin policy create store '*) cp "$6" "$kept/$5" ;;
  'admin user add store '*)
    query="access-key=$5&display-name=$5&format=json&secret-key=$6&uid=$5"
    status=$(asked PUT "/admin/user?$query")
    [ "$status" != 409 ] || status=$(asked POST "/admin/user?$query")
    [ "$status" = 200 ] || refused 'user' "$status"
    ;;
  'admin policy attach store '*' --user '*)
    bucket=$(sed -n 's|.*"arn:aws:s3:::\([^/"]*\)".*|\1|p' "$kept/$5" | head -n 1)
    sed "s|\"Effect\": \"Allow\",|& \"Principal\": { \"AWS\": [\"arn:aws:iam:::user/$7\"] },|" "$kept/$5" > "$kept/policy-of-bucket"
    status=$(asked PUT "/$bucket?policy=" --data-binary "@$kept/policy-of-bucket")
    case $status in 2*) ;; *) refused 'policy' "$status" ;; esac
    ;;
  *)
    echo "mc: not known to this stand-in: $*" >&2
    exit 64
    ;;
esac
