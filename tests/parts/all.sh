# ./test --all: the ordinary tests, then these parts, most worth first. One part is one run of ./test.
# shellcheck shell=bash disable=SC2120,SC2154
#
# What counts as failed:
# * What a part's last line counts. One that has no such line (it does not build, it hangs) is a failure.
# * In a trial, whose instrument slows tests that judge times, a test that failed runs once more, alone: it counts when it
#   fails again, else it is told. What the instrument finds counts at once.
# * What the clock leaves out, or ends while it still compiles (with a cold cache), is no failure but told at the end, as not
#   proven; one that was left out while more than half of the time was there has a wrong figure here, and counts.

# part, minutes on two cores when the compiler's cache is warm
parts=(
  "clang 6"
  "benches 6"
  "valgrind 3"
  "off 4"
)
trials=(
  "coverage 12"
  "asan 14"
  "tsan 10"
  "fuzz=5 3"
)
# the ordinary tests
main_minutes=14
# Never here: part, why. A part is in one of these lists, or tests/lint/all_parts_test.py fails.
elsewhere=(
  "mutations builds prot anew for each defect, which takes hours"
  "peers fetches packages by npm and pip, and wants a Node that Debian 12 has not"
)
# A trial that began in time is ended so long after it: room for second tries.
grace_s=420

passed=0 failed=0
failures=build/failures.txt # of all parts
log=build/all.log           # of the one that runs
failed_parts=()
not_proven=() # in words
passed_alone=()

# run_one [PART]
run_one() {
  say "== ./test ${1:+--$1}"
  run_logged env "FAILURES=$failures" TEST_ALL=1 ./test ${1:+"--$1"}
  count "${1:+--$1}" "no last line"
}

# run_trial PART
run_trial() {
  local name seconds=$((${TEST_MINUTES:-600} * 60 + grace_s - ($(now_ms) - start) / 1000))
  say "== ./test --$1 (a trial)"
  run_logged timeout -k 20 "$seconds" env "FAILURES=$failures" TEST_ALL=1 TEST_TRIAL=1 ./test "--$1"
  # 137: it did not end when it was told to, either
  if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    if ! grep -qE '^\[(4/4|3/3)\]' "$log"; then
      not_proven+=("./test --$1: still building after $seconds s, the compiler's cache was cold")
      return
    fi
    : >"$log" # its last line is that of the signal
  fi
  while IFS= read -r name; do passed_alone+=("./test --$1: $name"); done < <(sed -n 's/^failed, then passed alone: //p' "$log")
  count "--$1" "no end within $seconds s"
}

# status: how it ended
run_logged() {
  status=0
  (tied "$@" 2>&1 | tee "$log") &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
}

# count OPTION WHAT-IF-THERE-IS-NONE
count() {
  local line words=
  line=$(tail -n 1 "$log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' || true)
  if [ -z "$line" ]; then line="0 passed, 1 failed" words=$2; fi
  # says that all is well, and ends as if it were not; or passed nothing
  if [[ $line == *", 0 failed" ]] && { [ "$status" != 0 ] || [[ $line == "0 passed"* ]]; }; then
    words="$line, and status $status"
    line="${line%% *} passed, 1 failed"
  fi
  passed=$((passed + ${line%% *}))
  line=${line#*, }
  [ "${line%% *}" = 0 ] || failed_parts+=("./test $1: ${words:-$line}")
  failed=$((failed + ${line%% *}))
}

# fits SECONDS-SO-FAR MINUTES: what has run says how fast this machine is with these caches.
fits() {
  local limit=${TEST_MINUTES:-}
  [ -z "$limit" ] || [ $(($1 + $2 * $1 / planned)) -le $((limit * 60)) ]
}

# leave_out PART SECONDS-SO-FAR
leave_out() {
  local words="./test --$1: left out, it would not end within $TEST_MINUTES min"
  say "$words"
  not_proven+=("$words")
  [ $(($2 * 2)) -lt $((TEST_MINUTES * 60)) ] || return 0
  failed_parts+=("$words, and half of them are left")
  failed=$((failed + 1))
}

# run_list HOW PART...
run_list() {
  local how=$1 part minutes elapsed
  shift
  for part in "$@"; do
    read -r part minutes <<<"$part"
    elapsed=$((($(now_ms) - start) / 1000))
    [ "$elapsed" -gt $((planned * 60)) ] || elapsed=$((planned * 60))
    if ! fits "$elapsed" "$minutes"; then leave_out "$part" "$elapsed"; continue; fi
    "$how" "$part"
    planned=$((planned + minutes))
  done
}

run_part() {
  local start planned=$main_minutes words
  start=$(now_ms)
  mkdir -p build
  : >"$failures"
  run_one
  run_list run_one "${parts[@]}"
  run_list run_trial "${trials[@]}"
  # Once more where it is found: an hour of output is above it.
  for words in "${failed_parts[@]}"; do say "failed in $words"; done
  head -c 9000 "$failures" | awk 1 # a cut line ends too
  for words in "${passed_alone[@]}"; do say "failed, then passed alone, in $words"; done
  for words in "${not_proven[@]}"; do say "not proven: $words"; done
  for words in "${elsewhere[@]}"; do say "never in --all: ./test --${words%% *}, which ${words#* }"; done
  # And their names where even the last lines alone show them.
  grep -E '^(failed|found): ' "$failures" | sort | uniq || true
  report_line "$passed" "$failed"
}
