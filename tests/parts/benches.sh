#: --benches    the short form of each ./bench, which says whether it works, in the ordinary build
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
run_part() {
  set_up
  configure_tree build --buildtype=release -Dalsa=enabled -Dpulse=enabled -Dwebrtc=enabled
  build_tree all
  at_once=$(nproc) run_tests --suite bench
  report
}
