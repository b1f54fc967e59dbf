#!/bin/sh
# The whole way with curl: upload a table, read its profile, train, read the events, download a file of the model,
# ask it for one row, and put it into production. Needs curl, python3 and a running server.
#
#   PAT=$(.venv/bin/python manage.py token you@example.org) \
#   BASE=http://127.0.0.1:8000 FILE=datasets/bundled/penguins.csv TARGET=species sh docs/walkthrough.sh
#
# A server that was started with DATA=some/folder keeps its people there: FYNIX_DATA=some/folder for `manage.py token`.
#
# PROJECT chooses a project by its slug (else your newest one), TASK what the target is (multiclass, binary,
# regression), MODEL the model that gets a version (one for each target), OUT where the file goes. docs/api/*.md
# describes every call.
set -eu

BASE=${BASE:-http://127.0.0.1:8000}
FILE=${FILE:-datasets/bundled/penguins.csv}
TARGET=${TARGET:-species}
TASK=${TASK:-multiclass}
MODEL=${MODEL:-walkthrough}
OUT=${OUT:-.}
: "${PAT:?Set PAT to a personal token; \`manage.py token you@example.org\` makes one.}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n== %s\n' "$*"; }

# field EXPRESSION: read JSON from standard input into `d` and print a part of it
field() { python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# of JSON EXPRESSION: the same of a text; echo would read backslashes in it
of() { printf '%s' "$1" | field "$2"; }

# json KEY VALUE ...: an object of texts; the value after `KEY:` is taken as JSON
json() {
  python3 -c '
import json, sys
pairs = zip(sys.argv[1::2], sys.argv[2::2])
print(json.dumps({k.rstrip(":"): json.loads(v) if k.endswith(":") else v for k, v in pairs}))' "$@"
}

# sha256 FILE: its hash in hexadecimal
sha256() { python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1"; }

# call METHOD PATH [curl options]: one request to the API; a refusal is shown and ends the script
call() {
  method=$1 path=$2
  shift 2
  status=$(curl -sS -o "$work/body" -D "$work/head" -w '%{http_code}' -X "$method" \
    -H "Authorization: Bearer ${token:-$PAT}" -H 'Content-Type: application/json' "$@" "$BASE/api/v1$path")
  case $status in
    2*) cat "$work/body" ;;
    *) echo "$method $path was refused with $status:" >&2; cat "$work/body" >&2; exit 1 ;;
  esac
}

# wait_for TASK: until it has succeeded
wait_for() {
  while :; do
    task=$(call GET "/tasks/$1")
    status=$(of "$task" 'd["status"]')
    case $status in
      succeeded) break ;;
      failed | cancelled) printf '%s\n' "$task" >&2; exit 1 ;;
    esac
    sleep 1
  done
  of "$task" '"%s finished: %s" % (d["kind"], d["task_id"])'
}

say "An access token for a personal one"
answer=$(call POST /auth/token)
token=$(of "$answer" 'd["access"]')
echo "good until $(of "$answer" 'd["access_expires_at"]')"
call GET /me | field '"signed in as " + d["email"]'
project=${PROJECT:-$(call GET '/projects?limit=1' | field 'd["data"][0]["slug"]')}
echo "project $project"

say "Upload $FILE in parts"
size=$(wc -c < "$FILE" | tr -d ' ')
upload=$(call POST "/projects/$project/uploads" -d "$(json filename "$(basename "$FILE")" size_bytes: "$size")")
upload_id=$(of "$upload" 'd["upload_id"]')
part_size=$(of "$upload" 'd["part_size_bytes"]')
echo "$upload_id: $size bytes in $(of "$upload" 'd["part_count"]') parts of at most $part_size"
while [ "$(of "$upload" 'len(d["parts"])')" -gt 0 ]; do
  of "$upload" '"\n".join("%d %s" % (p["number"], p["url"]) for p in d["parts"])' > "$work/parts"
  while read -r number url; do
    dd if="$FILE" bs="$part_size" skip=$((number - 1)) count=1 2> /dev/null |
      curl -sS --fail -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary @- "$BASE$url"
    echo "part $number is there"
  done < "$work/parts"
  # what is still missing, when there were more parts than addresses
  numbers=$(call GET "/uploads/$upload_id" |
    field '[n for n in range(1, d["part_count"] + 1) if n not in {p["number"] for p in d["received_parts"]}][:100]')
  [ "$numbers" = "[]" ] && break
  upload=$(call POST "/uploads/$upload_id/parts/sign" -d "$(json numbers: "$numbers")")
done
done_upload=$(call POST "/uploads/$upload_id/complete" -d "$(json sha256 "$(sha256 "$FILE")")")
table=$(of "$done_upload" 'd["dataset_version_id"]')

say "Read its profile"
wait_for "$(of "$done_upload" 'd["task_id"]')"
call GET "/dataset-versions/$table" | field '"%s rows, %s columns" % (d["rows"], d["columns"])'
call GET "/dataset-versions/$table/profile" |
  field '"\n".join("%-24s %-12s %s missing" % (c["name"], c["kind"], c["missing"]) for c in d["columns"])'

say "Train on $TARGET"
run=$(call POST "/projects/$project/runs" \
  -d "$(json dataset_version_id "$table" target "$TARGET" task "$TASK" model_name "$MODEL" recipe quick)")
run_id=$(of "$run" 'd["run_id"]')
wait_for "$(of "$run" 'd["task_id"]')"
call GET "/runs/$run_id" | field '"%s: test %s %.4f" % (d["name"], d["main_metric"], d["main_value"])'
call GET "/runs/$run_id/events?after_seq=0&limit=1000" |
  field '"%d events, numbered 1 to %d" % (len(d["data"]), d["last_seq"])'
call GET "/runs/$run_id/snapshot" | field '"\n".join("- " + claim["text"] for claim in d["claims"])'

say "Wait for its files"
model=""
while [ -z "$model" ]; do
  model=$(of "$(call GET "/projects/$project/models?limit=200")" \
    "next((m['model_id'] for m in d['data'] if m['name'] == '$MODEL'), '')")
done
version=""
while [ -z "$version" ]; do
  found=$(call GET "/models/$model/versions?limit=1")
  case $(of "$found" 'd["data"][0]["state"]') in
    ready) version=$(of "$found" 'd["data"][0]["model_version_id"]') ;;
    failed) printf '%s\n' "$found" >&2; exit 1 ;;
    *) sleep 1 ;;
  esac
done
artifacts=$(call GET "/runs/$run_id/artifacts")
of "$artifacts" '"\n".join("%-7s %9d bytes  %s" % (a["format"], a["size_bytes"], a["filename"]) for a in d)'

say "Download the wheel"
wheel=$(of "$artifacts" 'next(a["artifact_id"] for a in d if a["format"] == "wheel")')
name=$(of "$artifacts" 'next(a["filename"] for a in d if a["format"] == "wheel")')
link=$(call POST "/artifacts/$wheel/download-url" -d '{"ttl_seconds": 60}')
curl -sS --fail -o "$OUT/$name" "$(of "$link" 'd["url"]')"
[ "$(sha256 "$OUT/$name")" = "$(of "$link" 'd["sha256"]')" ]
echo "$OUT/$name is whole"

say "Ask it for the first row"
call GET "/model-versions/$version" > "$work/version"
row=$(python3 -c '
import csv, json, sys
row = next(csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8")))
columns = json.load(open(sys.argv[2]))["schema"]["columns"]
print(json.dumps({column["name"]: row[column["name"]] or None for column in columns}))' "$FILE" "$work/version")
answer=$(call POST "/model-versions/$version/predictions" -d "$(json inputs: "$row")")
of "$answer" '"%s: %s, kept as %s" % (d["explained"], d["prediction"], d["test_run_id"])'
of "$answer" '"\n".join("%-24s %+.4f" % (c["column"], c["amount"]) for c in d["contributions"][:5])'

say "Put it into production"
call GET "/models/$model" > /dev/null
etag=$(tr -d '\r' < "$work/head" | sed -n 's/^[Ee][Tt][Aa][Gg]: *//p')
call POST "/models/$model/promotions" -H "If-Match: $etag" \
  -d "$(json version_id "$version" reason "First version, made by the walkthrough")" |
  field '"%s: version %s into production, because: %s" % (d["action"], d["to_version"], d["reason"])'

say "Done"
