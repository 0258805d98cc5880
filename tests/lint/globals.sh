#!/usr/bin/env bash
# No mutable variables of file or program scope but those of globals.allow, a line "file variable #
# why" each: state that a signal handler, the watchdog or a memory counter must reach.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lint/objects.sh
. "$here/objects.sh"
list=$(objects)
[ -n "$list" ] || { echo "no objects in $PWF_BUILD_DIR: build first"; exit 1; }
echo "$list" | cut -d' ' -f1 | xargs nm -A --format=sysv | awk -F'|' -v allow="$here/globals.allow" '
    FNR == NR { split($0, word, " "); source[word[1]] = word[2]; next }
    BEGIN { while ((getline line < allow) > 0) { split(line, word, " "); allowed[word[1] " " word[2]] = 1 } }
    $NF ~ /^ *\.(data|bss|tbss|tdata|data\.rel|data\.rel\.local)$/ || $NF ~ /COM/ {
        object = $1; sub(/:[^:]*$/, "", object)
        name = $1; sub(/^.*:/, "", name); gsub(/ /, "", name); sub(/\.[0-9]+$/, "", name)
        key = source[object] " " name
        if (name == "" || name ~ /^(__func__|__PRETTY|completed|__compound_literal)/ || key in allowed || key in seen) next
        seen[key] = 1
        print "mutable global: " key
        bad = 1
    }
    END { exit bad }' <(echo "$list") -
