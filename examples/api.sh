#!/bin/sh
# The HTTP API with nothing but curl: a picture in, a quote, an edit, its progress, the result, and a
# CSV batch that runs by itself.
#
#   studio up                                          # in another terminal
#   studio account top-up 100
#   KEY=$(studio --json account key add demo | sed -n 's/.*"token": "\(isk_[^"]*\)".*/\1/p')
#   KEY=$KEY sh examples/api.sh picture.png
#
# STUDIO is the API's address, TO the folder for what is made; OPERATION and FIELDS name another edit,
# such as OPERATION=upscale FIELDS='"factor": "2x"'.
set -eu

STUDIO=${STUDIO:-http://127.0.0.1:4220/api/image-studio}
TO=${TO:-.}
OPERATION=${OPERATION:-outpaint}
[ -n "${FIELDS:-}" ] || FIELDS='"right": 64'
: "${KEY:?a key is needed: studio account key add}"
picture=${1:?which picture?}

call() {  # call METHOD PATH [curl's options]: prints the answer, fails with the problem it tells
    method=$1 path=$2
    shift 2
    curl --silent --show-error --fail-with-body --retry 5 --retry-all-errors --retry-delay 2 \
        -X "$method" -H "Authorization: Bearer $KEY" "$@" "$STUDIO$path"
}
json() { call "$1" "$2" -H "Content-Type: application/json" -d "$3" ${4:+-H "$4"}; }
first() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

asset=$(call POST /uploads -F "file=@$picture" | first id)
echo "asset:    $asset"

order="\"image\": \"$asset\", $FIELDS"
quote=$(json POST /quotes "{\"operation\": \"$OPERATION\", $order}") || { echo "$quote" >&2; exit 1; }
echo "quote:    $(echo "$quote" | first credits) credits"
token=$(echo "$quote" | first token)

# The same key again is the same run, so that asking twice buys once.
run=$(json POST "/operations/$OPERATION" "{$order, \"quote\": \"$token\"}" "Idempotency-Key: $asset" | first id)
echo "run:      $run"
call GET "/runs/$run/events" --no-buffer --max-time 300 | grep -E "^(event|data):" | cut -c 1-120

link=$(call GET "/runs/$run" | first url)
curl --silent --show-error --fail -o "$TO/edited.png" "$link"
echo "edited:   $TO/edited.png"

printf 'row,operation,prompt,provider\none,generate,a hill at dawn,local\ntwo,generate,a red boat,local\n' \
    > "$TO/nightly.csv"
file=$(call POST /uploads -F "file=@$TO/nightly.csv" | first id)
batch=$(json POST /batches/check "{\"file\": \"$file\"}" | first batch)
json POST /schedules/nightly "{\"every\": \"1m\", \"batch\": {\"file\": \"$file\"}}" > /dev/null
echo "schedule: nightly, every minute; batch $batch"

tries=0
until call GET "/batches/$batch" 2> /dev/null | grep -q '"complete":true'; do
    tries=$((tries + 1))
    [ "$tries" -lt 150 ] || { echo "the batch did not end"; exit 1; }
    sleep 2
done
call DELETE /schedules/nightly > /dev/null
call GET "/batches/$batch/manifest" -o "$TO/manifest.csv"
call GET "/batches/$batch/files" -o "$TO/nightly.zip"
echo "batch:    $TO/manifest.csv, $TO/nightly.zip"
