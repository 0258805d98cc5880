#!/usr/bin/env bash
# Weights of another program: import, a run that starts from them, and files that must be refused.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml
golden=$PWF_SOURCE_DIR/tests/formats/golden

pwf() { # pwf LOG COMMAND...: output to LOG, exit code in $code
    code=0
    timeout -k 5 120 "$PWF_BIN_DIR/pwf" "${@:2}" >"$1" 2>&1 </dev/null || code=$?
}

# A file that does not fit is refused tensor by tensor.
pwf list.log import "$golden/f32.safetensors" -c "$tiny" -o none.h5
expect 65 "a file of another model"
says list.log "shape    layer1.0.conv1.weight: [8, 8, 3, 3] in the model, [2, 2, 3, 3] in the file"
says list.log "missing  layer1.0.conv2.weight [8, 8, 3, 3]"
check "nothing is written" test ! -e none.h5
pwf absent.log import none.pth -c "$tiny" -o none.h5; expect 66 "no such file"
for command in inspect verify import export eval predict pack fix-round; do
    pwf help.log "$command" --help; expect 0 "pwf $command --help"
    says help.log "  pwf $command "
done
pwf usage.log import -o none.h5; expect 64 "no file named"
code=0
PWF_MODEL_NAME=resnet81 "$PWF_BIN_DIR/pwf" import "$golden/f32.pth" -o none.h5 >variable.log 2>&1 || code=$?
expect 78 "the model named by a variable"
says variable.log resnet81
pwf model.log import "$golden/f32.pth" --model resnet81 -o none.h5; expect 78 "unknown model"
says model.log resnet18

# A file as DeiT publishes it, adapted to another image size and other classes.
vit=(--model vit --set model.patch=2 --set model.width=4 --set model.depth=1 --set model.heads=1
    --set model.distilled=true --set model.channels=1 --set data.mean=0.5 --set data.std=0.5)
pwf deit.log import "$golden/distilled.pth" "${vit[@]}" --image-size 20 --classes 7 -o deit.h5
expect 0 "another size and another number of classes"
says deit.log "position embeddings for images of 14 pixels are resampled for 20"
says deit.log "the head of 3 classes in the file is left out"
pwf refused.log import "$golden/distilled.pth" "${vit[@]}" --classes 3 -o none.h5
expect 65 "another image size without a request"
says refused.log "--image-size 14 uses them as they are, --image-size 224 resamples them"

# Start weights from the model of another run. The order of the parameters may differ.
dist 1 first.log -c "$tiny" --output first --set train.baseline_epochs=0
expect 0 "a run to take weights from"
for file in first/model.h5 first/round-00.h5; do
    name=from-$(basename "$file" .h5)
    dist 1 "$name.log" -c "$tiny" --output "$name" --set model.init="$file" --set "fixing.exclude=[fc.*]"
    expect 0 "start weights from $file"
    says "$name.log" "start weights from $file"
    dist 4 "$name-4.log" -c "$tiny" --output "$name-4" --set model.init="$file" \
        --set "fixing.exclude=[fc.*]" --set parallel.shards=2
    expect 0 "start weights from $file on 2 x 2"
    same_rows "$name" "$name-4"
    same_state "$name" "$name-4"
done
# Export: the strict round trip, and the .pwf file decoded by the stand-alone decoder.
pwf out.log export first/model.h5 -o first.safetensors; expect 0 "export"
pwf back.log import first.safetensors -c "$tiny" -o back.h5; expect 0 "and import"
check "the values come back" h5diff first/model.h5 back.h5 /mu
check "the statistics come back" h5diff first/model.h5 back.h5 /buffers
for file in first/model.h5 first/round-00.h5 first/round-01.h5; do
    pwf packed.log export "$file" -o packed.pwf; expect 0 "compact form of $file"
    pwf plain.log export "$file" -o plain.safetensors; expect 0 "plain form of $file"
    "$PWF_BIN_DIR/../tests/unpack" packed.pwf >values
    check "both forms of $file have the same values" cmp values <(tail -c "$(stat -c %s values)" plain.safetensors)
done
for file in first/round-01.h5 first/model.h5 packed.pwf plain.safetensors "$golden/ema.pth"; do
    pwf page.log inspect "$file"; expect 0 "inspect $file"
    pwf page.json inspect "$file" --json; expect 0 "inspect $file --json"
    says page.json '"kind": "'
done
pwf page.log inspect first/round-01.h5
says page.log "sigma 5 %"
says page.log "layer2.0.downsample.0.weight         128"
says page.log "codebook value"
says page.log "next             Bayesian training, 0 steps of it done"
pwf page.json inspect first/round-01.h5 --json
says page.json '"phase_text": "Bayesian training"'
says page.json '"config": "output: '
pwf page.log inspect "$golden/old_model.pth"; says page.log "under state_dict, 9 tensors"
pwf page.log inspect "$golden/ema.pth"; says page.log "under model_ema, 9 tensors"
printf 'pwfpack\n' >bad.pwf
pwf page.log inspect bad.pwf; expect 65 "a truncated compact model"
pwf form.log export first/model.h5 -o first.onnx; expect 64 "unknown form"
pwf none.log export first/none.h5 -o x.pwf; expect 66 "no such file"
pwf bad.log export first.safetensors -o x.pwf; expect 65 "not a checkpoint"

dist 2 resumed.log -c "$tiny" --output resumed --set model.init=first/model.h5 --set "fixing.exclude=[fc.*]" \
    --set checkpoint.stop_after=7
expect 75 "stopped"
mv first gone
dist 3 resumed2.log --resume --output resumed --set checkpoint.stop_after=0
expect 0 "resumed without the file"
same_state from-model resumed

dist 2 gone.log -c "$tiny" --output o --set model.init=first/model.h5; expect 66 "start weights missing"
dist 2 other.log -c "$tiny" --output o --set model.init=gone/model.h5 --set model.classes=11
expect 65 "start weights of another head"
says other.log "fc.weight"
dist 2 foreign.log -c "$tiny" --output o --set model.init="$golden/f32.pth"
expect 65 "start weights that were not imported"
says foreign.log "pwf import $golden/f32.pth --model resnet -o start.h5"
dist 1 check.log -c "$tiny" --output o --set model.init=gone/model.h5 --set model.depths=[2,1] --check
expect 65 "start weights of another model"
check "nothing was written" test ! -e o
finish
