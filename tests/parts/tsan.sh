#: --tsan       the unit tests, and a few of processes with threads, in a build with ThreadSanitizer; each report is a failure. The
#:              threads of the engines' glue and of the heap profile are not among them (tests/parts/left_out.txt)
# shellcheck shell=bash disable=SC2034,SC2119,SC2154
# shellcheck source=tests/parts/sanitizers.sh
. tests/parts/sanitizers.sh

run_part() {
  set_up
  # It does not know fences and says so; those of the ring and the bells have a race test and a proof of their own.
  more_args=(-g1 -Wno-tsan "${no_false_warnings[@]}")
  configure_fast build/tsan -Dbuildtype=plain -Doptimization=1 -Ddebug=false -Db_sanitize=thread -Db_lundef=false
  begin_reports
  choose_tests tsan unit ring-soak voice-process memory-outage memory-local-embedder brain-mcp
  build_tree chosen
  TSAN_OPTIONS="suppressions=$PWD/tests/parts/tsan.supp:log_path=$reports/report:history_size=4" run_tests -t 16 "${chosen_tests[@]}"
  end_reports
}
