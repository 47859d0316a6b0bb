#!/bin/bash
# postgres.sh start DIR | stop DIR: a throwaway PostgreSQL with one table of fictional customers. `start` prints its URL.
# As root it runs as user postgres, or nobody where there is none. PGBIN: the folder of initdb.
set -eu
BIN=${PGBIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)}
[ -n "$BIN" ] || BIN=$(dirname "$(command -v initdb)")
DIR=$2
as() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  local user=postgres
  id "$user" >/dev/null 2>&1 || user=nobody
  setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME=/tmp "$@"
}
case $1 in
start)
  chmod 700 "$DIR"
  if [ "$(id -u)" = 0 ]; then
    user=postgres; id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$DIR"
  fi
  as "$BIN/initdb" -D "$DIR/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$DIR.initdb" 2>&1
  rm -f "$DIR.initdb"
  # A free port, asked for and given back: PostgreSQL cannot take port 0. On a clash it does not start, and says so.
  PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  as "$BIN/pg_ctl" -D "$DIR/data" -w -t 30 -l "$DIR/log" -o "-p $PORT -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories=$DIR -c fsync=off -c full_page_writes=off -c max_connections=50" start >/dev/null
  URL=postgres://postgres@127.0.0.1:$PORT/postgres
  as "$BIN/psql" -q "$URL" >/dev/null <<'SQL'
create table customers (id bigint primary key, name text, email text, iban text, balance numeric, note text);
insert into customers values
  (9007199254740993, 'Greta Lindqvist', 'greta.lindqvist@example.org', 'DE89370400440532013000', 1.0, 'calls from +49 30 90182014'),
  (2, 'Hugo Moreau', 'hugo.moreau@example.com', 'FR1420041010050500013M02606', -2.50, 'pays with 4111111111111111');
SQL
  echo "$URL" ;;
stop) as "$BIN/pg_ctl" -D "$DIR/data" -m immediate stop >/dev/null ;;
esac
