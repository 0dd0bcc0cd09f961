# What the parts of ./test share; sourced by it, in the root of the checkout. A part is another file here: its lines "#: "
# are its help, and it defines run_part, whose last act is report (or `report_line`).
# shellcheck shell=bash disable=SC2034,SC2154

quick=0           # 1: without engines
finished=0        # 1: the last line is written
test_status=0     # of meson test
chosen_tests=()   # what choose_tests chose
closing_line=     # what report says before the last line
ahead_job=
lock=             # a descriptor that the tests do not inherit

is_part() { [ -f "tests/parts/$1.sh" ] && grep -q '^run_part()' "tests/parts/$1.sh"; }

unknown_option() {
  printf 'test: unknown option %s; try --help\n' "$1" >&2
  exit 2
}

# A run that never came to the tests has failed, and says so in the same words.
close() {
  local status=$?
  is_main_shell || return 0
  stop_all
  if [ "$finished" = 0 ] && [ "$status" != 0 ]; then say "0 passed, 1 failed"; fi
}

set_up() {
  say "[1/4] packages"
  PROT_SETUP_PART=1 tools/setup/packages.sh --test # in the foreground: sudo may ask
  sub_script tools/setup/promtool.sh
  say "[2/4] engines and models"
  if [ "$quick" = 1 ]; then note "left out (--quick)"; else sub_script tools/setup/engines.sh; fi
  say "[3/4] building"
}

engines_option() {
  if [ "$quick" = 0 ] || tools/setup/engines.sh --check; then echo "-Dengines=$prot_cache/engines"; else echo "-Dengines="; fi
}

# configure_tree FOLDER MESON-OPTION...; a later option of one name wins. The compiler is CC and CXX.
configure_tree() {
  local werror=false
  build_dir=$1 build_log=$1/set-up.log
  shift
  [ "${CI:-}" != true ] || werror=true
  configure_prot "-Dwerror=$werror" "$(engines_option)" "$@"
}

# configure_fast FOLDER MESON-OPTION...: with the headers that most sources include compiled once, which halves the time of a
# build. -Dcpp_args is ours; what a tree wants is in ${more_args[@]}. With -pthread gcc counts atomically.
configure_fast() {
  local folder=$1 header command sum
  header=$PWD/$folder/often_included.hpp
  shift
  mkdir -p "$folder"
  cmp -s tests/parts/often_included.hpp "$header" || cp tests/parts/often_included.hpp "$header"
  export CCACHE_BASEDIR=$PWD CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_PCH_EXTSUM=1
  configure_tree "$folder" "-Dcpp_args=-fPIC -pthread -include $header -Wno-invalid-pch ${more_args[*]}" "$@"
  command=$(python3 tests/parts/selection.py header "$folder" "$header")
  # What the header means changes with these; the compiler's cache goes by this file.
  sum=$({ g++ --version; dpkg-query -W libstdc++-12-dev libc6-dev libfmt-dev; cat "$header"; echo "${command//$PWD/}"; } |
    sha256sum)
  if [ ! -e "$header.gch" ] || [ "$sum" != "$(cat "$header.gch.sum" 2>/dev/null)" ]; then
    (cd "$folder" && bash -c "$command") || fail "the headers of tests/parts/often_included.hpp cannot be compiled"
    echo "$sum" >"$header.gch.sum"
  fi
}
more_args=()

# choose_tests TREE SUITE|TEST...: but for what tests/parts/left_out.txt says of the tree
choose_tests() {
  local list
  list=$(python3 tests/parts/selection.py tests "$build_dir" "$@") || fail "no tests can be chosen for $1"
  mapfile -t chosen_tests <<<"$list"
}

# build_tree all | programs | chosen: chosen is prot's programs and what the chosen tests need
build_tree() {
  local linked wanted=(all) name there=()
  mapfile -t linked < <(programs)
  case $1 in
    programs) wanted=("${linked[@]}") ;;
    chosen) mapfile -t wanted < <(python3 tests/parts/selection.py targets "$build_dir" "${chosen_tests[@]}") ;;
  esac
  build_prot "${wanted[@]}"
  for name in "${linked[@]}"; do [ ! -e "$build_dir/$name" ] || there+=("$name"); done
  link_programs "${there[@]}"
}

# run_tests MESON-TEST-ARGUMENT...: $at_once of them at a time
run_tests() {
  local status=0
  [ ${#results[@]} -gt 0 ] || say "[4/4] tests"
  rm -f -- "$build_dir"/meson-logs/testlog*.json
  # Beside this shell, so that a signal is answered now and not after the tests.
  ([ -z "$lock" ] || exec {lock}>&-
  # Not even nohup, by which this may run, makes a test's programs deaf to a hang-up.
  PATH="$PWD/$build_dir/bin:$PATH" tied env --default-signal=HUP meson test -C "$build_dir" --no-rebuild --print-errorlogs \
    --num-processes "$at_once" "$@") &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
  results+=("$build_dir/meson-logs/$((${#results[@]} + 1)).json")
  # A set-up has a log of its own name.
  cat -- "$build_dir"/meson-logs/testlog*.json >"${results[-1]}" || rm -f -- "${results[-1]}"
  if [ "$status" != 0 ] && [ -n "${TEST_TRIAL:-}" ]; then try_again "$@"; return; fi
  [ "$status" = 0 ] || test_status=$status
}

# try_again MESON-TEST-ARGUMENT...: in a trial, what failed once more, with nothing beside it. So many are no accident of a
# slow machine any more.
most_again=20
try_again() {
  local options=() failed=()
  mapfile -t failed < <(python3 tests/parts/report.py --failed "${results[-1]}")
  if [ ${#failed[@]} = 0 ] || [ ${#failed[@]} -gt "$most_again" ]; then test_status=$status; return; fi
  while [[ ${1:-} == -* ]]; do options+=("$1" "$2"); shift 2; done
  note "once more, alone: ${failed[*]}"
  TEST_TRIAL='' at_once=1 run_tests "${options[@]}" "${failed[@]}"
}
results=() # of each run_tests
at_once=$(($(nproc) + 2)) # most tests wait for most of their time

# Tests say "skipped" of cases that need another user; whether those are named in the audit, only root's run can tell.
tell_unproven() {
  [ "$(id -u)" = 0 ] || say "not proven: that no case which the audit names was skipped, for some need another user: run ./test as root"
}

# report [CHECK...]: each CHECK that is not empty is one more failure, told in its words. Never returns.
report() {
  finished=1
  CLOSING_LINE=$closing_line python3 tests/parts/report.py "$test_status" "${results[@]}" -- "$@" && exit 0
  exit 1
}

# report_line PASSED FAILED: for parts that are no Meson tests. Never returns.
report_line() {
  finished=1
  say "$1 passed, $2 failed"
  if [ "$1" -gt 0 ] && [ "$2" = 0 ]; then exit 0; fi
  exit 1
}

# Most tests wait for most of their time: the second compiler and its checks use what they leave. --clang finds again what
# this finds.
start_ahead() {
  (tied python3 tools/check_clang.py ahead . "$build_dir" >"$build_dir/clang-ahead.log" 2>&1 </dev/null) &
  ahead_job=$!
}

drop_leftovers() { :; } # replaced by parts that leave something outside their build

stop_background() {
  stop_child "$ahead_job"
  drop_leftovers
}
