#!/usr/bin/env bash
# A temporary PostgreSQL cluster. All its state is in DIR, so any number of clusters can run in parallel.
#
#   postgres.sh start DIR [--tls]          prints '127.0.0.1 PORT' once the cluster accepts connections; DIR must
#                                          exist; the first start creates the cluster, later ones keep data and port
#   postgres.sh start DIR --follow PORT    the same for a replica that streams from the cluster on that port
#   postgres.sh stop DIR [fast|immediate]  shuts down cleanly, or without a checkpoint
#   postgres.sh kill DIR                   kills all processes at once, like a power failure
#   postgres.sh pause DIR                  stops all processes with SIGSTOP: connections stay open without answers
#   postgres.sh resume DIR                 undoes pause
#   postgres.sh destroy DIR                stops and deletes DIR
#   postgres.sh bindir                     prints the directory of the server's programs; fails if there is none
#
# A file DIR/settings has further settings of the server, a line NAME=VALUE for each; they count at the next start.
# The superuser is `postgres`, without a password. With --tls, DIR/server.crt is the certificate to trust.
set -euo pipefail
# The caller's PGDATA, PGPORT and so on belong to another cluster.
unset "${!PG@}"
# The script looks for an English message of the server.
export LC_ALL=C

fail() {
  echo "postgres.sh: $1" >&2
  exit 1
}

start() {
  local bin port size attempt
  if ! postmaster >/dev/null; then
    bin=$(bindir)
    clear_remains
    if ((EUID == 0)); then chown "$owner" "$dir"; fi
    "${as_owner[@]}" test -w "$dir" || fail "user $owner cannot write to $dir"
    [[ -d $dir/data ]] || if [[ $1 == --follow ]]; then follow "$2"; else create; fi
    [[ $1 != --tls || -e $dir/server.crt ]] || create_certificate
    for ((attempt = 1; ; attempt++)); do
      # Below the kernel's range for outgoing connections, so that none of them takes the port of a stopped cluster.
      port=$(cat "$dir/port" 2>/dev/null || echo $((20000 + SRANDOM % 12000)))
      size=$(stat -c %s "$dir/log")
      if launch "$port"; then break; fi
      if ((attempt == 50)) || [[ $(tail -c "+$((size + 1))" "$dir/log") != *'Address already in use'* ]]; then
        fail "the server does not start: $(tail -5 "$dir/log")"
      fi
      sleep 0.1
    done
    echo "$port" >"$dir/port"
  fi
  echo "127.0.0.1 $(<"$dir/port")"
}

stop() {
  local signal
  case $1 in
    fast) signal=INT ;;
    immediate) signal=QUIT ;;
    *) fail "unknown way to stop: $1" ;;
  esac
  freeze || return 0
  signal_all CONT
  kill "-$signal" "${processes[-1]}" 2>/dev/null || true
  wait_until_gone "${processes[-1]}"
}

# Not named 'kill', which is a builtin.
kill_all() {
  freeze || return 0
  signal_all KILL
  wait_until_gone "${processes[@]}"
  clear_remains
}

pause() {
  freeze || fail "the cluster does not run"
  signal_all STOP
}

resume() {
  freeze || fail "the cluster does not run"
  signal_all CONT
}

destroy() {
  stop immediate
  clear_remains
  cd /
  rm -rf "$dir"
}

bindir() {
  local found
  # Debian keeps the server's programs out of PATH, in a directory for each version.
  found=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
  [[ -x $found/postgres ]] || found=$(pg_config --bindir 2>/dev/null) || true
  [[ -x $found/postgres ]] || found=$(dirname "$(command -v postgres)")
  [[ -x $found/postgres && -x $found/initdb ]] || fail "the PostgreSQL server is not installed"
  echo "$found"
}

create() {
  # Without --no-sync it would flush a thousand files, for no use in a test.
  "${as_owner[@]}" "$bin/initdb" -D "$dir/data" -A trust -U postgres --locale=C.UTF-8 --encoding=UTF8 --no-sync \
    >>"$dir/log" 2>&1 || fail "initdb failed: $(tail -5 "$dir/log")"
}

# Creates the cluster as a streaming replica of the one on port $1.
follow() {
  "${as_owner[@]}" "$bin/pg_basebackup" -h 127.0.0.1 -p "$1" -U postgres -D "$dir/data" \
    --write-recovery-conf --wal-method=stream --checkpoint=fast --no-sync \
    >>"$dir/log" 2>&1 || fail "pg_basebackup failed: $(tail -5 "$dir/log")"
}

create_certificate() {
  # The server rejects a key that other users can read.
  (umask 077 && "${as_owner[@]}" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$dir/server.key" -out "$dir/server.crt" >>"$dir/log" 2>&1) || fail "openssl failed: $(tail -5 "$dir/log")"
}

# Removes what a killed server leaves: its shared memory, and files with a process id that may be reused by now.
clear_remains() {
  [[ -e $dir/data/postmaster.pid ]] || return 0
  ipcrm -m "$(awk 'NR == 7 { print $2 }' "$dir/data/postmaster.pid")" 2>/dev/null || true
  rm -f "$dir/data/postmaster.pid" "$dir"/.s.PGSQL.*
}

# Starts the server on port $1 and waits until it accepts connections. Fails if it ends before.
launch() {
  local settings setting pid i
  settings=(-c listen_addresses=127.0.0.1 -c max_connections=400 -c max_prepared_transactions=20)
  # The tests are about durability.
  settings+=(-c fsync=on -c synchronous_commit=on -c full_page_writes=on)
  # In files below DIR, so that a kill leaves nothing in /dev/shm.
  settings+=(-c dynamic_shared_memory_type=mmap)
  if [[ -e $dir/server.crt ]]; then
    settings+=(-c ssl=on -c "ssl_cert_file=$dir/server.crt" -c "ssl_key_file=$dir/server.key")
  fi
  if [[ -e $dir/settings ]]; then
    while read -r setting; do settings+=(-c "$setting"); done <"$dir/settings"
  fi
  # Not with pg_ctl, which starts a session: the server would survive a kill of the caller's process group.
  "${as_owner[@]}" "$bin/postgres" -D "$dir/data" -k "$dir" -p "$1" "${settings[@]}" </dev/null >>"$dir/log" 2>&1 &
  pid=$!
  for ((i = 0; i < 1200; i++)); do
    # Read from its file, as pg_ctl does: another cluster might answer on the port.
    if [[ $(sed -n 8p "$dir/data/postmaster.pid" 2>/dev/null) == ready* ]]; then return 0; fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.05
  done
  kill -KILL "$pid"
  fail "not ready within 60 s: $(tail -5 "$dir/log")"
}

# Prints the postmaster's process id. After a crash, the id in the file may be another process's by now.
postmaster() {
  local pid
  read -r pid 2>/dev/null <"$dir/data/postmaster.pid" || return 1
  # Not cut at the caller's COLUMNS (ww).
  [[ $(ps -ww -o args= -p "$pid") == *"$dir/data"* ]] && echo "$pid"
}

# Lists the cluster's processes in 'processes', the postmaster last. Stops the postmaster first, so that it cannot fork.
freeze() {
  local pid
  pid=$(postmaster) || return 1
  kill -STOP "$pid" 2>/dev/null || return 1
  while [[ $(ps -o stat= -p "$pid") == [RSD]* ]]; do sleep 0.01; done
  mapfile -t processes < <(pgrep -P "$pid"; echo "$pid")
}

signal_all() {
  # A child may have ended since it was listed.
  kill "-$1" "${processes[@]}" 2>/dev/null || true
}

wait_until_gone() {
  local i
  for ((i = 0; i < 1200; i++)); do
    # A zombie (Z) counts as ended: in a container there may be no process that reaps it.
    [[ $(ps -o stat= -p "$*") == *[DRSTt]* ]] || return 0
    sleep 0.05
  done
  fail "still running after 60 s: $*"
}

if [[ $# == 1 && $1 == bindir ]]; then
  bindir
  exit
fi
[[ $# -ge 2 && -d $2 ]] || fail "usage: postgres.sh start|stop|kill|pause|resume|destroy DIR"
dir=$(cd "$2" && pwd -P)
owner=$(id -un)
as_owner=()
# PostgreSQL refuses to run as root.
if ((EUID == 0)); then
  owner=$(id -un postgres 2>/dev/null || echo nobody)
  as_owner=(setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups)
fi
# The owner may be unable to enter the caller's directory.
cd "$dir"

case $1 in
  start) start "${3:-}" "${4:-}" ;;
  stop) stop "${3:-fast}" ;;
  kill) kill_all ;;
  pause | resume | destroy) "$1" ;;
  *) fail "unknown command: $1" ;;
esac
