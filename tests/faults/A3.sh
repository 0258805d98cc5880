# Every named fault point of both ranks, in a whole run and in a single commit.
# shellcheck shell=bash disable=SC2034,SC2154
title="kill -9, or one failed write, at a named fault point"
units="12 all all"

setup() {
    local rank writer point part
    whole_run
    # Only the points of a commit can return an error; elsewhere the ranks would diverge.
    for rank in 0 1; do
        PWF_TEST_FAULT="*:$rank:1:list" dist 2 points.log "${settings[@]}" --output points
        rm -rf points
        while read -r count point; do
            echo "run $point $rank kill $((RANDOM % count + 1))"
            case $point in ckpt.*) echo "run $point $rank eio $((RANDOM % count + 1))" ;; esac
        done < <(sed -n 's/^fault point //p' points.log | sort | uniq -c)
        # Always the last two files: the model, and the checkpoint of the finished run.
        if [ $rank = 0 ]; then
            count=$(grep -c '^fault point ckpt.before_create' points.log)
            test "$count" -ge 4
            printf 'run ckpt.before_create 0 kill %d\n' $((count - 1)) "$count"
        fi
    done >list.txt
    # In the third write, when two checkpoints exist, or in the first prune. Of mpiio only the
    # points that pwrite does not pass.
    for writer in pwrite async mpiio; do
        part=.
        [ $writer != mpiio ] || part='open|data|close'
        for rank in 0 1; do
            rm -rf points && mkdir points
            PWF_TEST_FAULT="*:$rank:1:list" mpirun -n 2 "$PWF_TEST_PROGRAMS/ckpt_program" 2 write points 1 3 $writer \
                >/dev/null 2>points.log
            sed -n 's/^fault point \(ckpt\.\)/\1/p' points.log | sort -u | grep -E "$part" | while read -r point; do
                echo "$writer $point $rank kill $([ "$point" = ckpt.prune_trashed ] && echo 1 || echo 3)"
            done
        done
    done >>list.txt
}

in_a_run() { # in_a_run POINT RANK ACTION COUNT
    any_writing
    PWF_TEST_FAULT=$1:$2:$4:$3 dist 2 run.log "${settings[@]}" --output run
    check "the fault did not fire" grep -q "^fault $3 at $1" run.log
    if [ "$3" = kill ]; then
        failing=code check "code $code of a killed rank" test "$code" = 137
        resume_to_end run
        failing=leftovers check "the files differ from those of an uninterrupted run" \
            cmp <(cd whole && find . | sort) <(cd run && find . | sort)
    else
        expect 0 "a failed write must not end the run"
        resume_to_end run
    fi
}

in_a_commit() { # in_a_commit WRITER POINT RANK COUNT
    local acknowledged
    mkdir run
    code=0
    PWF_TEST_FAULT=$2:$3:$4:kill timeout 60 mpirun -n 2 "$PWF_TEST_PROGRAMS/ckpt_program" 2 write run 1 4 "$1" \
        >out 2>err || code=$?
    check "the fault did not fire" grep -q "fault kill at $2" err
    failing=code check "code $code of a killed rank" test $code = 137
    acknowledged=$(sed -n 's/^committed //p' out | tail -n 1)
    # The next process, on another mesh, continues from there and cleans up.
    code=0
    timeout 60 mpirun -n 1 "$PWF_TEST_PROGRAMS/ckpt_program" 1 again run 1 "$1" >out 2>>err || code=$?
    expect 0 "the next process"
    loaded=$(sed -n 's/^loaded \([0-9]*\) .*/\1/p' out)
    check "loaded ${loaded:-nothing}, acknowledged $acknowledged" test "${loaded:-0}" -ge "${acknowledged:-0}"
    no_leftovers run
    [ -z "$fault" ] || cat err
}

unit() {
    local what point rank action count
    read -r what point rank action count <<<"$2"
    rm -rf run run.log
    case $what in
    run) in_a_run "$point" "$rank" "$action" "$count" ;;
    *) in_a_commit "$what" "$point" "$rank" "$count" ;;
    esac
    case_is good "$([ "$what" = run ] && echo "a run" || echo "a commit by $what"): $action at $point, rank $rank, time $count"
}
