#!/bin/sh
# The bucket, and the user that the services are: it may read, write and delete in this bucket only. Safe to run again.
set -eu
if [ -n "${STORE_CA:-}" ]; then
  mkdir -p "$HOME/.mc/certs/CAs"
  cp "$STORE_CA" "$HOME/.mc/certs/CAs/cluster.crt"
fi
mc alias set store "$STORE" "$(cat /run/secrets/s3-root-user)" "$(cat /run/secrets/s3-root-password)" > /dev/null
mc mb --ignore-existing store/causeway
cat > /tmp/policy.json <<'POLICY'
{
  "Version": "2012-10-17",
  "Statement": [
    { "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], "Resource": ["arn:aws:s3:::causeway"] },
    {
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
      "Resource": ["arn:aws:s3:::causeway/*"]
    }
  ]
}
POLICY
mc admin policy create store causeway-services /tmp/policy.json
mc admin user add store "$S3_ACCESS_KEY" "$(cat /run/secrets/s3-secret-key)"
mc admin policy attach store causeway-services --user "$S3_ACCESS_KEY" 2> /dev/null || mc admin policy entities store --user "$S3_ACCESS_KEY"
echo "bucket and user are as they should be"
