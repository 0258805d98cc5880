# Checkpoints of another run: refused with the name of what differs, and nothing is written.
# shellcheck shell=bash disable=SC2034,SC2154
title="a checkpoint of another network, data, version"
units="3 all all"

setup() {
    local file
    whole_run
    mkdir images example
    cp /usr/share/datasets/fashion-mnist/* images
    # Another label of the last training image.
    file=images/train-labels-idx1-ubyte
    [ ! -e $file.gz ] || gunzip $file.gz
    printf '\x07\x07\x07' | dd of=$file bs=1 seek=1000 conv=notrunc status=none
    [ -e /usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte ] || gzip -n $file
    "$PWF_TEST_PROGRAMS/ckpt_program" 1 write example 30 30
    cat >list.txt <<'END'
65 images --set data.path=../images
78 data.train_limit --set data.train_limit=1000
78 model.widths --set model.widths=[8,32]
78 train.seed --set train.seed=9
78 parallel.slots --set parallel.slots=16
78 fixing.min_power --set fixing.min_power=-9
78 optim.lr --set optim.lr=0.5
65 newer newer
78 model.name example
65 model model
66 ckpt-0000000099.h5 missing
END
}

unit() {
    local want word what setting file
    read -r want word what setting <<<"$2"
    rm -rf run before run.log
    cp -r whole run
    file=$(newest run)
    set -- --resume auto --output run
    case $what in
    newer) # the only checkpoint
        find run -name '*.h5' ! -name "${file#run/}" -delete
        "$PWF_TEST_PROGRAMS/test_damage" newer "$file"
        ;;
    example) cp example/ckpt-*.h5 run && set -- "${settings[@]}" "$@" ;;
    model) set -- --resume run/model.h5 ;;
    missing) set -- --resume run/ckpt-0000000099.h5 ;;
    *) set -- "$@" "$what" "${setting/..\//$PWD/}" ;;
    esac
    cp -r run before
    dist 2 run.log "$@"
    expect "$want" "$what $setting"
    says run.log "$word"
    rm -f run/.pwf.lock
    check "a refused run changed the directory" diff -r before run
    case_is refused "$what $setting"
}
