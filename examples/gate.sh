#!/usr/bin/env bash
# A gate in shell: records each passage in a spool directory first, and sends it from there for as long as it takes.
#
#   gate.sh record FIRSTNAME LASTNAME [in|out]   keeps a passage, then sends all that wait
#   gate.sh send                                 sends all that wait; for a timer, once a minute
#
# Settings: ROLLCALL_URL (http://localhost:8000), ROLLCALL_TOKEN (none), GATE (none), SPOOL (./spool).
# Exit status: 0 when nothing waits any more, 1 when passages wait or were refused, 2 for a usage error.
# Needs curl, flock (util-linux) and sync (coreutils).
set -euo pipefail
umask 077

url=${ROLLCALL_URL:-http://localhost:8000}
spool=${SPOOL:-spool}
mkdir -p "$spool/refused"

# A JSON string. Control characters are left out; the service would refuse them.
quote() {
  local text
  text=$(printf %s "$1" | tr -d '\000-\037\177')
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# Writes one passage to a file of its own, on the disk before this returns. The id makes a retry safe, and the moment
# is the gate's, however late the passage is sent. The names of the files sort by time.
record() {
  local id now file gate=null
  [[ -z ${GATE:-} ]] || gate=$(quote "$GATE")
  id=$(cat /proc/sys/kernel/random/uuid)
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  file=$spool/$(date +%s%N)-$id.json
  printf '{"entry_id": "%s", "occurred_at": "%s", "firstname": %s, "lastname": %s, "direction": %s, "gate": %s}\n' \
    "$id" "$now" "$(quote "$1")" "$(quote "$2")" "$(quote "${3:-in}")" "$gate" \
    >"$file.part"
  sync "$file.part"
  mv "$file.part" "$file"
  sync "$spool"
}

# Posts one file and prints the status, or 000 if there was no answer. The token does not appear in the process list.
post() {
  curl --config - --silent --max-time 10 --output "$1.answer" --write-out '%{http_code}' \
    --header 'Content-Type: application/json' --data-binary "@$1" "$url/table/create" \
    <<<"${ROLLCALL_TOKEN:+header = \"Authorization: Bearer $ROLLCALL_TOKEN\"}" || true
}

# Sends all passages that wait, oldest first. Stops at the first that the service could not take.
send() {
  local file status
  # One sender at a time. The lock ends with this process, however it ends.
  exec 9>"$spool/lock"
  flock 9
  for file in "$spool"/*.json; do
    [[ -e $file ]] || continue
    status=$(post "$file")
    case $status in
      200 | 201) rm -f "$file" "$file.answer" ;;
      # The entry itself is wrong and will not become right. It is kept beside its answer, for a person to look at.
      400 | 413 | 422) mv "$file" "$file.answer" "$spool/refused" ;;
      *)
        rm -f "$file.answer"
        echo "gate.sh: answer $status from $url; passages wait in $spool" >&2
        return 1
        ;;
    esac
  done
  rmdir "$spool/refused" 2>/dev/null || { echo "gate.sh: refused passages are in $spool/refused" >&2; return 1; }
}

case ${1:-} in
  record) (($# == 3 || $# == 4)) || { echo "usage: gate.sh record FIRSTNAME LASTNAME [in|out]" >&2; exit 2; }
    record "${@:2}"; send ;;
  send) send ;;
  *) echo "usage: gate.sh record FIRSTNAME LASTNAME [in|out] | gate.sh send" >&2; exit 2 ;;
esac
