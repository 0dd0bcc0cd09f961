#: --valgrind   what takes less than a minute under memcheck, in the ordinary build: the corpora of the fuzzers, and unit tests
#:              of core, recognisers, voices, player and web; the others, and why not, are in tests/parts/left_out.txt
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
run_part() {
  set_up
  configure_tree build --buildtype=release -Dalsa=enabled -Dpulse=enabled -Dwebrtc=enabled
  choose_tests valgrind replay core-ipc core-json core-wire core-text core-http core-http-server core-audio \
    device-backends core-services stt tts player web
  build_tree chosen
  run_tests --setup valgrind "${chosen_tests[@]}"
  report
}
