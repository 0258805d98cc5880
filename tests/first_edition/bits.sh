#!/usr/bin/env bash
# The results of the first edition, to the last bit: small runs on the plain back end, which give the same
# bits on every processor, against a committed list; a run that the first edition stopped; its
# configuration file and its compact network file. tests/same_bits.sh compares the other back ends.
set -euo pipefail
# shellcheck source=tests/first_edition/lib.sh
source "$PWF_SOURCE_DIR/tests/first_edition/lib.sh"
rm -rf ./*

run_cases >found.txt 2>run_cases.log
check "fingerprints" diff "$here/fingerprints.txt" found.txt
check "all cases end" test ! -s run_cases.log

# Resumed, with another number of ranks, a stopped run ends as the uninterrupted one.
cp -r "$here/stopped" stopped
dist 1 resumed.log --resume --output stopped --set checkpoint.stop_after=0 --set parallel.threads=2 \
    --set fixing.export=last
expect 0 "resume of a stopped run"
list resnet-adamw stopped >resumed.txt
check "a resumed run" diff <(grep '^resnet-adamw' "$here/fingerprints.txt") resumed.txt

# The stored configuration is a configuration file, too.
dist 1 config.log -c "$here/stopped/config.yaml" --output config --set checkpoint.stop_after=0 \
    --set fixing.export=last
expect 0 "the stored configuration"
list resnet-adamw config >config.txt
check "a run from the stored configuration" diff <(grep '^resnet-adamw' "$here/fingerprints.txt") config.txt

# The compact form: read, evaluated, and written again with the same bytes.
tool 1 inspect.log inspect "$here/model.pwf"
expect 0 "inspect model.pwf"
tool 1 eval.json eval "$here/model.pwf" -c "$here/stopped/config.yaml" --json
expect 0 "eval model.pwf"
says eval.json "\"top1\": $(sed -n 's/^resnet-adamw top1 //p' "$here/fingerprints.txt")"
check "model.pwf" cmp <(pwf_bytes "$here/model.pwf") <(pwf_bytes stopped/model.pwf)
finish
