# Shared by the set-up scripts, `run` and `test`; sourced, never executed.
# Everything a person reads goes through here: progress, sizes, times, and errors of one line that say what to do.
# shellcheck shell=bash disable=SC2034

prot_cache="${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/prot"
heartbeat_s=20 # a step longer than this says that it is still alive
heartbeat_pid=
current_child=

say() { printf '%s\n' "$*"; }
note() { printf '      %s\n' "$*"; }

# One line on stderr, then the end. The caller's EXIT trap cleans up.
fail() {
  printf '%s: %s\n' "${setup_name:-setup}" "$*" >&2
  exit 1
}

# milliseconds since the machine started; a change of the wall clock does not disturb it
now_ms() {
  local up
  read -r up _ </proc/uptime
  printf '%s\n' $((10#${up%.*} * 1000 + 10#${up#*.} * 10))
}

human_size() {
  local b=$1
  if ((b >= 1000000000)); then printf '%d.%d GB' $((b / 1000000000)) $((b / 100000000 % 10))
  elif ((b >= 10000000)); then printf '%d MB' $((b / 1000000))
  elif ((b >= 1000000)); then printf '%d.%d MB' $((b / 1000000)) $((b / 100000 % 10))
  else printf '%d kB' $(((b + 999) / 1000)); fi
}

human_time() {
  local s=$1
  if ((s >= 60)); then printf '%d min %02d s' $((s / 60)) $((s % 60)); else printf '%d s' "$s"; fi
}

# Ctrl-C and TERM end the whole set-up with a message, at once, whatever is running.
catch_signals() {
  trap 'on_signal INT 130' INT
  trap 'on_signal TERM 143' TERM
  trap 'on_signal HUP 129' HUP
  trap 'stop_all' EXIT
}

# A subshell that is signalled in its first moment may still run these; only the script itself may act.
is_main_shell() { [ "$BASHPID" = "$$" ]; }

on_signal() {
  trap - INT TERM HUP
  is_main_shell || exit "$2"
  # a part of a larger set-up leaves the word to the whole
  [ -n "${PROT_SETUP_PART:-}" ] ||
    printf '\n%s: stopped by SIG%s; nothing is half-installed, the same command goes on from here\n' "${setup_name:-setup}" "$1" >&2
  exit "$2"
}

stop_background() { :; } # replaced by scripts that start background work of their own

stop_all() {
  is_main_shell || return 0
  stop_heartbeat
  stop_child "$current_child"
  current_child=
  stop_background
}

stop_child() {
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# A child that ends with this shell, even when this shell is killed with SIGKILL.
tied() {
  if command -v setpriv >/dev/null; then exec setpriv --pdeathsig TERM "$@"; else exec "$@"; fi
}

# Runs a command with its output in LOG. In the background and waited for, because a shell that waits for a foreground
# command does not run its traps.
logged() {
  local log=$1 status=0
  shift
  (tied "$@") >"$log" 2>&1 </dev/null &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
  return "$status"
}

# Another set-up script as a part of this one: it reports its own error in one line, so this one says nothing more.
sub_script() {
  local status=0
  PROT_SETUP_PART=1 "$@" &
  current_child=$!
  wait "$current_child" || status=$?
  current_child=
  [ "$status" = 0 ] || exit "$status"
}

# every twenty seconds until stop_heartbeat: COMMAND with the seconds that have passed
start_heartbeat() {
  local owner=$BASHPID
  (
    pause=
    trap - EXIT INT HUP
    trap 'kill "$pause" 2>/dev/null; exit 0' TERM
    waited=0
    while :; do
      sleep "$heartbeat_s" >/dev/null 2>&1 &
      pause=$!
      wait "$pause" || exit 0
      kill -0 "$owner" 2>/dev/null || exit 0 # the script was killed
      waited=$((waited + heartbeat_s))
      "$@" "$waited"
    done
  ) &
  heartbeat_pid=$!
}

stop_heartbeat() {
  [ -n "$heartbeat_pid" ] || return 0
  stop_child "$heartbeat_pid"
  heartbeat_pid=
}

still_at() { note "... $1, $(human_time "$2") so far"; }

# quietly LABEL LOG COMMAND...: the command's own exit status
quietly() {
  local label=$1 status=0
  shift
  start_heartbeat still_at "$label"
  logged "$@" || status=$?
  stop_heartbeat
  return "$status"
}

# free bytes for an ordinary user at the nearest existing parent of a path
free_bytes() {
  local p=$1
  while [ ! -e "$p" ]; do p=$(dirname "$p"); done
  df --output=avail -B1 "$p" | tail -n 1 | tr -d ' '
}

need_space() {
  local need=$1 path=$2 have
  have=$(free_bytes "$path")
  ((have >= need)) || fail "disk full: needs $(human_size "$need"), have $(human_size "$have") at $path; free some space or set XDG_CACHE_HOME to a larger disk"
}

sha256_of() { sha256sum -- "$1" | cut -d ' ' -f 1; }

# What went wrong, in words, from the log of a failed apt, pip or npm.
explain_log() {
  local log=$1
  if grep -qE 'No space left on device|ENOSPC|enough free space' "$log"; then
    echo "disk full while fetching ($(human_size "$(free_bytes "$prot_cache")") left at $prot_cache): free some space and run it again"
  elif grep -qE 'DO NOT MATCH THE HASHES|EINTEGRITY' "$log"; then
    echo "the checksum does not match: it is not the file this version of prot was tested with; try again, and if it stays, report it"
  elif grep -qE 'CERTIFICATE_VERIFY|SSLError|SSL_ERROR|certificate' "$log"; then
    echo "the registry's certificate is not trusted: install ca-certificates or set the client's certificate option"
  elif grep -qE 'NewConnectionError|name resolution|Could not resolve|ConnectTimeout|Connection refused|Network is unreachable|Unable to connect|Could not connect|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ReadTimeout|Connection timed out|ProxyError|No route to host' "$log"; then
    echo "no package registry is reachable: check the network, the proxy and the client's settings, then run it again"
  else
    { grep -E '^(E:|ERROR|npm ERR!|error)' "$log" || tail -n 1 "$log"; } | tail -n 1 | cut -c 1-200
  fi
}

# run_ninja LABEL LOG DIR [TARGET...]: on a terminal and in a pipe alike, one line every twenty seconds with the share that
# is done and the time that is left
run_ninja() {
  local label=$1 log=$2 dir=$3 status=0
  shift 3
  start_heartbeat ninja_progress "$label" "$log"
  logged "$log" ninja -C "$dir" "$@" || status=$?
  stop_heartbeat
  return "$status"
}

ninja_progress() {
  local label=$1 log=$2 elapsed=$3 built total left
  IFS='/' read -r built total <<<"$(ninja_position "$log")"
  if [ -z "${total:-}" ]; then still_at "$label" "$elapsed"; return; fi
  left=$((elapsed * (total - built) / (built > 0 ? built : 1)))
  note "$label: $built of $total files, $(human_time "$elapsed"), about $(human_time "$left") left"
}

# the last [n/m] in a ninja log, as n/m
ninja_position() { { grep -oE '^\[[0-9]+/[0-9]+\]' "$1" 2>/dev/null || true; } | tail -n 1 | tr -d '[]'; }

# Which instruction set the engines are built for. A stamp that names another one makes them be built again.
# With AVX-512 llama.cpp reads prompts 40 % faster; the older kind without VNNI slows its own clock and is not worth it.
cpu_variant() {
  local flags
  if [ -n "${PROT_CPU_VARIANT:-}" ]; then echo "$PROT_CPU_VARIANT"; return; fi
  flags=" $(grep -m 1 '^flags' /proc/cpuinfo | cut -d : -f 2 || true) "
  if ! has_all "$flags" avx2 fma f16c bmi2; then echo baseline
  elif has_all "$flags" avx512f avx512cd avx512bw avx512dq avx512vl avx512vbmi avx512_vnni; then echo avx512
  else echo avx2; fi
}

has_all() {
  local flags=$1 f
  shift
  for f in "$@"; do [[ $flags == *" $f "* ]] || return 1; done
}

cpu_cmake_flags() {
  local simd=(SSE42 AVX AVX2 FMA F16C BMI2) wide=(AVX512 AVX512_VBMI AVX512_VNNI)
  case $1 in
    avx512) printf -- '-DGGML_%s=ON\n' "${simd[@]}" "${wide[@]}" ;;
    avx2) printf -- '-DGGML_%s=ON\n' "${simd[@]}" ;;
    baseline) printf -- '-DGGML_%s=OFF\n' "${simd[@]}" ;;
    *) fail "unknown PROT_CPU_VARIANT '$1': use avx512, avx2 or baseline" ;;
  esac
}
