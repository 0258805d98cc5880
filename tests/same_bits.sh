#!/usr/bin/env bash
# Proves that this tree computes the same bits as the first edition (commit 12fb816).
#
# Usage: tests/same_bits.sh [quick] [options]
#
#   quick            a sample of the cases; one minute on two quiet cores, and less once the results of
#                    the first edition are cached. Without it: all cases.
#   --first DIR      a built tree of the first edition, with DIR/build/bin/pwf_dist. Without it, the
#                    first edition is taken from the history of this repository and built in the
#                    scratch folder.
#   --present DIR    a build folder of this tree, with DIR/bin/pwf_dist. Without it, the preset
#                    release is built.
#   --scratch DIR    where builds, runs and cached results go; default: $TMPDIR/pwf-same-bits or
#                    /tmp/pwf-same-bits. Give the same folder again to reuse the cached results.
#   --jobs N         runs at a time; default: the number of processors.
#   --match REGEX    only the cases whose name matches, for example 'vit_micro-bf16'.
#
# Why: the numerical results of pwf are part of its interface. A change of structure, of text or of
# speed must leave every one of them alone. Bits differ between processors and libraries, so they
# cannot be committed (except for the plain back end, see tests/first_edition): both editions run here,
# on the same machine, one after the other.
#
# Each case is a model, a precision and an optimiser. The first edition runs it once on one rank with
# one thread, because results do not depend on the mesh; one row checks that for the first edition
# too. This tree runs the case on every mesh, and also resumes a run that the first edition stopped
# and reads its files. Compared are, in this order: every row of metrics.jsonl except times (with the
# fingerprint of each step and the accuracy of each evaluation), rounds.csv, every dataset of every
# checkpoint outside /run (with the hash of each block), the fingerprints that `pwf inspect` prints, and
# the bytes of model.pwf. Not compared are the root hash and the text of the configuration, whose
# comments may change. The table has one row for each run and says where it first differs. Exit code: 0 if
# all runs are the same, 1 if any differs, 2 if a program could not be built.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
first_commit=12fb816
form=all first='' present='' scratch=${TMPDIR:-/tmp}/pwf-same-bits jobs=$(nproc) match=.
while [ $# -gt 0 ]; do
    case $1 in
        quick) form=quick ;;
        --first) first=$2 && shift ;;
        --present) present=$2 && shift ;;
        --scratch) scratch=$2 && shift ;;
        --jobs) jobs=$2 && shift ;;
        --match) match=$2 && shift ;;
        -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" && exit 0 ;;
        *) echo "same_bits: unknown argument '$1'; see --help" >&2 && exit 2 ;;
    esac
    shift
done
data=${PWF_DATA_PATH:-}
unset "${!PWF_@}" # settings from the environment would change the cases
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
export HDF5_USE_FILE_LOCKING=FALSE
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)

# --- the two programs ---

build() { # build SOURCE BUILD OPTION...
    if cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release "${@:3}" >"$scratch/build.log" 2>&1 &&
        cmake --build "$2" --target pwf pwf_dist >>"$scratch/build.log" 2>&1; then return; fi
    tail -n 20 "$scratch/build.log" >&2
    echo "same_bits: cannot build $1" >&2
    exit 2
}
if [ -z "$first" ]; then
    first=$scratch/first
    if [ ! -x "$first/build/bin/pwf_dist" ]; then
        rm -rf "$first" && mkdir "$first"
        git -C "$repository" archive "$first_commit" | tar -x -C "$first"
        build "$first" "$first/build" -DPWF_TESTS=OFF -DPWF_WERROR=OFF
    fi
fi
if [ -z "$present" ]; then
    present=$repository/build
    build "$repository" "$present"
fi
first_bin=$first/build/bin present_bin=$present/bin
for program in "$first_bin/pwf" "$first_bin/pwf_dist" "$present_bin/pwf" "$present_bin/pwf_dist"; do
    [ -x "$program" ] || { echo "same_bits: no program $program" >&2; exit 2; }
done

# Cached results are valid for one build of the first edition on one kind of machine.
stamp=$({
    sha256sum <"$first_bin/pwf_dist"
    grep -m 1 '^flags' /proc/cpuinfo || true
    ldd "$first_bin/pwf_dist" | awk '$3 ~ /^\// { print $3 }' | xargs realpath
} | sha256sum | cut -c 1-16)
results=$scratch/results-$stamp
runs=$scratch/runs.$$
mkdir -p "$results" "$runs"
trap 'rm -rf "$runs"' EXIT

# --- the cases ---

# Models that the configuration of the quick start cannot become get this one.
base=$scratch/base.yaml
cat >"$base.$$" <<'END'
model:
  channels: 1
  classes: 10
  image_size: 28
data:
  format: idx
  path: /usr/share/datasets/fashion-mnist
  mean: [0.2860]
  std: [0.3530]
END
mv "$base.$$" "$base"
short=(data.train_limit=640 data.test_limit=120 data.flip=true data.pad=1 train.batch=64
    train.baseline_epochs=0.3 train.norm_batches=3 fixing.fractions=[0.6,1] fixing.first_epochs=0.2
    fixing.epochs=0.3 fixing.export=last eval.samples=2 eval.batch=50 log.interval=1
    checkpoint.every=4 checkpoint.keep=50 watchdog.interval=3)

# settings_of CASE SOURCE: fills $config and $settings for the edition in SOURCE. A case is MODEL-PRECISION-OPTIMISER, and -BACKEND where it is not auto.
settings_of() {
    local model precision optimiser backend
    IFS=- read -r model precision optimiser backend <<<"$1"
    config=$base
    settings=("${short[@]}" "parallel.precision=$precision" "optim.name=$optimiser")
    case $model in
        quickstart) # the configuration of jobs/quickstart.sh, with fewer images
            config=$2/configs/fashion_mnist.yaml
            settings=(data.train_limit=1280)
            if [ "$form" = quick ]; then
                settings=(data.train_limit=384 'fixing.fractions=[0.3, 0.6, 0.9, 1]')
            fi
            settings+=(data.test_limit=200 eval.samples=3 log.interval=1
                fixing.export=last checkpoint.every=20 checkpoint.keep=50
                "parallel.precision=$precision" "optim.name=$optimiser") ;;
        vit_micro) settings+=(model.name=vit_micro train.label_smoothing=0.1) ;;
        resnet)
            settings+=(model.name=resnet model.block=bottleneck 'model.depths=[1, 1]' 'model.widths=[8, 16]'
                model.stem_kernel=5 model.stem_pool=true) ;;
        densenet) settings+=(model.name=densenet 'model.depths=[2, 2]' model.growth=8) ;;
        deit)
            settings+=(model.name=vit model.distilled=true model.patch=7 model.width=48 model.depth=2
                model.heads=3) ;;
    esac
    if [ "$optimiser" = adamw ]; then settings+=(optim.lr=0.001 train.baseline_lr=0.01); fi
    if [ -n "$backend" ]; then settings+=("parallel.backend=$backend"); fi
    if [ -n "$data" ]; then settings+=("data.path=$data"); fi
}

# The kinds of rows: `mesh` runs this tree from the start; `resume` continues a run that the first
# edition stopped after five steps on two ranks with two shards; `read` lets this tree read the files
# of the first edition; `first` runs the first edition on another mesh. Each line: kind, case, ranks,
# threads, shards, recompute.
all_rows() {
    local case model precision optimiser mesh
    local cases=()
    for model in quickstart vit_micro resnet densenet deit; do
        for precision in fp32 bf16; do
            for optimiser in sgd adamw; do cases+=("$model-$precision-$optimiser"); done
        done
    done
    cases+=(resnet-fp32-sgd-plain deit-bf16-adamw-plain resnet-fp32-sgd-openblas deit-fp32-sgd-openblas)
    for case in "${cases[@]}"; do
        echo "first $case 2 2 2 true"
        echo "read $case 1 1 1 false"
        for mesh in "1 1 1" "2 1 1" "2 1 2" "1 2 1" "3 1 1" "2 2 1" "2 2 2"; do
            echo "mesh $case $mesh false"
        done
        for mesh in "1 1 1" "3 1 1" "2 2 2"; do echo "mesh $case $mesh true"; done
        echo "resume $case 1 2 1 true"
        echo "resume $case 3 1 1 false"
    done
}
quick_rows() {
    cat <<END
mesh quickstart-fp32-sgd 2 1 1 false
mesh vit_micro-bf16-sgd 2 2 2 false
resume vit_micro-bf16-sgd 3 1 1 true
mesh resnet-fp32-adamw 1 2 1 false
mesh resnet-bf16-sgd 3 1 1 false
mesh densenet-fp32-sgd 2 1 2 true
resume densenet-fp32-sgd 1 1 1 false
read densenet-fp32-sgd 1 1 1 false
mesh deit-fp32-adamw 2 1 2 false
resume deit-fp32-adamw 1 2 1 true
END
}

# --- runs ---

# run BIN SOURCE OUT CODE RANKS OPTION...: runs pwf_dist into OUT, log in OUT.log; fails unless it ends with CODE.
run() {
    local bin=$1 out=$2 want=$3 ranks=$4 code=0 option options=()
    shift 4
    for option in "$@"; do
        case $option in *=*) options+=(--set "$option") ;; *) options+=("$option") ;; esac
    done
    timeout -k 5 1200 mpirun --oversubscribe --bind-to none -n "$ranks" "$bin/pwf_dist" "${options[@]}" \
        --output "$out" >"$out.log" 2>&1 </dev/null || code=$?
    [ "$code" = "$want" ] || { echo "exit code $code instead of $want: $(grep -m 1 'level=error' "$out.log")"; return 1; }
}

# first_result CASE: sets $reference, the folder with what the first edition made of the case: run, an
# uninterrupted run; stopped, one that was stopped; fingerprints of run. Made once, then cached.
first_result() {
    local settings key config
    settings_of "$1" "$first"
    key=$1-$(printf '%s\n' "${settings[@]}" | sha256sum | cut -c 1-12)
    reference=$results/$key
    exec 8>"$reference.lock"
    flock 8
    if [ ! -e "$reference/done" ]; then
        rm -rf "$reference" && mkdir -p "$reference"
        run "$first_bin" "$reference/run" 0 1 -c "$config" "${settings[@]}" || return 1
        run "$first_bin" "$reference/stopped" 75 2 -c "$config" "${settings[@]}" parallel.shards=2 \
            checkpoint.stop_after=5 || return 1
        fingerprints "$first_bin" "$reference/run" >"$reference/fingerprints"
        touch "$reference/done"
    fi
    exec 8>&-
}

fingerprints() { # fingerprints BIN DIR: of the last checkpoint and of the model
    local file
    for file in "$(find "$2" -name 'ckpt-*.h5' | sort | tail -n 1)" "$2/model.h5"; do
        echo "${file##*/} $("$1/pwf" inspect "$file" --json | grep -o '"fingerprint": "[^"]*"')"
    done
}

# --- comparison ---

# The rows of metrics.jsonl without times, rates and memory.
rows() {
    grep -vE '"kind": "(memory|checkpoint)"' "$1" |
        sed -E 's/"(seconds|round_seconds|extra_bytes|[a-z_]*_per_second|[a-z_]*_share)": [^,}]*//g'
}

first_row() { # first_row A B: the first row of the metrics that differs, and the members in which it does
    awk '
        function value(row, key,   at, text) {
            at = index(row, "\"" key "\": ")
            if (!at) return "absent"
            text = substr(row, at + length(key) + 4)
            sub(/(, "|}).*/, "", text)
            return text
        }
        NR == FNR { want[++count] = $0; next }
        want[FNR] != $0 {
            members = split(want[FNR], part, /[{,] *"/)
            for (i = 2; i <= members; i++) {
                key = part[i]; sub(/".*/, "", key)
                if (value(want[FNR], key) != value($0, key)) list = list " " key
            }
            printf "metrics.jsonl row %d, step %s:%s\n", FNR, value($0, "step"), list
            found = 1
            exit
        }
        END { if (!found && FNR != count) printf "metrics.jsonl has %d rows instead of %d\n", FNR, count }
    ' <(rows "$1/metrics.jsonl") <(rows "$2/metrics.jsonl")
}

# difference REFERENCE RUN BIN: prints where the run first differs from the first edition's, or nothing.
difference() {
    local reference=$1 run=$2 bin=$3 file name text
    text=$(first_row "$reference/run" "$run")
    [ -z "$text" ] || { echo "$text"; return; }
    text=$(cmp "$reference/run/rounds.csv" "$run/rounds.csv" 2>&1) ||
        { echo "rounds.csv: ${text##*: differ: }"; return; }
    for file in "$reference"/run/*.h5; do
        name=${file##*/}
        [ -e "$run/$name" ] || { echo "$name is missing"; return; }
        text=$(h5diff --exclude-path /run "$file" "$run/$name" 2>&1) ||
            { echo "$name: $(grep -m 1 -oE '<[^>]*>' <<<"$text" || head -n 1 <<<"$text")"; return; }
    done
    text=$(diff "$reference/fingerprints" <(fingerprints "$bin" "$run")) ||
        { echo "fingerprint of $(grep -m 1 -oE '(ckpt|model)[^ ]*' <<<"$text")"; return; }
    cmp -s "$reference/run/model.pwf" "$run/model.pwf" || { echo "model.pwf"; return; }
}

top1() { grep '"final": true' "$1/metrics.jsonl" | grep -oE '"top1": [^,}]*' | head -n 1 | cut -d ' ' -f 2; }

# read_files REFERENCE OUT: this tree inspects, verifies, exports and evaluates files of the first edition.
read_files() {
    local reference=$1 out=$2 text file
    mkdir "$out"
    text=$(diff "$reference/fingerprints" <(fingerprints "$present_bin" "$reference/run")) ||
        { echo "fingerprint of $(grep -m 1 -oE '(ckpt|model)[^ ]*' <<<"$text")"; return; }
    "$present_bin/pwf" verify "$reference/run" >"$out/log" 2>&1 || { echo "verify: $(grep -m 1 BAD "$out/log")"; return; }
    "$present_bin/pwf" export "$reference/run/model.h5" -o "$out/model.pwf" >"$out/log" 2>&1 || true
    cmp -s "$reference/run/model.pwf" "$out/model.pwf" || { echo "export to model.pwf"; return; }
    for file in model.h5 model.pwf model.safetensors; do
        "$present_bin/pwf" inspect "$reference/run/$file" >"$out/log" 2>&1 || { echo "inspect $file"; return; }
    done
    text=$("$present_bin/pwf" eval "$reference/run/model.h5" --json 2>"$out/log" | grep -oE '"top1": [^,}]*' | cut -d ' ' -f 2)
    [ "$text" = "$(top1 "$reference/run")" ] || { echo "eval: top1 $text"; return; }
}

# row NUMBER KIND CASE RANKS THREADS SHARDS RECOMPUTE: one row of the table, to $runs/NUMBER.row.
row() {
    local number=$1 kind=$2 case=$3 ranks=$4 threads=$5 shards=$6 recompute=$7
    local out=$runs/$number where='' reference='' accuracy='-' config settings=()
    local mesh=("parallel.threads=$threads" "parallel.shards=$shards" "parallel.recompute=$recompute")
    if where=$(first_result "$case"); then
        first_result "$case" # in this shell, for $reference
        settings_of "$case" "$([ "$kind" = first ] && echo "$first" || echo "$repository")"
        case $kind in
            first) where=$(run "$first_bin" "$out" 0 "$ranks" -c "$config" "${settings[@]}" "${mesh[@]}") && where=$(difference "$reference" "$out" "$first_bin") ;;
            mesh) where=$(run "$present_bin" "$out" 0 "$ranks" -c "$config" "${settings[@]}" "${mesh[@]}") && where=$(difference "$reference" "$out" "$present_bin") ;;
            resume)
                cp -r "$reference/stopped" "$out"
                where=$(run "$present_bin" "$out" 0 "$ranks" --resume checkpoint.stop_after=0 "${mesh[@]}") &&
                    where=$(difference "$reference" "$out" "$present_bin") ;;
            read) where=$(read_files "$reference" "$out") ;;
        esac || true
        accuracy=$(top1 "$reference/run")
    else
        where="first edition: $where"
    fi
    printf '%-26s %-7s %5s  %6s  %-9s  %-6s  %s\n' "$case" "$kind" "${ranks}x$threads" "$shards" "$recompute" \
        "$accuracy" "${where:+DIFFERENT: }${where:-same}" >"$runs/$number.row"
    if [ -z "$where" ]; then rm -rf "$out" "$out.log"; fi
}

SECONDS=0
count=0
mapfile -t lines < <("${form}_rows" | grep -E "$match")
for line in "${lines[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    # shellcheck disable=SC2086
    row "$(printf '%04d' $count)" $line &
    count=$((count + 1))
done
wait
printf '%-26s %-7s %5s  %6s  %-9s  %-6s  %s\n' case kind mesh shards recompute top1 result
cat "$runs"/*.row
bad=$(cat "$runs"/*.row | grep -c DIFFERENT || true)
echo "$count runs, $bad different from the first edition; $SECONDS s"
if [ "$bad" != 0 ]; then
    trap - EXIT
    echo "The runs that differ are in $runs"
    exit 1
fi
