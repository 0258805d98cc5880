#!/usr/bin/env bash
# Documentation: links and anchors exist, named functions are in the file they link to, paths of pages named in
# the sources exist, lines have at most 130 characters outside tables, and each exit code and metrics row is
# described.
set -euo pipefail
bad=0
complain() { echo "$1"; bad=1; }
mapfile -t pages < <(find docs README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md -name '*.md')

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
done < <(grep -roE --exclude-dir=corpus 'docs/[a-z/_-]+\.(md|svg)' src include tests jobs slurm configs cmake CMakeLists.txt)

# Facts that the program knows.
while read -r kind; do
    grep -qE "(^### |^\| \`)$kind\b" docs/reference/metrics.md || complain "docs/reference/metrics.md lacks $kind"
done < <(grep -rhoE '"kind", "[a-z]+"' src/report src/train | sed -E 's/.*"([a-z]+)"$/\1/')
# shellcheck disable=SC2016
while read -r step; do
    grep -qw "$step" src/ckpt/*.c || complain "docs/explanation/checkpoints.md: no step $step in src/ckpt"
done < <(sed -nE 's/^\| `([a-z_]+)` \| (rank 0|writers|all) \|.*/\1/p' docs/explanation/checkpoints.md)
exit $bad
