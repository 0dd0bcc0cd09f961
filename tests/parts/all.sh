# ./test --all: the ordinary tests, then these parts, most worth first. One part is one run of ./test.
# shellcheck shell=bash disable=SC2154

# part, minutes on two cores when the compiler's cache is warm
parts=(
  "clang 6"
  "benches 6"
  "valgrind 2"
  "off 4"
)
# Parts that are not proven yet: they run where time is left. What their instrument finds counts; that a test fails in
# them, which a slow machine can do, is told. One that passes here and there moves up.
trials=(
  "coverage 12"
  "asan 14"
  "tsan 10"
)
# the ordinary tests
main_minutes=14

passed=0 failed=0 left_out=0
failures=build/failures.txt # of the parts that count
failed_parts=()

# A part's last line counts; a part that has none has failed.
run_one() {
  local line status=0 log=build/all.log
  say "== ./test $*"
  (FAILURES=$failures TEST_ALL=1 tied ./test "$@" 2>&1 | tee "$log") &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
  line=$(tail -n 1 "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' || echo "0 passed, 1 failed")
  passed=$((passed + ${line%% *}))
  line=${line#*, }
  [ "$status" = 0 ] || [ "${line%% *}" != 0 ] || line=1 # says that all is well, and ends as if it were not
  [ "${line%% *}" = 0 ] || failed_parts+=("./test $*: $line")
  failed=$((failed + ${line%% *}))
}

# Its words are in the output above; a trial that hangs must not cost what has passed.
run_trial() {
  local seconds=$2 line found log=build/all.log
  say "== ./test --$1 (a trial)"
  (TEST_ALL=1 tied timeout -k 20 "$seconds" "./test" "--$1" 2>&1 | tee "$log") &
  current_child=$!
  wait "$current_child" || true
  current_child=
  line=$(tail -n 1 "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' || echo "no end within $seconds s")
  found=$(grep -c '^found: ' "$log" || true)
  failed=$((failed + found))
  note "the trial of ./test --$1, of which only what it found counts ($found): $line"
}

# What has run says how fast this machine is with these caches.
fits() {
  local elapsed=$1 planned=$2 next=$3 limit=${TEST_MINUTES:-}
  [ -n "$limit" ] || return 0
  [ "$elapsed" -gt $((planned * 60)) ] || elapsed=$((planned * 60))
  [ $((elapsed + next * elapsed / planned)) -le $((limit * 60)) ]
}

run_part() {
  local start part minutes planned=$main_minutes
  start=$(now_ms)
  mkdir -p build
  : >"$failures"
  run_one
  for part in "${parts[@]}"; do
    read -r part minutes <<<"$part"
    if fits $((($(now_ms) - start) / 1000)) "$planned" "$minutes"; then
      run_one "--$part"
      planned=$((planned + minutes))
    else
      say "left out, it would not end within $TEST_MINUTES min: ./test --$part"
      left_out=$((left_out + 1))
    fi
  done
  for part in "${trials[@]}"; do
    read -r part minutes <<<"$part"
    if fits $((($(now_ms) - start) / 1000)) "$planned" "$minutes"; then
      run_trial "$part" $((${TEST_MINUTES:-600} * 60 + 240 - ($(now_ms) - start) / 1000))
      planned=$((planned + minutes))
    else
      note "left out, it would not end within $TEST_MINUTES min: the trial of ./test --$part"
    fi
  done
  [ "$left_out" = 0 ] || note "$left_out parts left out"
  # Once more where it is found: an hour of output is above it.
  for part in "${failed_parts[@]}"; do say "failed in $part"; done
  head -c 9000 "$failures" | awk 1 # a cut line ends too
  report_line "$passed" "$failed"
}
