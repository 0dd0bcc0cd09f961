#: --off        without all that can be left out (ALSA, PulseAudio, WebRTC, heap profile, engines), warnings as errors; its unit tests.
#:              The ordinary build is the one with everything
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
run_part() {
  set_up
  # Beside build, not in it: with the same relative paths the compiler's cache has most of it already.
  configure_tree build-off --buildtype=release -Dalsa=disabled -Dpulse=disabled -Dwebrtc=disabled \
    -Dheap_profile=disabled -Dengines= -Dwerror=true
  choose_tests off unit
  build_tree chosen
  run_tests "${chosen_tests[@]}"
  report
}
