# What the parts with sanitizers share.
# shellcheck shell=bash disable=SC2034,SC2154

# gcc looks through its own instrumentation and sees faults that are none; the ordinary build warns of true ones.
no_false_warnings=(-Wno-array-bounds -Wno-stringop-overflow -Wno-maybe-uninitialized)

# Below /dev: sandboxed stages may write there. A report counts whoever wrote it, also a process that no test looked at.
reports=

unknown_stack='ASan is ignoring requested __asan_handle_no_return|^False positive error reports may follow$|^For details see '

begin_reports() { reports=$(mktemp -d "/dev/shm/reports-$(id -u)-XXXXXX"); }

# Prints the reports and ends the part.
end_reports() {
  local words='' file count
  rm -rf -- "$build_dir/reports"
  cp -r -- "$reports" "$build_dir/reports"
  # All but AddressSanitizer's word, three lines, that it does not know the stack of a signal.
  count=$({ grep -rlvE "$unknown_stack" "$build_dir/reports" || true; } | wc -l)
  if [ "$count" != 0 ]; then
    for file in "$build_dir"/reports/*; do say "== $file"; head -n 40 "$file"; done
    words="$count reports of a sanitizer, see $build_dir/reports"
  fi
  rm -rf -- "$reports"
  report "$words"
}

drop_leftovers() { [ -z "$reports" ] || rm -rf -- "$reports"; }
