#: --mutations  known defects are put into a copy of the tree, one after the other, and the test that was written against each
#:              must fail (tests/mutations)
# shellcheck shell=bash disable=SC2034,SC2154
run_part() {
  local status=0
  set_up
  configure_tree build --buildtype=release -Dalsa=enabled -Dpulse=enabled -Dwebrtc=enabled
  build_tree all
  say "[4/4] tests against known defects"
  (PATH="$PWD/$build_dir/bin:$PATH" tied python3 tests/mutations/run.py "$build_dir") &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
  finished=1
  exit "$status"
}
