#!/usr/bin/env bash
# Injects faults into real runs, row by row of docs/lab/faults.md, and prints one line per case and a
# table. Usage: faults.sh [quick|night|release] [SEED [ROW|ROW:UNIT ...]]
#
# A row is a file of tests/faults: sourced in a folder of its own, it defines `title`; `units`, how many
# of them the three tiers run; `setup`, done once; and `unit N [LINE]`, which ends each case it tries with
# `case_is`. If setup writes list.txt, a unit is a line of it, and the tier runs that many lines, or all.
# Finished units are recorded in build-test/faults/TIER-SEED: a night or release run that was stopped
# continues there; remove the folder to start again.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/.." && pwd)
export PWF_SOURCE_DIR=$source_dir PWF_BIN_DIR=${PWF_BIN_DIR:-$source_dir/build-test/bin}
rows_dir=$source_dir/tests/faults

die() { echo "faults.sh: $1" >&2; exit 64; }

tier=${1:-quick} seed=${2:-1}
shift $(($# < 2 ? $# : 2))
case $tier in
quick) column=1 ;; night) column=2 ;; release) column=3 ;;
*) die "the tier is quick, night or release, not '$tier'" ;;
esac
[[ $seed =~ ^[0-9]{1,9}$ ]] || die "the seed is a number, not '$seed'"
wanted=("$@")
for one in "${wanted[@]+"${wanted[@]}"}"; do
    [[ $one =~ ^[A-Z][0-9]+(:[0-9]+)?$ && -e $rows_dir/${one%:*}.sh ]] || die "there is no row '${one%:*}'"
done
if [ "${#wanted[@]}" = 0 ]; then
    mapfile -t wanted < <(cd "$rows_dir" && printf '%s\n' [A-Z]*.sh | sed 's/\.sh$//' | sort -V)
fi

if [ ! -v PWF_FAULTS_DIR ]; then # not under ctest
    (cd "$source_dir" && cmake --preset test >/dev/null && cmake --build --preset test >/dev/null)
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
    export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
    export OMPI_MCA_btl_vader_single_copy_mechanism=none HDF5_USE_FILE_LOCKING=FALSE
fi
work=${PWF_FAULTS_DIR:-$source_dir/build-test/faults/$tier-$seed}
mkdir -p "$work"
work=$(cd "$work" && pwd)
cases=$work/cases.txt # row, unit, kind and text of each case
touch "$cases" "$work/builds.txt"
build=$(cksum <"$PWF_BIN_DIR/pwf_dist")
grep -qx "$build" "$work/builds.txt" || echo "$build" >>"$work/builds.txt"

# Seeds and samples depend on nothing but the seed, the row and the unit. A subshell, and so a part of a
# pipeline, begins with another RANDOM: rows draw outside of them.
seed_of() { printf '%s %s' "$seed" "$*" | cksum | cut -d ' ' -f 1; }
sample() { # sample ROW COUNT: as many line numbers of list.txt, in order
    local lines drawn=()
    lines=$(wc -l <list.txt)
    RANDOM=$(seed_of "$1")
    for ((i = 1; i <= lines; i++)); do drawn+=("$((RANDOM * 32768 + RANDOM)) $i"); done
    printf '%s\n' "${drawn[@]}" | sort -n | cut -d ' ' -f 2 | if [ "$2" = all ]; then cat; else head -n "$2"; fi | sort -n
}

# run_unit ROW N: in its scratch folder; what it printed is kept if a case went wrong
run_unit() {
    local row=$1 n=$2 line='' code=0
    [ ! -e list.txt ] || line=$(sed -n "${n}p" list.txt)
    (
        RANDOM=$(seed_of "$row" "$n")
        unit "$n" "$line"
    ) 3>unit.cases 9>&- >unit.log 2>&1 </dev/null || code=$?
    [ $code = 0 ] || echo "script the row itself ended with $code" >>unit.cases
    [ -s unit.cases ] || echo "script the row tried nothing" >>unit.cases
    while read -r kind what; do
        printf '%-3s unit %s seed %s: %-7s %s\n' "$row" "$n" "$seed" "$kind" "$what"
        echo "$row $n $kind $what" >>"$cases"
    done <unit.cases
    if grep -qvE '^(good|refused|old)(\*[0-9]+)? ' unit.cases; then
        cp unit.log "failed.$n.log"
        sed 's/^/    /' unit.log | tail -n 40
    fi
    echo "$n" >>done.txt
}

run_row() {
    local row=${1%:*} only=
    [ "$row" = "$1" ] || only=${1#*:}
    if [ "$tier" = quick ]; then
        rm -rf "${work:?}/$row"
        echo "$build" >"$work/builds.txt"
        sed -i "/^$row /d" "$cases"
    fi
    mkdir -p "$work/$row"
    (
        cd "$work/$row"
        exec 9>lock
        flock -n 9 || die "row $row is being run by another in $work"
        export OMPI_MCA_btl_vader_backing_directory=$PWD/shm # what a killed launcher leaves stays here
        export OMPI_MCA_odls_base_sigkill_timeout=0          # ranks that survive a kill are ended at once
        mkdir -p shm
        setup() { :; }
        # shellcheck source=/dev/null
        source "$rows_dir/lib.sh"
        title='' units=''
        # shellcheck source=/dev/null
        source "$rows_dir/$row.sh"
        echo "$title" >title.txt
        if [ ! -e ready ]; then
            set +e # what fails in setup ends it
            (set -e && RANDOM=$(seed_of "$row") && setup) 9>&- >setup.log 2>&1 </dev/null
            code=$?
            set -e
            [ $code = 0 ] || { cat setup.log && echo "$row 0 script setup failed" >>"$cases" && exit 0; }
            touch ready done.txt
        fi
        read -r -a count <<<"$units"
        many=${count[column - 1]}
        if [ -n "$only" ]; then
            run_unit "$row" "$only"
        elif [ -e list.txt ]; then
            for n in $(sample "$row" "$many"); do grep -qx "$n" done.txt || run_unit "$row" "$n"; done
        else
            for ((n = 1; n <= many; n++)); do grep -qx "$n" done.txt || run_unit "$row" "$n"; done
        fi
    )
}

table() {
    local code=0
    echo
    # shellcheck disable=SC2016
    awk -v work="$work" -v tier="$tier" -v seed="$seed" '
        { row = $1; if (!(row in cases)) rows[++n] = row
          split($3, kind, "*"); many = kind[2] ? kind[2] : 1; cases[row] += many; k[row, kind[1]] += many }
        END {
            printf "%s tier, seed %s\n", tier, seed
            printf "%-3s %-52s %6s %6s %7s %5s %6s  %s\n", "row", "what is done", "cases", "good", "refused", "old", "failed", "which"
            split("wrong crash hang silent leftovers code script", bad)
            for (i = 1; i <= n; i++) {
                r = rows[i]; which = ""; failed = 0; title = ""
                getline title < (work "/" r "/title.txt")
                for (b = 1; b in bad; b++) if (k[r, bad[b]]) { failed += k[r, bad[b]]; which = which bad[b] " " k[r, bad[b]] " " }
                printf "%-3s %-52s %6d %6d %7d %5d %6d  %s\n", r, title, cases[r], k[r, "good"], k[r, "refused"], k[r, "old"], failed, which
                all += cases[r]; wrong += failed
            }
            printf "%d cases, %d failed", all, wrong
            if (!wrong && all) printf ": at 95 %% fewer than %.2g %% of such cases fail", 300 / all
            printf "\n"
            exit wrong > 0
        }' <(sort -s -V -k 1,1 "$cases") || code=1
    if [ "$(wc -l <"$work/builds.txt")" -gt 1 ]; then
        echo "not all on one build of the programs: $(wc -l <"$work/builds.txt") were tried"
    fi
    return $code
}

if [ "$tier" != quick ] && [ -s "$cases" ]; then echo "going on in $work: $(wc -l <"$cases") cases are done"; fi
for one in "${wanted[@]}"; do run_row "$one"; done
table
