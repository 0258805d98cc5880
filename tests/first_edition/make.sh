#!/usr/bin/env bash
# Made the files of this folder with a build of the first edition (commit 12fb816):
# PWF_SOURCE_DIR=REPOSITORY PWF_BIN_DIR=FIRST/build/bin make.sh, in an empty scratch folder.
set -euo pipefail
# shellcheck source=tests/first_edition/lib.sh
source "$PWF_SOURCE_DIR/tests/first_edition/lib.sh"
run_cases >"$here/fingerprints.txt"

rm -rf "$here/stopped"
case=$(grep '^resnet-adamw' "$here/cases.txt" | cut -d ' ' -f 4-)
read -ra words <<<"$case"
dist 2 stopped.log -c "$here/base.yaml" --output stopped --set checkpoint.stop_after=5 \
    --set checkpoint.keep=2 "${words[@]}"
expect 75 "the stopped run"
mkdir "$here/stopped"
cp stopped/config.yaml stopped/metrics.jsonl stopped/rounds.csv stopped/ckpt-0000000005.h5 "$here/stopped"
cp resnet-adamw/model.pwf "$here/model.pwf"
finish
