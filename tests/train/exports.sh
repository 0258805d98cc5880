#!/usr/bin/env bash
# fixing.export: both exported files of the model and of every round, as pwf export makes them, written by
# the run or later on resume; and the size of the .pwf file in the summary.
set -euo pipefail
# shellcheck source=tests/train/lib.sh
source "$PWF_SOURCE_DIR/tests/train/lib.sh"
rm -rf ./*
tiny=$PWF_SOURCE_DIR/tests/train/tiny.yaml

names() { (cd "$1" && printf '%s\n' ./*.pwf ./*.safetensors | grep -v '\*' | tr '\n' ' '); }
both="./model.pwf ./round-01.pwf ./round-02.pwf ./model.safetensors ./round-01.safetensors ./round-02.safetensors "

dist 2 all.log -c "$tiny" --output all --set fixing.export=all
expect 0 "a run that exports"
check "forms of two rounds and the model: $(names all)" test "$(names all)" = "$both"
for file in all/round-01 all/round-02 all/model; do
    for form in pwf safetensors; do
        tool 1 out.log export $file.h5 -o "by-hand.$form"
        check "$file.$form is what pwf export makes" cmp $file.$form by-hand.$form
    done
done
check "no part files" test -z "$(find all -name '.*')"

# The summary has the true size, whether or not the file is written.
bytes=$(stat -c %s all/model.pwf | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta')
says all/summary.txt "As model.pwf $bytes bytes: "
says all/summary.txt "the codes of 4,978 weights (entropy bound "
dist 1 none.log -c "$tiny" --output none
expect 0 "a run that does not"
check "nothing is exported: $(names none)" test "$(names none)" = ""
check "the same sizes" cmp <(grep model.pwf none/summary.txt) <(grep model.pwf all/summary.txt)

# Resuming a finished run writes exports that are requested later or have been deleted.
dist 2 later.log --resume --output none --set fixing.export=all
expect 0 "asked for later"
check "all forms: $(names none)" test "$(names none)" = "$both"
check "the same file" cmp none/round-01.pwf all/round-01.pwf
rm all/model.pwf all/round-02.safetensors
dist 1 again.log --resume --output all
expect 0 "what has gone"
check "comes back: $(names all)" test "$(names all)" = "$both"
check "once" test "$(grep -c code=EXPORT again.log)" = 2

# Stopped after a round; an obstacle is a warning.
dist 2 half.log -c "$tiny" --output half --set checkpoint.stop_after=13
expect 75 "stopped"
mkdir half/model.pwf
dist 3 half2.log --resume --output half --set checkpoint.stop_after=0 --set fixing.export=all
expect 0 "resumed with exports"
says half2.log "code=EXPORT_FAILED"
check "the round before is made up for" cmp half/round-01.pwf none/round-01.pwf
check "the round after is written" cmp half/round-02.pwf none/round-02.pwf
check "the same sizes again" cmp <(grep model.pwf half/summary.txt) <(grep model.pwf none/summary.txt)
rmdir half/model.pwf
dist 1 half3.log --resume --output half --set fixing.export=last
check "the model too" cmp half/model.pwf none/model.pwf
finish
