#!/bin/sh
# Draws every password and key of a composition, and the certificates of its own authority, into ./secrets (or $1). What is there already stays: run it again
# after a file was removed to renew that one. Names and addresses for the certificates: further arguments (default: localhost). Needs openssl.
#
# The folder is closed to everybody else (0700). The files in it can be read by whoever gets them mounted (0444), because containers read them as users of their own.
set -eu
umask 077
folder=${1:-./secrets}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- localhost 127.0.0.1
DAYS_OF_AUTHORITY=3650
DAYS_OF_CERTIFICATES=825

mkdir -p "$folder"
cd "$folder"

drawn() { # name, bytes: hexadecimal, so that no program stumbles over a character
  [ -s "$1" ] || openssl rand -hex "$2" | tr -d '\n' > "$1"
}

drawn nats-password 24
drawn nats-jetstream-key 32
drawn postgres-password 24
drawn s3-root-password 24
drawn s3-secret-key 24
drawn grafana-password 16
[ -s s3-root-user ] || printf 'causeway-root' > s3-root-user
# The key that the store encrypts its data keys with (MinIO's own format). Whoever loses it has lost the images.
[ -s s3-kms-key ] || printf 'causeway:%s' "$(openssl rand -base64 32)" > s3-kms-key
# The console tells whoever reads the logs nothing: the first password of `admin` is this one, and is to be changed at the first sign-in.
drawn first-password 12

# nats-server reads its secrets as variables of a file that its configuration includes.
rm -f nats-secrets.conf console-with-key.pem
cat > nats-secrets.conf <<NATS
CAUSEWAY_PASSWORD: "$(cat nats-password)"
JETSTREAM_KEY: "$(cat nats-jetstream-key)"
NATS

names() { # DNS:a,DNS:b,IP:c
  list=
  for name in "$@"; do
    case $name in
      *[!0-9.]*) kind=DNS ;;
      *) kind=IP ;;
    esac
    list="$list${list:+,}$kind:$name"
  done
  printf '%s' "$list"
}

if [ ! -s ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days $DAYS_OF_AUTHORITY -subj '/CN=Causeway cluster authority' \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout ca.key -out ca.pem 2> /dev/null
fi

certificate() { # name of the files, common name, names and addresses
  file=$1
  common=$2
  shift 2
  [ -s "$file.pem" ] && [ -s "$file.key" ] && return
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$common" -keyout "$file.key" -out "$file.csr" 2> /dev/null
  printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "$(names "$@")" > "$file.ext"
  openssl x509 -req -in "$file.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days $DAYS_OF_CERTIFICATES -extfile "$file.ext" -out "$file.pem" 2> /dev/null
  rm "$file.csr" "$file.ext"
}

certificate console causeway-console "$@"
# HAProxy wants certificate and key in one file.
cat console.pem console.key > console-with-key.pem
certificate nats causeway-nats nats nats-1 nats-2 nats-3 "$@"
certificate s3 causeway-s3 s3 minio minio-1 minio-2 minio-3 "$@"
certificate postgres causeway-postgres postgres postgres-1 postgres-2 postgres-3 "$@"

chmod 0700 .
find . -type f -exec chmod 0444 {} +
chmod 0400 ca.key
echo "secrets: $(pwd)"
