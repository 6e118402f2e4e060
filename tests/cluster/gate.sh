#!/usr/bin/env bash
# Gates that record entries one after the other, until the file /tmp/stop exists, and at least 20 each. For each request
# they print the response's status, or `failed` and the reason, and the entry's id. HOST is the service's name, PODS are
# the addresses of its pods. CONNECTIONS has `close` for two gates with a connection for each entry, and `keep-alive` for
# two that keep theirs. If TOKEN is set, they send it. If RETRY is set, a gate sends an entry until it is acknowledged,
# otherwise once.
set -uo pipefail

# A closed connection is reported as a failed request.
trap '' PIPE

# request HOST PERSON CONNECTION: records an entry by its `id`, on the connection that is open on file descriptor 3 or on
# a new one. CONNECTION is `close` or `keep-alive`. Sets `status`, and `open` if the connection stays open.
request() {
  local body="{\"firstname\": \"Arvin\", \"lastname\": \"$2\"}" line length=0 rest
  # Like other HTTP clients, before anything is sent: the server may have closed the idle connection.
  if [[ $open ]] && read -r -t 0 -u 3; then
    open=
    exec 3>&-
  fi
  status='failed to connect'
  if [[ ! $open ]]; then
    { exec 3<>"/dev/tcp/$1/8000"; } 2>/dev/null || return
  fi
  open=yes
  status='failed without a response'
  # In one piece, as most clients send it.
  printf -v line '%s\r\n' 'POST /table/create HTTP/1.1' "Host: $1" ${TOKEN:+"Authorization: Bearer $TOKEN"} \
    "Idempotency-Key: $id" 'Content-Type: application/json' "Content-Length: ${#body}" "Connection: $3" ''
  printf '%s' "$line$body" >&3 2>/dev/null
  if IFS=' ' read -r -t 30 _ line rest <&3; then
    status=$line
    while IFS= read -r -t 30 line <&3 && line=${line%$'\r'} && [[ $line ]]; do
      case ${line,,} in
        'content-length: '*) length=${line#*: } ;;
        'connection: close') open= ;;
      esac
    done
    IFS='' LC_ALL=C read -r -t 30 -N "$length" rest <&3
  else
    open=
  fi
  if [[ $3 == close || ! $open ]]; then
    open=
    exec 3>&-
  fi
}

# Every pod knows a new token after a few seconds.
for pod in $PODS; do
  open='' status=401
  while [[ $status == 401 ]]; do
    id=$(</proc/sys/kernel/random/uuid)
    request "$pod" nobody close
  done
done

# gate PERSON CONNECTION
gate() {
  local open='' status id sent=0
  until ((sent++ >= 20)) && [[ -e /tmp/stop ]]; do
    id=$(</proc/sys/kernel/random/uuid)
    request "$HOST" "$1" "$2"
    echo "$status $id"
    while [[ $RETRY && $status != 20? ]]; do
      sleep 1
      request "$HOST" "$1" "$2"
      echo "$status $id"
    done
    sleep 0.05
  done
}

touch /tmp/started
for connection in $CONNECTIONS; do
  gate Aguinaldo "$connection" &
  gate Bonifacio "$connection" &
done
wait
