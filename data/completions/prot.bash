# Completion of prot(1) for bash. A test compares it with the options that prot itself lists.

# What may follow, by command; "" is before any command.
_prot_words() {
  case $1 in
    "") echo "up down status restart start stop logs log-level crash say chat memory wait config reload check doctor top debug" ;;
    up | restart | start | stop | debug) echo "capture stt brain tts player memory llm db" ;;
    logs) echo "supervisor capture stt brain tts player memory llm db" ;;
    log-level) echo "debug info warn error configured supervisor capture stt brain tts player memory" ;;
    crash) echo "list show" ;;
    memory) echo "search show facts why confirm reject entities merge unmerge forget export import dead stats record" ;;
    wait) echo "ready down" ;;
    config) echo "example table keys" ;;
  esac
}

_prot_options() {
  echo "--help --instance"
  case $1 in
    "") echo "--version" ;;
    up) echo "--config --set --env-file --detach --timeout" ;;
    down) echo "--now --timeout" ;;
    restart) echo "--wait --no-wait --drain --timeout" ;;
    start) echo "--wait --no-wait" ;;
    status) echo "--json --verbose --watch" ;;
    logs) echo "--follow --lines --json" ;;
    crash) echo "--json" ;;
    memory) echo "--json --limit --conversation --all --waiting --dry-run --yes --original" ;;
    wait) echo "--timeout" ;;
    config | check) echo "--config --set --env-file --json" ;;
    reload) echo "--env-file --json" ;;
    doctor) echo "--config --set --env-file --json --echo --services" ;;
    debug) echo "--launch --wait --valgrind --rr --server" ;;
    top)
      echo "--version --batch --json --once --iterations --delay --sort --ring --tail --waiting --content --ascii"
      echo "--no-color --no-colour"
      ;;
  esac
}

_prot() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" i
  COMPREPLY=()
  # The first word that is neither an option nor an option's value.
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --instance | --config | --env-file | --set) ((i++)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]} && break ;;
    esac
  done
  case $previous in
    --config | --env-file) mapfile -t COMPREPLY < <(compgen -f -- "$current") && return ;;
    --instance | --set | --lines | -n | --timeout | -t | --iterations | --delay | --sort | --ring | --server | --limit | --conversation) return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_prot_options "$command")" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(_prot_words "$command")" -- "$current")
  fi
}

complete -F _prot prot
