#: --asan       unit and process tests in a build with AddressSanitizer and UndefinedBehaviorSanitizer; each report is a failure.
#:              No test of an engine's glue or of a whole conversation (tests/parts/left_out.txt)
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
# shellcheck source=tests/parts/sanitizers.sh
. tests/parts/sanitizers.sh

run_part() {
  set_up
  more_args=(-g1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined "${no_false_warnings[@]}")
  # In a library of its own gcc's UBSan does not know the log_path of its options; linked statically it does.
  configure_fast build/asan -Dbuildtype=plain -Doptimization=1 -Ddebug=false -Db_sanitize=address,undefined -Db_lundef=false \
    "-Dcpp_link_args=-static-libasan -static-libubsan"
  begin_reports
  export UBSAN_OPTIONS="print_stacktrace=1:log_path=$reports/report"
  # A sandboxed stage cannot be looked at by the leak checker: its filter refuses that system call.
  choose_tests asan unit
  run_sanitized "detect_leaks=1"
  choose_tests asan process
  run_sanitized "detect_leaks=0:disable_coredump=0"
  end_reports
}

# run_sanitized ASAN-OPTIONS: the chosen tests
run_sanitized() {
  build_tree chosen
  ASAN_OPTIONS="$1:detect_stack_use_after_return=1:log_path=$reports/report" run_tests -t 5 "${chosen_tests[@]}"
}
