#!/usr/bin/env bash
# pwf eval measures exactly what the run measured, on any mesh and from every file format; pwf predict
# gives the logits from which it is computed.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml

dist 2 run.log -c "$tiny" --output run --set eval.ensemble=all --set parallel.shards=2
expect 0 "a run"

measures() { # measures FILE: its members that are measures, sorted, a line each
    sed 's/[,{}]/\n/g' "$1" | sed 's/^ *//' | sort |
        grep -E '^"(top1|top5|loss|ece|ensemble_[a-z0-9]*|unique|entropy|entropy_nonzero|fixed|step|round|weights)": '
}

row() { # row SELECTION FILE: an evaluation of the run
    grep '"kind": "evaluation"' run/metrics.jsonl | grep -- "$1" >"$2"
}

same_measures() { # same_measures "what" ROW RESULT
    check "$1" cmp <(measures "$2") <(measures "$3")
}

row '"round": 0' row0; row '"round": 1' row1; row '"final": true' final
check "three different evaluations" test "$(cat row0 row1 final | sort -u | wc -l)" = 3
check "all of them with every measure" test "$(cat row0 row1 final | while read -r one; do
    measures <(echo "$one"); done | wc -l)" = 42

# Every checkpoint with its ensemble, on meshes other than that of the run.
tool 1 0.json eval run/round-00.h5 --ensemble --json; expect 0 "before the first round"
same_measures "before the first round" row0 0.json
tool 3 1.json eval run/round-01.h5 --ensemble --json --set parallel.threads=2; expect 0 "a round"
same_measures "after the first round" row1 1.json
tool 4 end.json eval "$(newest run)" --ensemble --json --set parallel.shards=4; expect 0 "the end"
same_measures "at the end" final end.json

# Other formats have no posterior. .pwf files and weights of other programs need the settings.
sed 's/"ensemble_[a-z0-9]*": [^,]*, //g' final >means
sed 's/"fixed": [^,]*, //g; s/"step": [0-9]*/"step": 0/; s/"round": [0-9]*/"round": 0/' means >values
sed 's/"fixed"/"step": 0, "round": 0, "fixed"/; s/"step": [1-9][0-9]*, //; s/"round": 2, //' means >codes
tool 1 model.json eval run/model.h5 --json; expect 0 "the model"
same_measures "of the model" means model.json
tool 1 out.log export run/model.h5 -o model.safetensors
tool 1 out.log export run/model.h5 -o model.pwf
tool 2 plain.json eval model.safetensors --json; expect 0 "safetensors with the settings of the run"
same_measures "of safetensors" values plain.json
tool 1 packed.json eval model.pwf --json -c "$tiny"; expect 0 "the compact form"
same_measures "of the compact form" codes packed.json
tool 1 page.log eval run/model.h5 --set data.test_limit=100 --set eval.bins=5; expect 0 "a page"
says page.log "resnet on 100 test images from /usr/share/datasets/fashion-mnist"
says page.log "fixed               100.00 %"

# Logits of the same images give the same accuracy; the file is the same from every mesh.
"$PWF_BIN_DIR/../tests/normalised" "$tiny" images.h5 >labels
tool 1 top5.log predict run/model.h5 -i images.h5 -o logits.h5 --top5; expect 0 "predictions"
says top5.log "logits of 250 images for 10 classes of resnet"
tool 3 again.log predict run/model.h5 -i images.h5 -o again.h5 --set parallel.threads=2 --set parallel.shards=3
expect 0 "on three ranks"
check "three ranks write the same file" cmp logits.h5 again.h5
tool 2 ckpt.log predict "$(newest run)" -i images.h5 -o again.h5; expect 0 "of a checkpoint"
check "a checkpoint says the same" cmp logits.h5 again.h5
tool 1 packed.log predict model.pwf -i images.h5 -o again.h5 -c "$tiny"; expect 0 "of the compact form"
check "the compact form says the same" cmp logits.h5 again.h5
shares=$(paste -d ' ' labels <(grep -E '^[0-9]+  ' top5.log) | awk '
    { for (f = 3; f <= 15; f += 3) if ($f == $1) { top5++; if (f == 3) top1++ } }
    END { printf "\"top1\": %.9g \"top5\": %.9g", top1 / NR, top5 / NR }')
check "top-1 and top-5 of the predictions" test "$shares" = \
    "$(grep '"top' model.json | tr -d ',\n' | sed 's/^ *//; s/  */ /g')"

# refused CODE "text" COMMAND...: the command ends with CODE, its message contains the text, and it prints
# nothing.
refused() {
    tool "${ranks:-1}" refused "${@:3}"
    expect "$1" "$2"
    says refused.err "$2"
    check "$2: nothing on the standard output" test ! -s refused
}
refused 64 "no MODEL given" eval
refused 64 "unknown option --jsn; did you mean --json" eval run/model.h5 --jsn
refused 64 "unexpected argument 'run/model.h5'" eval run/model.h5 run/model.h5
refused 64 "--set needs an argument, KEY=VALUE" eval run/model.h5 --set
ranks=2 refused 65 "no sigma to draw weights with" eval run/model.h5 --ensemble
refused 65 "differs from that in the model of the settings" eval model.pwf --set data.path=/usr/share/datasets/fashion-mnist \
    --set model.channels=1 --set model.classes=10 --set model.image_size=28 --set data.mean=0.3 --set data.std=0.3
refused 64 "does not name its model" eval "$PWF_SOURCE_DIR/tests/formats/golden/f32.pth"
refused 65 "pwf import with the same model lists each" eval "$PWF_SOURCE_DIR/tests/formats/golden/f32.pth" -c "$tiny"
ranks=2 refused 66 "none.h5" eval none.h5
ranks=2 refused 66 "nowhere" eval run/model.h5 --set data.path=nowhere
refused 78 "resnet18" eval "$PWF_SOURCE_DIR/tests/formats/golden/f32.pth" --model resnet81
refused 64 "no -o given" predict run/model.h5 -i images.h5
refused 64 "would replace the input" predict run/model.h5 -i images.h5 -o run/../images.h5
refused 73 "nowhere" predict run/model.h5 -i images.h5 -o nowhere/x.h5
refused 65 "has no dataset images" predict run/model.h5 -i run/model.h5 -o x.h5
refused 66 "none.h5" predict run/model.h5 -i none.h5 -o x.h5
check "nothing is left of a failed prediction" test -z "$(find . -name '*x.h5*')"
refused 65 "labels is not an HDF5 file" predict run/model.h5 -i labels -o x.h5
refused 78 "images of an image folder have 3 channels" predict run/model.h5 -i run -o x.h5
head -c 5000 run/model.h5 >cut.h5
refused 65 "cut.h5" eval cut.h5

# Image files: in the class folders of the run, and in a folder without classes.
"$PWF_BIN_DIR/../tests/synthetic_tree" tree 4 8 5 1
dist 2 files.log -c "$PWF_SOURCE_DIR/tests/train/images.yaml" --output files
expect 0 "a run on image files"
grep '"final": true' files/metrics.jsonl >final
tool 3 files.json eval "$(newest files)" --ensemble --json --set parallel.threads=2; expect 0 "evaluated"
same_measures "of image files" final files.json
tool 1 top5.log predict files/model.h5 -i tree/val -o logits.h5 --top5; expect 0 "a folder"
tool 3 again.log predict files/model.h5 -i tree/val -o again.h5 --set parallel.threads=2; expect 0 "on 3 x 2"
check "six workers write the same file" cmp logits.h5 again.h5
check "twenty names in order" cmp <(awk '/\.JPEG  / { print $1 }' top5.log) \
    <(cd tree/val && find . -name '*.JPEG' | sed 's/^..//' | LC_ALL=C sort)
check "the logits come with names" grep -q n00000001/n00000001_3.JPEG <(h5dump -d names logits.h5)
right=$(awk '/\.JPEG  / { right += substr($1, 9, 1) + 0 == $2 } END { print right / 20 }' top5.log)
check "top-1 of the predictions, $right" test "$(measures final | grep '^"top1')" = "\"top1\": $right"
mkdir empty mixed
refused 65 "empty has no .jpeg, .jpg or .png file" predict files/model.h5 -i empty -o x.h5
cp tree/val/n00000002/n00000002_1.JPEG mixed && head -c 100 mixed/n00000002_1.JPEG >mixed/cut.jpg
ranks=2 refused 65 "mixed/cut.jpg" predict files/model.h5 -i mixed -o x.h5
rm mixed/cut.jpg
tool 1 one.log predict files/model.h5 -i mixed -o one.h5 --top5; expect 0 "one file"
check "the same answer alone" cmp <(grep JPEG one.log | cut -d ' ' -f 3-) \
    <(grep n00000002_1.JPEG top5.log | cut -d ' ' -f 3-)
finish
