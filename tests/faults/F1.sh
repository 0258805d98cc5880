# The watchdog ends a job if one of its ranks is stopped or hangs.
# shellcheck shell=bash disable=SC2034,SC2154
title="SIGSTOP of a rank, or a hang, in each phase"
units="4 110 330"

setup() { whole_run; }

# The setting that limits each phase, and the name of the phase in messages.
declare -A key=([launch]=start [init]=start [load]=start [step]=step [reduce]=step [fix]=fix [evaluate]=evaluate
    [write]=checkpoint [commit]=checkpoint [prune]=checkpoint [finish]=evaluate)
declare -A name=([launch]=init [init]=init [load]=start [step]='(baseline|train)' [reduce]='(baseline|train)' [fix]=fix [evaluate]=evaluate
    [write]='(checkpoint|finish)' [commit]='(checkpoint|finish)' [prune]=checkpoint [finish]=finish)
all=(launch "${phases[@]}")

unit() {
    local run=stuck$1 phase=${all[(seed + 3 * $1) % 11]} action=stop seconds=8 on
    [ $((RANDOM % 3)) != 0 ] || action=hang
    patience $seconds "${key[$phase]}"
    hold "$run" "$phase"
    end_job "$run"
    patience 0 "${key[$phase]}"
    settle "$run"
    on=${held#*rank } on=${on%%,*}
    expect 79 "$run"
    failing=silent check "$run: no message names rank and phase" grep -qE "code=STUCK rank=[0-9]* .*phase=${name[$phase]} " "$run.log"
    says "$run.log" "the limit is watchdog.${key[$phase]}"
    case $action.$phase in
    hang.*) check "$run: the message is not from rank $on" grep -q "code=STUCK rank=$on .*no progress" "$run.log" ;;
    stop.launch | stop.init) ;; # the processes of the other ranks are not known yet
    stop.*) check "$run: rank $on is not named" grep -q "code=STUCK.*; rank $on (process [0-9]* on this host) is stopped" "$run.log" ;;
    esac
    resume_to_end "$run"
    case_is good "$action in $held: ended after $seconds s, resumed from step $from"
    rm -rf "$run" "$run".log*
}
