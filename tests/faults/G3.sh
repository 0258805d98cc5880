# Image files that change before a run or while it reads them.
# shellcheck shell=bash disable=SC2034,SC2154
# shellcheck source=tests/faults/input.sh
source "$PWF_SOURCE_DIR/tests/faults/input.sh"
title="image files that vanish, change, or are not regular"
units="1 1 1"

spoil() { # spoil KIND FILE
    case $1 in
    vanishes) rm "$2" ;;
    "is cut off") truncate -s 100 "$2" ;;
    "is empty") : >"$2" ;;
    "becomes a pipe") rm "$2" && mkfifo "$2" ;;
    "becomes a directory") rm "$2" && mkdir "$2" ;;
    "becomes a link to the outside") rm "$2" && ln -s /etc/passwd "$2" ;;
    "becomes a link to nowhere") rm "$2" && ln -s nowhere "$2" ;;
    esac
}

# A job of two ranks reads images until one of them is damaged: all ranks end with one code, and the message
# names the file.
running() {
    local kind=$1 run=run file
    rm -rf tree run && cp -r good tree
    start run "code=PROGRESS" -c "$PWF_SOURCE_DIR/tests/train/images.yaml" --set train.baseline_epochs=4000 --set log.interval=5
    for file in tree/train/n00000000/*; do spoil "$kind" "$file"; done
    code=0
    wait "$group" || code=$?
    case $code in 65 | 66) ;; *) expect 65 "an image $kind" ;; esac
    says run.log "tree/train/n00000000/"
    failing=code check "ranks ended with different codes" \
        test "$(grep -o 'result=[^ ]* code=[0-9]*' run.log | sort -u | wc -l)" -le 1
    no_leftovers run
    case_is refused "an image $kind while a job reads it: $code"
}

unit() {
    local kind
    "$PWF_TEST_PROGRAMS/synthetic_tree" good 4 24 5 1
    for kind in "is cut off" "is empty" "becomes a pipe" "becomes a directory" \
        "becomes a link to the outside" "becomes a link to nowhere"; do
        rm -rf tree made && mkdir made && cp -r good tree
        spoil "$kind" tree/val/n00000000/n00000000_1.JPEG
        reader "65 66" "an image $kind before" "$PWF_BIN_DIR/pwf" pack tree -o made/out.h5 --split val --pixels 8
        says reader.log n00000000_1.JPEG
        if [ "$tier" = quick ] && [[ $kind = *link* || $kind = "is empty" ]]; then continue; fi
        running "$kind"
    done
    running vanishes
}
