#!/usr/bin/env bash
# The published experiment on a DeiT-Tiny in full size, shortened to four steps a phase, over JPEG files
# of a thousand classes: weights of a safetensors file in, all ten rounds with a stop in the middle, both
# forms out.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
parameters=5717416 posterior=5669800

pwf() { # pwf LOG COMMAND...: output to LOG, exit code in $code
    code=0
    timeout -k 5 120 "$PWF_BIN_DIR/pwf" "${@:2}" >"$1" 2>&1 </dev/null || code=$?
}

"$PWF_BIN_DIR/../tests/synthetic_tree" tree 1000 1 1 3
export PWF_DATA_PATH=tree
short=(--set data.train_limit=32 --set data.test_limit=8 --set train.batch=8 --set parallel.slots=2
    --set eval.samples=1 --set eval.batch=4 --set log.interval=1
    --set fixing.first_epochs=1 --set fixing.epochs=1)

# All published settings fit the images; a model of each name is built.
for config in "$PWF_SOURCE_DIR"/configs/{deit,resnet}*.yaml; do
    name=$(basename "$config" .yaml)
    dist 2 "check-$name.log" -c "$config" --check
    expect 0 "--check of $name"
    says "check-$name.log" "1000 training and 1000 test images from tree"
    says "check-$name.log" "10 rounds, the first after 1 steps and each later one after 23"
done

# Random weights after one step of ordinary training, so that none has its start value.
config=$PWF_SOURCE_DIR/configs/deit_tiny.yaml
dist 2 random.log -c "$config" --output random "${short[@]}" --set train.baseline_epochs=1 \
    --set checkpoint.stop_after=1
expect 75 "one step from random weights"
pwf random-out.log export "$(newest random)" -o random.safetensors
expect 0 "random weights out"
rm -r random
pwf import.log import random.safetensors --model deit_tiny_patch16_224 -o deit_tiny.h5
expect 0 "import"
says import.log "$parameters parameters of deit_tiny_patch16_224"
pwf back.log export deit_tiny.h5 -o back.safetensors
expect 0 "and out again"
bytes=$((4 * parameters))
check "an import changes no value" \
    cmp <(tail -c $bytes random.safetensors) <(tail -c $bytes back.safetensors)

# The experiment, stopped in the fifth phase and resumed with two shards.
dist 2 run.log -c "$config" --output run "${short[@]}" --set model.init=deit_tiny.h5 \
    --set checkpoint.stop_after=18
expect 75 "stopped in the middle"
says run.log "$parameters parameters, $posterior of them posterior"
says run.log "start weights from deit_tiny.h5"
rm deit_tiny.h5
dist 2 run2.log --resume auto --output run --set checkpoint.stop_after=0 --set parallel.shards=2
expect 0 "resumed and finished"
says run2.log "round 10 of 10: $posterior of $posterior weights fixed"
check "40 steps" test "$(grep -c '"kind": "step"' run/metrics.jsonl)" = 40
check "10 rounds" test "$(grep -c '"kind": "round"' run/metrics.jsonl)" = 10
check "the table says all fixed" grep -q "^100.00 % of 5,669,800 weights fixed" run/summary.txt

# Both exports. Every weight is on a sum of at most four powers of two from 2^-7 up, as counted in the
# file's own codebook and in the values themselves.
pwf plain.log export run/model.h5 -o model.safetensors
expect 0 "plain form"
pwf packed.log export run/model.h5 -o model.pwf
expect 0 "compact form"
says packed.log "(+0.0"
"$PWF_BIN_DIR/../tests/unpack" model.pwf >values
check "all parameters are in the compact form" test "$(stat -c %s values)" = $bytes
check "both forms have the same values" cmp values <(tail -c $bytes model.safetensors)
cat >powers.awk <<'EOT'
function powers(n, k) { n = n < 0 ? -n : n; k = 0; while (n > 0) { k += n % 2; n = int(n / 2) } return k }
EOT
cat >codebook.awk <<'EOT'
/"centres": \[/ { inside = 1 }
inside && /"entry":/ { bad += powers($2 + 0) > 4; entries++ }
inside && /"weights":/ { weights += $2 }
END {
    print entries + 0, "values,", bad + 0, "bad,", weights + 0, "weights"
    exit !(entries > 0 && bad == 0 && weights == all)
}
EOT
cat >values.awk <<'EOT'
{ n = $1 * 128 }
n == int(n) && powers(n) <= 4 { on++ }
END { print on + 0 }
EOT
for file in run/model.h5 model.pwf; do
    pwf page.json inspect "$file" --json
    expect 0 "inspect $file"
    check "the codebook of $file" awk -v all=$posterior -f powers.awk -f codebook.awk page.json
done
check "values on sums of powers of two" \
    test "$(od -An -v -tfF -w4 values | awk -f powers.awk -f values.awk)" -ge $posterior
cat packed.log
finish
