#: --peers      prot against servers and clients that others wrote. Fetches their packages by npm (Node 20.15 or newer is
#:              needed) and pip; what they are, says tools/setup/peers.lock
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
run_part() {
  local status=0
  set_up
  configure_tree build --buildtype=release
  build_tree programs
  # And what tries the database, for servers of other versions.
  build_prot tests/memory/memory_{database,outage,vectors_database,pgvector}_test
  say "[4/4] tests against foreign peers"
  tools/setup/peers.sh
  (PEERS="$prot_cache/peers" PROT_BIN="$PWD/$build_dir/bin" tied python3 tests/peers/peers.py) &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
  finished=1
  exit "$status"
}
