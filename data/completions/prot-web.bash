# Completion of prot-web(1) for bash. A test compares it with the options that prot-web itself lists.

_prot_web() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} folder
  COMPREPLY=()
  case $previous in
    --join)  # instances that run have a folder here
      folder=${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}/prot-$UID}/prot
      mapfile -t COMPREPLY < <(cd "$folder" 2>/dev/null && compgen -d -- "$current")
      ;;
    --probe) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "--join --check --devices --probe --version --help" -- "$current") ;;
  esac
}

complete -F _prot_web prot-web
