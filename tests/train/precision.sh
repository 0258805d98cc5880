#!/usr/bin/env bash
# parallel.precision: the meaning of auto, the precision of a resumed run, refused combinations, and that
# evaluations of a run are in fp32. The bits of bf16 on many meshes are in mesh.sh.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
few=(--set fixing.fractions=[1] --set fixing.first_epochs=0.2)

# auto, on a machine with and without instructions for bf16.
able=fp32
if grep -qw avx512_bf16 /proc/cpuinfo && grep -qw avx512dq /proc/cpuinfo; then able=bf16; fi
while read -r ranks backend precision now; do
    dist "$ranks" "$backend-$precision.log" --check -c "$tiny" --output none \
        --set parallel.backend="$backend" --set parallel.precision="$precision"
    expect 0 "$precision with $backend"
    says "$backend-$precision.log" "; training in $now"
done <<EOT
2 auto auto $able
1 onednn auto $able
1 openblas auto fp32
1 plain auto fp32
1 auto fp32 fp32
1 plain bf16 bf16
1 auto bf16 bf16
EOT
dist 2 refused.log --check -c "$tiny" --output none --set parallel.backend=openblas --set parallel.precision=bf16
expect 78 "OpenBLAS in bf16"
says refused.log "parallel.precision bf16 is not available with parallel.backend openblas"
dist 1 dry.log --dry-run -c "$tiny" --set parallel.precision=bf16
expect 0 "what bf16 costs"
says dry.log "training in bf16"

# A resumed run keeps its precision, even if auto would choose another one now.
bf16=(--set parallel.precision=bf16)
dist 1 whole.log -c "$tiny" --output whole "${few[@]}" "${bf16[@]}"
expect 0 "in bf16"
dist 2 life1.log -c "$tiny" --output lives "${few[@]}" "${bf16[@]}" --set parallel.shards=2 --set checkpoint.stop_after=5
expect 75 "in bf16, stopped"
dist 1 other.log --resume --output lives --set parallel.precision=fp32
expect 78 "going on in fp32"
says other.log "parallel.precision is bf16 in the stored configuration but fp32 now"
dist 3 life2.log --resume --output lives --set parallel.shards=3 --set parallel.precision=auto \
    --set checkpoint.stop_after=0 --set parallel.threads=2
expect 0 "in bf16, resumed"
says life2.log "training in bf16"
same_rows whole lives
same_state whole lives
dist 1 single.log -c "$tiny" --output single "${few[@]}"
expect 0 "in fp32"
check "bf16 and fp32 are not the same" test "$(grep -c . <(comm -12 <(rows whole/metrics.jsonl | sort) \
    <(rows single/metrics.jsonl | sort) | grep '"kind": "step"'))" = 0
for run in whole:bf16 single:fp32; do
    says "${run%:*}/config.yaml" "precision: ${run#*:} "
    tool 1 inspect.log inspect "${run%:*}/model.h5"
    expect 0 "a look at ${run%:*}"
    says inspect.log "${run#*:} in training"
done

# A run evaluates in fp32, also after training in bf16; pwf eval names any other precision.
measures() { sed 's/[,{}]/\n/g' "$1" | sed 's/^ *//' | sort | grep -E '^"(top1|top5|loss|ece|unique|entropy)": '; }
grep '"final": true' whole/metrics.jsonl >final
tool 1 record.json eval whole/model.h5 --json
expect 0 "of record"
check "measured again" cmp <(measures final) <(measures record.json)
says record.json '"precision": "fp32"'
tool 1 fast.json eval whole/model.h5 --json --precision bf16
expect 0 "in bf16"
says fast.json '"precision": "bf16"'
tool 2 fast2.json eval whole/model.h5 --json --precision bf16 --set parallel.threads=2
expect 0 "in bf16 on two ranks"
check "the same on two ranks" cmp <(measures fast.json) <(measures fast2.json)
check "not those of fp32" test "$(cmp <(measures record.json) <(measures fast.json) | wc -l)" = 1
tool 1 page.log eval whole/model.h5 --precision bf16
expect 0 "a page of bf16"
says page.log "Matrix-product inputs were rounded to bf16"
tool 1 none.log eval whole/model.h5 --precision fp16
expect 64 "no such precision"
tool 1 none.log eval whole/model.h5 --precision bf16 --set parallel.backend=openblas
expect 78 "OpenBLAS measured in bf16"
finish
