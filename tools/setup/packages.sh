#!/usr/bin/env bash
# Installs the Debian packages that prot is built from and runs with. Does nothing when all of them are there.
#
#   packages.sh           to build and run
#   packages.sh --test    and to run the tests
#   packages.sh --bench   and what the benchmarks measure beside prot
#   packages.sh --check   exit status 0 if nothing is missing; changes nothing (with any of the above)
#
# Works as root and with sudo. Never removes a package.
set -euo pipefail

setup_name=packages
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/setup/lib.sh
. "$here/lib.sh"

build_packages=(build-essential meson ninja-build cmake pkg-config python3 python3-pip git ca-certificates
  libboost-dev libboost-system-dev libasound2-dev libpulse-dev libcurl4-openssl-dev libpqxx-dev libpq-dev rapidjson-dev
  doctest-dev libfmt-dev libtomlplusplus-dev libcli11-dev libncurses-dev libedit-dev libutf8proc-dev libssl-dev
  libsamplerate0-dev libwebrtc-audio-processing-dev libgoogle-perftools-dev)
run_packages=(tzdata pulseaudio pulseaudio-utils espeak-ng postgresql-15 gdb procps util-linux binutils libgoogle-perftools4)
test_packages=(ccache clang-14 libclang-rt-14-dev clang-tidy-14 clang-format-14 gcovr shellcheck valgrind tmux sox spin systemd zsh groff-base
  chromium-headless-shell fonts-nanum)
bench_packages=(iceoryx libiceoryx-posh-dev libiceoryx-hoofs-dev runit s6)

# PipeWire's own server takes the place of PulseAudio's, and the two packages exclude each other on some desktops.
pipewire_serves() { installed pipewire-pulse; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | tr -d ' ')" = ii ]; }

# one call for all of them: this runs at every start
list_missing() {
  local have p
  have=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null || true)
  for p in "$@"; do
    grep -q "^ii *$p\$" <<<"$have" || echo "$p"
  done
}

as_root=()
become_root() {
  [ "$(id -u)" != 0 ] || return 0
  command -v sudo >/dev/null || fail "needs root or sudo once; as root: apt-get install --no-install-recommends ${missing[*]}"
  if ! sudo -n true 2>/dev/null; then
    [ -t 0 ] || fail "sudo wants a password and there is no terminal to ask on; as root: apt-get install --no-install-recommends ${missing[*]}"
    say "      sudo may ask for your password to install ${#missing[@]} packages"
    sudo -v || fail "sudo was refused; as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  as_root=(sudo)
}

# In the foreground: apt and dpkg clean up by themselves when Ctrl-C reaches them, and must not be killed.
apt() {
  local label=$1 status=0
  shift
  start_heartbeat still_at "$label"
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 </dev/null || status=$?
  stop_heartbeat
  return "$status"
}

refresh_lists() {
  apt "reading the package lists" -o APT::Update::Error-Mode=any update && return
  # an outdated list still serves if it knows every package
  apt "reading the package lists" install --no-install-recommends --simulate "${missing[@]}" && return
  fail "$(explain_log "$log") (apt-get update; the packages wanted: ${missing[*]})"
}

# what an interrupted dpkg left
repair() {
  [ -n "$(dpkg --audit 2>/dev/null)" ] || return 0
  note "finishing an interrupted installation first"
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >"$log" 2>&1 </dev/null ||
    fail "dpkg has unfinished work and cannot finish it: run 'dpkg --configure -a' as root and read what it says"
}

# Debian's package would start a database server of its own; prot runs a private one.
prevent_cluster() {
  local conf=/etc/postgresql-common/createcluster.conf
  if installed postgresql-common || [ -e "$conf" ]; then return; fi
  ${as_root[@]+"${as_root[@]}"} sh -c "mkdir -p ${conf%/*} && echo 'create_main_cluster = false' >$conf"
}

# bytes, from the list of addresses: 'address' file bytes checksum
download_size() { awk '$1 ~ /^\047/ { sum += $3 } END { printf "%.0f", sum }' "$log"; }

install_missing() {
  local size start
  start=$(now_ms)
  become_root
  repair
  refresh_lists
  apt "planning" install --no-install-recommends --no-remove --print-uris "${missing[@]}" || fail "$(explain_log "$log") (apt-get install ${missing[*]})"
  size=$(download_size)
  note "installing ${#missing[@]} packages and what they need, $(human_size "$size") to fetch: ${missing[*]}"
  prevent_cluster
  apt "installing packages" install --no-install-recommends --no-remove "${missing[@]}" ||
    fail "$(explain_log "$log") (apt-get install ${missing[*]})"
  note "packages installed ($(human_time $((($(now_ms) - start) / 1000))))"
}

stop_background() { rm -f -- "$log"; }

main() {
  local wanted=("${build_packages[@]}" "${run_packages[@]}") check=0
  while [ $# -gt 0 ]; do
    case $1 in
      --test) wanted+=("${test_packages[@]}") ;;
      --bench) wanted+=("${bench_packages[@]}") ;;
      --check) check=1 ;;
      -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
      *) printf 'packages: unknown option %s; try --help\n' "$1" >&2; exit 2 ;;
    esac
    shift
  done
  command -v dpkg-query >/dev/null || fail "this is not Debian: install by hand what corresponds to: ${wanted[*]}"
  mapfile -t missing < <(list_missing "${wanted[@]}")
  if pipewire_serves && [[ " ${missing[*]} " == *" pulseaudio "* ]]; then
    note "PipeWire serves the sound here, so pulseaudio is not installed; the demonstration needs it"
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | grep -vx pulseaudio || true)
  fi
  if [ "$check" = 1 ]; then [ ${#missing[@]} -eq 0 ]; exit; fi
  if [ ${#missing[@]} -eq 0 ]; then
    say "      packages: all ${#wanted[@]} are installed"
    exit 0
  fi
  log=$(mktemp "${TMPDIR:-/tmp}/prot-packages.XXXXXX")
  catch_signals
  install_missing
}

main "$@"; exit # in one line: the file may be replaced by an update while it runs
