# Completion of bash for djauth; the options are those of usage.c.
_djauth() {
    local word=${COMP_WORDS[COMP_CWORD]} words=
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --socket | --output)
        compopt -o default
        return
        ;;
    --site | --permission | --group | --password-fd | --timeout | --address | --service | --prefix) return ;;
    esac
    local asked='--socket --site --staff --superuser --permission --group --timeout --address --service --json --quiet'
    case ${COMP_WORDS[1]} in
    check) words="$asked --password-fd" ;;
    authorize) words=$asked ;;
    ping) words='--socket --timeout --json --quiet' ;;
    svn-groups) words='--output --prefix --group --site --socket --timeout --quiet' ;;
    esac
    [ "$COMP_CWORD" -gt 1 ] || words='check authorize ping svn-groups --help --version'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _djauth djauth
