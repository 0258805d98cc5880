#!/usr/bin/env bash
# Documentation: links and anchors exist, named functions are in the file they link to, paths of pages named in
# the sources exist, every page is in the index, lines have at most 130 characters outside tables and program
# text, and the metrics rows and the steps of a commit are described.
set -euo pipefail
bad=0
complain() { echo "$1"; bad=1; }
mapfile -t pages < <(find docs ./*.md -name '*.md')

# The anchors of a page, as GitHub makes them from headings.
anchors() {
    grep -E '^#+ ' "$1" | sed -E 's/^#+ +//; s/`//g; s/\[([^]]*)\]\([^)]*\)/\1/g' | tr '[:upper:]' '[:lower:]' |
        sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

for page in "${pages[@]}"; do
    if grep -vE '^(\||    )' "$page" | LC_ALL=C.UTF-8 grep -nE '^.{131,}$'; then
        complain "$page: lines of more than 130 characters"
    fi
    while IFS=$'\t' read -r text target; do
        file=${target%%#*} anchor=''
        case $target in
        http:* | https:* | mailto:*) continue ;;
        *'#'*) anchor=${target#*#} ;;
        esac
        if [ -z "$file" ]; then file=$page; else file=$(dirname "$page")/$file; fi
        if [ ! -e "$file" ]; then
            complain "$page: no file for the link $target"
        elif [ -n "$anchor" ] && ! anchors "$file" | grep -qxF "$anchor"; then
            complain "$page: no heading for the link $target"
        elif [[ $file == *.[ch] && $text =~ ^\`([a-z_0-9]+)\`$ ]] && ! grep -qw "${BASH_REMATCH[1]}" "$file"; then
            complain "$page: ${BASH_REMATCH[1]} is not in $file"
        fi
    done < <(grep -v '^    ' "$page" | grep -oE '\[[^]]*\]\([^) ]+\)' | sed -E 's/^\[([^]]*)\]\(([^)]+)\)$/\1\t\2/')
done

while IFS=: read -r file path; do
    [ -e "$path" ] || complain "$file names $path, which does not exist"
done < <(grep -roE --exclude-dir=corpus 'docs/[a-z/_-]+\.(md|svg)' src include tests jobs slurm configs CMakeLists.txt)

while read -r page; do
    grep -qF "(${page#docs/})" docs/index.md || complain "docs/index.md has no link to $page"
done < <(find docs -mindepth 2 -name '*.md')

# Facts that the program knows.
while read -r kind; do
    grep -qE "(^### |^\| \`)$kind\b" docs/reference/metrics.md || complain "docs/reference/metrics.md lacks $kind"
done < <(grep -rhoE '"kind", "[a-z]+"' src/report src/train | sed -E 's/.*"([a-z]+)"$/\1/')
while read -r field; do
    grep -qF "\`$field\`" docs/reference/checkpoint-format.md ||
        grep -qF "/$field\`" docs/reference/checkpoint-format.md ||
        complain "docs/reference/checkpoint-format.md lacks $field"
done < <(sed -nE 's#^ *\{"(/[a-z]+)?/([a-z_]+)", PWF_FIELD.*#\2#p' src/ckpt/fields.c)
# The picture shows the rooms of the link graph.
while read -r room; do
    grep -q ">$room</text>" docs/explanation/architecture.svg ||
        complain "docs/explanation/architecture.svg lacks $room: bash cmake/room_graph.sh docs/explanation/architecture.svg"
    grep -q "\`$room\`" docs/explanation/architecture.md || complain "docs/explanation/architecture.md lacks $room"
done < <(find src -mindepth 1 -maxdepth 1 -type d -printf '%f\n')
# shellcheck disable=SC2016
while read -r step; do
    grep -qw "$step" src/ckpt/*.c || complain "docs/explanation/checkpoints.md: no step $step in src/ckpt"
done < <(sed -nE 's/^\| `([a-z_]+)` \| (rank 0|writers|all) \|.*/\1/p' docs/explanation/checkpoints.md)
exit $bad
