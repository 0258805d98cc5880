# Links under the names of a run.
# shellcheck shell=bash disable=SC2034,SC2154
title="links under names of a run; directories of others"
units="4 all all"

# NAME, and whether the run is refused (77), refuses to start afresh (73), or replaces the link (0).
setup() {
    local kind name want
    for kind in symbolic hard dangling; do
        while read -r name want; do echo "$kind $name $want"; done <<'END'
.pwf.lock 77
metrics.jsonl 77
rounds.csv 77
config.yaml 0
.config.yaml.part.x 0
summary.txt 0
.summary.txt.part.x 0
rounds.svg 0
model.h5 0
.model.h5.part.x 0
.ckpt-0000000002.h5.part.x 0
.trash-ckpt-0000000002.h5 0
ckpt-0000000002.h5 73
round-00.h5 73
.round-00.h5.part.link 0
stop 75
END
    done >list.txt
    printf '%s\n' "fifo metrics.jsonl 73" "fifo .pwf.lock 77" "folder everybody 77" "folder sticky 0" >>list.txt
    if setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$PWF_BIN_DIR/pwf_dist" -a -r "$PWD"; then
        echo "folder owned 77" >>list.txt
    fi
}

unit() {
    local kind name want as=()
    read -r kind name want <<<"$2"
    rm -rf run precious && mkdir run
    echo precious >precious
    chmod 640 precious
    case $kind:$name in
    symbolic:*) ln -s ../precious "run/$name" ;;
    hard:*) ln precious "run/$name" ;;
    dangling:stop) ln -s ../nothing "run/$name" && want=0 ;; # a dangling link is no request
    dangling:*) ln -s ../nothing "run/$name" ;;
    fifo:*) mkfifo "run/$name" ;;
    *:everybody) chmod 777 run ;;
    *:sticky) chmod 1777 run ;;
    *:owned) as=(setpriv --reuid 65534 --regid 65534 --clear-groups) ;;
    esac
    code=0
    timeout -k 5 60 ${as[@]+"${as[@]}"} "$PWF_BIN_DIR/pwf_dist" "${settings[@]}" --output run >run.log 2>&1 \
        </dev/null || code=$?
    expect "$want" "$kind $name"
    failing=wrong check "the target of a link was changed" test "$(cat precious) $(stat -c %a precious)" = "precious 640"
    failing=wrong check "the target of a link was created" test ! -e nothing
    case $code in
    73 | 77)
        failing=silent check "no reason given" grep -q level=error run.log
        case_is refused "$kind $name: $code"
        ;;
    *)
        [ "$kind $name" = "dangling stop" ] ||
            failing=leftovers check "the link $name still exists" test ! -L "run/$name"
        case_is good "$kind $name: $code"
        ;;
    esac
}
