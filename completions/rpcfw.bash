# SPDX-License-Identifier: Apache-2.0
#
# Bash completion for rpcfw. Where a file is expected, readline's own completion of file names takes over.

# What may follow a verb: options, and the keys of explain.
_rpcfw_words() {
    case $1 in
    '') echo 'install uninstall pid unprotect update status doctor audit serve check explain replay learn diff coverage plan names help version --help --version' ;;
    install) echo '--preload --no-service --for --help' ;;
    update) echo '--compat --help' ;;
    status) echo '--rules --json --help' ;;
    doctor) echo '--json --help' ;;
    uninstall | pid | unprotect) echo '--help' ;;
    audit)
        echo '-f --blocked --would-block --action --user --addr --interface --method --rule --since --until' \
            '--process --json --help'
        ;;
    serve) echo '--policy --agent --no-watch --help' ;;
    check) echo '--compat --strict --json --help' ;;
    explain)
        echo '-p --compat --json --trace --help' \
            'uuid= ver= opnum= prot= endpoint= object= addr= port= sid= user= auth= authn= process='
        ;;
    replay) echo '-p --against --compat --json --help' ;;
    learn) echo '-o --by --addr-prefix --addr-prefix6 --block-rest --enforce --help' ;;
    diff) echo '--compat --json --help' ;;
    coverage) echo '-p --compat --json --help' ;;
    plan) echo '--host --compat --json --netsh --help' ;;
    names) echo '--json --help' ;;
    help) echo 'install uninstall pid unprotect update status doctor audit serve check explain replay learn diff coverage plan names' ;;
    esac
}

# The values of an option or of a key of explain that has a fixed list of them.
_rpcfw_values() {
    case $1 in
    auth) echo 'none connect call pkt integrity privacy' ;;
    prot) echo 'ncacn_ip_tcp ncacn_np ncacn_http ncalrpc' ;;
    --host) echo 'ws2016 ws2019 ws2022 ws2025 win11' ;;
    --for) echo 'samba' ;;
    --by) echo 'addr user sid prot auth process endpoint' ;;
    esac
}

_rpcfw() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' named='' words
    COMPREPLY=()
    if ((COMP_CWORD > 1)); then
        verb=${COMP_WORDS[1]}
    fi
    case $before in
    -p | -o | --policy | --agent | --against | --addr-prefix | --addr-prefix6) return ;;
    --by | --host) named=$before ;;
    esac
    # Readline splits KEY=VALUE before and behind the "=".
    if [[ $word == '=' ]]; then
        named=$before word=''
    elif [[ $before == '=' ]]; then
        named=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [[ $named ]]; then
        words=$(_rpcfw_values "$named")
    else
        words=$(_rpcfw_words "$verb")
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}

complete -o default -F _rpcfw rpcfw
