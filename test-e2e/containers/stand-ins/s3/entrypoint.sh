#!/bin/bash
# Makes the cluster in /data once, with MINIO_ROOT_USER and MINIO_ROOT_PASSWORD (or MINIO_ROOT_USER_FILE, MINIO_ROOT_PASSWORD_FILE) as keys, and runs it.
# MinIO's arguments are taken and mean nothing here.
set -euo pipefail
[ -z "${MINIO_ROOT_USER_FILE:-}" ] || MINIO_ROOT_USER=$(cat "$MINIO_ROOT_USER_FILE")
[ -z "${MINIO_ROOT_PASSWORD_FILE:-}" ] || MINIO_ROOT_PASSWORD=$(cat "$MINIO_ROOT_PASSWORD_FILE")
mkdir -p /data/log
fsid=/data/fsid
[ -s $fsid ] || cat /proc/sys/kernel/random/uuid > $fsid
{ cat /etc/causeway/ceph.conf; echo "fsid = $(cat $fsid)"; } > /tmp/ceph.conf
with() { "$1" -c /tmp/ceph.conf "${@:2}"; }
# Whoever stops the container, or the end of any part, ends all of it.
trap 'kill $(jobs -p) 2> /dev/null; wait; exit 0' TERM INT

if [ ! -e /data/made ]; then
  rm -rf /data/mon /data/osd.0
  mkdir -p /data/mon /data/osd.0
  monmaptool --create --clobber --fsid "$(cat $fsid)" --addv a '[v1:127.0.0.1:6789]' /tmp/monmap > /dev/null
  with ceph-mon --mkfs -i a --monmap /tmp/monmap
  with ceph-mon -i a -f > /data/log/mon.out 2>&1 &
  disk=$(cat /proc/sys/kernel/random/uuid)
  until timeout 10 ceph -c /tmp/ceph.conf osd new "$disk" 0 > /dev/null 2>&1; do sleep 0.1; done
  # A disk server that says itself where it is does so before it surely has the monitors' map, and ends of a "wrong fsid".
  until timeout 10 ceph -c /tmp/ceph.conf osd crush create-or-move osd.0 1 host=h root=default > /dev/null 2>&1; do sleep 0.1; done
  with ceph-osd -i 0 --mkfs --osd-uuid "$disk" > /data/log/osd.mkfs 2>&1
else
  with ceph-mon -i a -f > /data/log/mon.out 2>&1 &
fi
with ceph-osd -i 0 -f > /data/log/osd.out 2>&1 &
if [ ! -e /data/made ]; then
  timeout 60 radosgw-admin -c /tmp/ceph.conf user create --uid=root --display-name=root --caps='users=*' \
    --access-key="${MINIO_ROOT_USER:-minioadmin}" --secret-key="${MINIO_ROOT_PASSWORD:-minioadmin}" > /data/log/user.json 2> /data/log/user.err
  touch /data/made
fi
with radosgw -n client.rgw -f > /data/log/rgw.out 2>&1 &
haproxy -db -f /etc/causeway/haproxy.cfg &
wait -n
kill $(jobs -p) 2> /dev/null
exit 1
