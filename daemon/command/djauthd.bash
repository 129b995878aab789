# Completion of bash for djauthd. Made by "npm run docs" from the table of commands in daemon/command/program.ts.
_djauthd() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=
    case $before in
        --accept) words='manager check_password has_perm backends routers is_active fields loading second-factor' ;;
        --address | --config | --control | --database | --django | --group | --path | --permission | --python | --require | --settings | --site | --socket | --timeout | --unit | --user | --write)
            compopt -o default # a file, or a word that is not known here
            return
            ;;
    esac
    if [ -z "$words" ]; then
        case ${COMP_WORDS[1]} in
        serve) words='--python --database --path --timeout --accept --config --django --socket --help' ;;
        check-config) words='--config --unit --help' ;;
        doctor) words='--config --json --unit --help' ;;
        audit) words='--config --site --json --help' ;;
        triggers) words='--config --site --drop --check --unit --help' ;;
        import) words='--settings --python --database --path --timeout --accept --site --write --export --install --help' ;;
        stats) words='--config --control --json --prometheus --watch --help' ;;
        flush) words='--config --control --site --user --throttle --address --help' ;;
        explain) words='--config --control --site --staff --superuser --permission --group --require --address --password-stdin --json --help' ;;
        reload) words='--config --control --help' ;;
        esac
        [ "$COMP_CWORD" -gt 1 ] || words='serve check-config doctor audit triggers import stats flush explain reload --help --version'
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _djauthd djauthd
