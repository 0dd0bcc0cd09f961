#: --clang      everything with clang 14, warnings as errors, and clang-tidy over every source of the programs
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
run_part() {
  set_up
  configure_tree build --buildtype=release
  say "      what it needs of the build is there"
  run_tests --suite clang
  report
}
