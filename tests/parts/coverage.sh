#: --coverage   the tests in a build that counts executed lines: prints each folder's share and "coverage: lines NN.N %";
#:              fails below 85 %, and where a folder is below its floor (tests/parts/coverage_floors.txt)
# shellcheck shell=bash disable=SC2034,SC2119,SC2154

# A sandboxed stage may write nowhere below the build, but always below /dev, so the counts go there and are fetched
# afterwards. The folder is the same for every checkout, so that the compiler's cache serves all of them.
counts=/dev/shm/gcov-$(id -u)

run_part() {
  local words=
  set_up
  mkdir -p "$prot_cache"
  exec {lock}>"$prot_cache/coverage.lock"
  flock -n "$lock" || { note "another run counts lines: waiting for its end"; flock "$lock"; }
  # By a file of specs because the compiler's cache does not know this option and would give up.
  printf '*cc1plus:\n+ -fprofile-exclude-files=/usr/.*;.*tests/.*\n\n' >"$prot_cache/coverage.specs"
  more_args=("-specs=$prot_cache/coverage.specs" "-fprofile-dir=$counts")
  configure_fast build/coverage -Dbuildtype=plain -Doptimization=0 -Ddebug=false -Db_coverage=true -Db_ndebug=true
  choose_tests coverage unit process models core-audio-pulse player-pulse
  build_tree chosen
  rm -rf -- "$counts"
  find "$build_dir" -name '*.gcda' -delete
  mkdir -m 0777 -- "$counts"
  open_to_all "$counts"
  # What a program cannot write all the same it would tell on the stderr that the test looks at.
  (umask 0 && : >"$counts/errors")
  export GCOV_ERROR_FILE=$counts/errors
  run_tests -t 4 "${chosen_tests[@]}" # without optimisation, and beside others
  cp -- "$counts/errors" "$build_dir/gcov-errors.txt"
  note "counting"
  python3 tests/parts/coverage.py "$counts" "$build_dir" tests/parts/coverage_floors.txt >"$build_dir/coverage.txt" ||
    words=$(tail -n 1 "$build_dir/coverage.txt")
  [ -n "$words" ] || grep -q '^coverage: lines' "$build_dir/coverage.txt" || words="coverage: the lines could not be counted"
  drop_leftovers
  sed '/^coverage: /d' "$build_dir/coverage.txt"
  closing_line=$(grep '^coverage: lines' "$build_dir/coverage.txt" || true)
  report "$words"
}

# Some tests run prot as another user, who counts on in the same files. A default list of rights takes the place of any umask.
open_to_all() {
  python3 - "$1" <<'PY'
import os, struct, sys
everybody = b"".join(struct.pack("<HHI", tag, 7, 0xffffffff) for tag in (0x01, 0x04, 0x20))  # as in linux/posix_acl_xattr.h
os.setxattr(sys.argv[1], "system.posix_acl_default", struct.pack("<I", 2) + everybody)
PY
}

drop_leftovers() { [ -z "$lock" ] || rm -rf -- "$counts"; }
