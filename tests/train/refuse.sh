#!/usr/bin/env bash
# Mistakes of a user end with the right exit code and a message, and nothing is lost.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml

dist 2 run.log -c "$tiny" --output run --set checkpoint.every=4 --set checkpoint.stop_after=9
expect 75 "a run to begin with"
cp -r run good

dist 1 usage.log --nonsense; expect 64 "unknown option"; says usage.log "--nonsense"
dist 1 usage2.log -c; expect 64 "option without a value"
dist 1 noconfig.log -c none.yaml; expect 66 "missing file"; says noconfig.log none.yaml
dist 1 key.log -c "$tiny" --set optim.lrr=1; expect 78 "unknown key"; says key.log "optim.lr"
PWF_OPTIM_LR=x dist 1 env.log -c "$tiny" --output o; expect 78 "bad variable"; says env.log PWF_OPTIM_LR
dist 2 shards.log -c "$tiny" --output o --set parallel.shards=3; expect 78 "3 shards on 2 ranks"
dist 4 workers.log -c "$tiny" --output o --set parallel.threads=3; expect 69 "more workers than slots"
dist 1 data.log -c "$tiny" --output o --set data.path=nowhere; expect 66 "no data"; says data.log nowhere
check "a run that cannot begin leaves nothing" test ! -e o
dist 2 nodata.log --output o; expect 78 "no data named"; says nodata.log PWF_DATA_PATH
dist 2 busy.log -c "$tiny" --output run; expect 73 "fresh start over checkpoints"; says busy.log --resume
dist 2 absent.log --resume run/ckpt-0000009999.h5; expect 66 "named checkpoint missing"
dist 2 differs.log --resume "$(newest run)" --set optim.lr=0.5; expect 78 "another learning rate"
says differs.log optim.lr
dist 1 check.log -c "$tiny" --output o --check; expect 0 "--check"
check "--check writes nothing" test ! -e o
dist 2 dry.log -c "$tiny" --output o --dry-run; expect 0 "--dry-run"; says dry.log "per node     moved"
activations() { awk '$1 == "nodes" { getline; print $7; exit }' "$1"; } # of one rank, MiB
for recompute in false true; do
    dist 1 recompute-$recompute.log -c "$tiny" --output o --dry-run --set eval.batch=1 \
        --set parallel.recompute=$recompute
    expect 0 "--dry-run with parallel.recompute $recompute"
done
check "parallel.recompute saves no memory" awk "BEGIN { exit !(0 < $(activations recompute-true.log) &&
    $(activations recompute-true.log) < $(activations recompute-false.log)) }"
dist 2 calibrate.log -c "$tiny" --output o --dry-run --calibrate; expect 0 "--calibrate"
says calibrate.log "ms per slot"
check "--dry-run writes nothing" test ! -e o
dist 2 checkbusy.log -c "$tiny" --output run --check; expect 73 "--check of a run that would be refused"
dist 1 checkmore.log --resume --output run --check; expect 0 "--check of a resumed run"
says checkmore.log "resuming from run/"
dist 2 folder.log --resume run; expect 65 "a directory for a checkpoint"; says folder.log "--resume auto --output run"
dist 2 empty.log --resume= --output run; expect 64 "an empty name for a checkpoint"
dist 1 help.log --help; expect 0 "--help"; says help.log fixing.delta; says help.log "70  a bug in pwf"
code=0
(trap '' PIPE; sleep 0.3; "$PWF_BIN_DIR/pwf_dist" --help 2>pipe.log || echo $? >pipe.code) | true
check "--help into a closed pipe ends quietly" test ! -s pipe.log -a ! -e pipe.code
dist 1 near.log --ouptut x; expect 64 "a mistyped option"; says near.log "did you mean --output?"
dist 1 version.log --version; expect 0 "--version"; says version.log oneDNN
check "nothing changed" diff -r run good

printf '\377' | dd of="$(newest run)" bs=1 seek=$(($(stat -c %s "$(newest run)") / 2)) conv=notrunc status=none
verify() { code=0; "$PWF_BIN_DIR/pwf" verify "$@" >verify.log 2>&1 || code=$?; }
verify good; expect 0 "a good run verified"
check "all of it" test "$(grep -c '^good ' verify.log)" = "$(find good -name '*.h5' | wc -l)"
verify run; expect 65 "a bad checkpoint among good ones"
check "one is bad" test "$(grep -c '^BAD ' verify.log)" = 1
verify "$(newest good)"; expect 0 "a good file verified"
verify "$tiny"; expect 65 "something else verified"
verify none; expect 66 "nothing verified"
verify .; expect 66 "a directory without checkpoints"

# Non-finite numbers are noticed by all ranks and never saved.
dist 2 nan.log -c "$tiny" --output nan --set train.baseline_lr=10 --set optim.clip_norm=0 \
    --set optim.weight_decay=1 --set train.baseline_epochs=3 --set train.baseline_schedule=constant
expect 76 "weights that explode"
check "nothing was saved" test -z "$(newest nan)"
finish
