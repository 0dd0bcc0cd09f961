#: --valgrind   the unit tests of what parses, stores and decides, each under memcheck in the ordinary build
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
run_part() {
  set_up
  configure_tree build --buildtype=release -Dalsa=enabled -Dpulse=enabled -Dwebrtc=enabled
  choose_tests valgrind core-json core-wire core-text core-http stt player
  build_tree chosen
  run_tests --setup valgrind "${chosen_tests[@]}"
  report
}
