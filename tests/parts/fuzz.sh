#: --fuzz       every libFuzzer target for 30 s, or as long as --fuzz=SECONDS says. Inputs that break one are kept and named;
#:              tests/fuzz/long_run.py lets them run for hours
# shellcheck shell=bash disable=SC2034,SC2154
run_part() {
  local status=0 seconds=${FUZZ_SECONDS:-30}
  say "[1/3] packages"
  PROT_SETUP_PART=1 tools/setup/packages.sh --test
  say "[2/3] building"
  build_fuzzers
  say "[3/3] every target for $seconds s"
  (tied python3 tests/fuzz/fuzz.py --build "$build_dir/fuzz" --seconds "$seconds") &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
  finished=1
  exit "$status"
}
