#!/usr/bin/env bash
# Fetches promtool, by which the tests judge /metrics, out of Debian's package prometheus: the program alone goes into the
# cache. The package is not installed: it would start a server.
#
#   promtool.sh          nothing when it is there
#
# Result: tools/promtool under ${XDG_CACHE_HOME:-$HOME/.cache}/prot.
set -euo pipefail

setup_name=promtool
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tools/setup/lib.sh
. "$here/lib.sh"

tool="$prot_cache/tools/promtool"
work="$prot_cache/work-promtool" # gone after success

if [ -x "$tool" ]; then
  say "      promtool is in place: $tool"
  exit 0
fi
command -v apt-get >/dev/null || fail "this is not Debian: put promtool 2.42 or newer there: $tool"
rm -rf -- "$work"
mkdir -p "$work" "$prot_cache/tools"
need_space 200000000 "$prot_cache"
note "fetching Debian's package prometheus for its promtool: 19 MB"
# apt checks what it fetches against Debian's signature.
(cd "$work" && apt-get -q download prometheus >fetch.log 2>&1) ||
  fail "the package prometheus cannot be fetched: $(tail -n 1 "$work/fetch.log") (outdated lists? apt-get update)"
dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$work" ./usr/bin/promtool || fail "the package has no promtool"
mv -f -- "$work/usr/bin/promtool" "$tool"
rm -rf -- "$work"
note "promtool is in place: $tool"
