#!/bin/sh
# Makes the secrets that docker-compose.yml reads, random, in ./secrets. What is there is never changed.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets/tls
chmod 755 secrets/tls
# The folder keeps others out; the containers' own users read the files through their mounts.
chmod 700 secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
make() {
  [ -e "secrets/$1" ] && return
  printf '%s' "$2" > "secrets/$1"
  chmod 444 "secrets/$1"
  echo "made secrets/$1"
}
make postgres_password "$(random)"
make influx_password "$(random)"
make influx_token "$(random)"
make admin_password "$(random)"
make database_url "postgres://mingjie:$(cat secrets/postgres_password)@postgres:5432/mingjie"
