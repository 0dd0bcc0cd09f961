# Configuring and building prot itself; sourced by `run` and `test`, after lib.sh, in the root of the checkout.
# shellcheck shell=bash disable=SC2154

build_dir=build
build_log=$build_dir/set-up.log

# Where ccache is installed (it comes with the tests' packages) Meson uses it: a new checkout then builds in seconds.
export CCACHE_DIR=${CCACHE_DIR:-$prot_cache/ccache} CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-3G}

# configure_prot MESON-OPTION...: only what changed since the last time costs time
configure_prot() {
  local wanted
  wanted=$(printf '%s\n' "$@")
  if [ -f "$build_dir/build.ninja" ]; then
    [ "$wanted" != "$(cat "$build_dir/.options" 2>/dev/null)" ] || { note "already configured"; return 0; }
    quietly "configuring" "$build_dir/.log" meson configure "$build_dir" "$@" || configure_failed
  else
    [ ! -d "$build_dir/meson-private" ] || rm -rf -- "$build_dir/meson-private" # an interrupted first try
    mkdir -p "$build_dir"
    quietly "configuring" "$build_dir/.log" meson setup "$build_dir" "$@" || configure_failed
  fi
  echo "$wanted" >"$build_dir/.options"
}

configure_failed() {
  tail -n 20 "$build_dir/.log" >&2
  fail "prot cannot be configured: see $build_dir/meson-logs/meson-log.txt"
}

# build_prot [TARGET...]: on failure the compiler's words, and only those
build_prot() {
  local start
  start=$(now_ms)
  if ! run_ninja "building prot" "$build_log" "$build_dir" "$@"; then
    sed -n '/^FAILED/,/^\[/p' "$build_log" | head -n 60 >&2
    [ -s "$build_log" ] && ! grep -q '^FAILED' "$build_log" && tail -n 5 "$build_log" >&2
    fail "prot does not build: see $build_log"
  fi
  note "built ($(human_time $((($(now_ms) - start) / 1000))))"
}

# the programs that people call, as paths inside the build folder
programs() {
  meson introspect "$build_dir" --targets | python3 -c '
import json, os, re, sys
root = os.path.abspath(sys.argv[1])
for t in json.load(sys.stdin):
    if t["type"] == "executable" and re.fullmatch(r"prot(-[a-z]+)?|run_[a-z_]+|memory_eval|ring_[a-z_]+_sweep", t["name"]):
        print(os.path.relpath(t["filename"][0], root))' "$build_dir"
}

# build/bin/: one link for each program, so that one folder in PATH is enough
link_programs() {
  local path
  mkdir -p "$build_dir/bin"
  find "$build_dir/bin" -xtype l -delete
  for path in "$@"; do ln -sfn "../$path" "$build_dir/bin/${path##*/}"; done
  ln -sfn ../../tests/programs/run_scenario.py "$build_dir/bin/run_scenario"
}

# build_fuzzers [TARGET...]: the libFuzzer targets, all of them by default, in a build of their own: clang's, with everything
# that they run built for it
build_fuzzers() {
  local build_dir=$build_dir/fuzz launcher=
  local build_log=$build_dir/set-up.log
  command -v clang++-14 >/dev/null || fail "clang-14 is not installed"
  if command -v ccache >/dev/null; then launcher='ccache '; fi
  CXX="${launcher}clang++-14" configure_prot -Dfuzz=true -Doptimization=1 -Ddebug=false -Db_lundef=false -Dalsa=disabled \
    -Dpulse=disabled -Dwebrtc=disabled -Dheap_profile=disabled
  if [ $# = 0 ]; then set -- fuzzers; fi
  build_prot "$@"
}
