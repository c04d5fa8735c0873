#!/bin/sh
# Fetches the utility-poles photos from Roboflow, shows their licence, checks them and registers them as a dataset.
# Written by the NEXA Fine-Tuning Studio. Run it again after an interruption: the download goes on where it stopped.
#
#   export ROBOFLOW_API_KEY=...        your own key, from the settings page of your Roboflow account
#   sh download_crossarm_data.sh       add --yes to accept the licence without being asked
set -eu

STUDIO=${NEXA_STUDIO:-@STUDIO@}
PYTHON=${NEXA_PYTHON:-@PYTHON@}
SPACE=${ROBOFLOW_WORKSPACE:-@SPACE@}
PROJECT=${ROBOFLOW_PROJECT:-@PROJECT@}
VERSION=${ROBOFLOW_VERSION:-@VERSION@}
NAME=roboflow-$PROJECT-$VERSION
FOLDER=${NEXA_DOWNLOADS:-$STUDIO/data/downloads}/$NAME

stop() { echo "$1" >&2; exit 1; }

[ -n "${ROBOFLOW_API_KEY:-}" ] || stop "ROBOFLOW_API_KEY is not set. Set it to your own Roboflow key; it is never written to a file."
[ -n "$SPACE" ] || stop "ROBOFLOW_WORKSPACE is not set. It is the first part of the data set's address: universe.roboflow.com/WORKSPACE/$PROJECT."
command -v curl >/dev/null 2>&1 || stop "The program curl is not installed."
mkdir -p "$FOLDER"
cd "$FOLDER"
FOLDER=$(pwd)

# The key goes through standard input, so that it does not show in the list of processes.
echo "Asking Roboflow for $SPACE/$PROJECT, version $VERSION ..."
if ! printf 'url = "https://api.roboflow.com/%s/%s/%s/yolov8?api_key=%s"\n' "$SPACE" "$PROJECT" "$VERSION" "$ROBOFLOW_API_KEY" |
    curl --silent --show-error --fail --connect-timeout 15 --max-time 120 --config - --output answer.json 2>error.txt; then
    case $(cat error.txt) in
        *401*|*403*) stop "Roboflow refused the key or the data set is not yours to read. Nothing was changed." ;;
        *404*) stop "Roboflow knows no $SPACE/$PROJECT, version $VERSION. Check the three names. Nothing was changed." ;;
        *) stop "Roboflow cannot be reached from this machine ($(head -n 1 error.txt)). Nothing was changed; run this again with a network." ;;
    esac
fi
read_answer='import json, sys
answer = json.load(open("answer.json", encoding="utf-8"))
value = answer
for key in sys.argv[1].split("."):
    value = value.get(key, "") if isinstance(value, dict) else ""
print(value)'
LINK=$("$PYTHON" -c "$read_answer" export.link) || stop "Roboflow answered with something that is no JSON. Try again later."
case $LINK in https://*) ;; *) stop "Roboflow has no export of this version yet. Open the data set once in the browser and choose Download." ;; esac

if [ ! -f data.zip ]; then
    echo "Downloading ..."
    printf 'url = "%s"\n' "$LINK" |
        curl --fail --location --proto '=https' --connect-timeout 15 --continue-at - --config - --output data.zip.part ||
        stop "The download was interrupted. Run this again: it goes on where it stopped."
    "$PYTHON" -c 'import sys, zipfile; sys.exit(bool(zipfile.ZipFile(sys.argv[1]).testzip()))' data.zip.part >/dev/null 2>&1 || { rm -f data.zip.part; stop "What arrived is no whole zip archive. It was deleted; run this again."; }
    mv data.zip.part data.zip
fi

echo
echo "Licence and origin, as the authors state them:"
echo "  licence: $("$PYTHON" -c "$read_answer" project.license)"
"$PYTHON" - data.zip <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for name in archive.namelist():
        if name.lower().startswith(("readme", "license", "licence")) and "/" not in name:
            print("  " + archive.read(name).decode("utf-8", "replace")[:4000].replace("\n", "\n  "))
PY
if [ "${1:-}" != "--yes" ]; then
    printf 'Do you accept this licence? Type yes: '
    read -r reply || reply=no
    [ "$reply" = yes ] || stop "Not accepted: nothing was imported. The archive stays in $FOLDER."
fi

cd "$STUDIO"
"$PYTHON" -m core import yolo "$FOLDER/data.zip" --name "$NAME"
rm -f "$FOLDER/answer.json" "$FOLDER/error.txt"
