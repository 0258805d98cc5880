#!/usr/bin/env bash
# room_graph.sh OUT.dot|OUT.svg: draws which room links which, from NEEDS (for app: `rooms`) of src/*/CMakeLists.txt.
# An arrow points from a room to one that it uses; arrows implied by others are left out. SVG needs graphviz.
set -euo pipefail
out=$1

# One "room need" a line, sorted.
edges() {
    local file
    for file in src/*/CMakeLists.txt; do
        awk -v room="$(basename "$(dirname "$file")")" '
            { gsub(/[()]/, " & "); sub(/#.*/, ""); for (i = 1; i <= NF; i++) word[++n] = $i }
            END {
                for (i = 1; i <= n; i++) {
                    if (word[i] == "NEEDS" || (word[i] == "rooms" && word[i - 2] == "set")) inside = 1
                    else if (word[i] ~ /^[A-Z_0-9]+$/ || word[i] == ")") inside = 0
                    else if (inside) print room, word[i]
                }
                print room
            }' "$file"
    done | sort -u
}

graph() {
    edges | awk '
        NF == 1 { rooms[++n] = $1; next }
        { uses[$1, $2] = 1 }
        # Whether b can be reached from a in more than one arrow.
        function far(a, b,   i) {
            for (i = 1; i <= n; i++)
                if (uses[a, rooms[i]] && rooms[i] != b && (uses[rooms[i], b] || far(rooms[i], b))) return 1
            return 0
        }
        END {
            print "digraph rooms {"
            print "  rankdir=TB; nodesep=0.25; ranksep=0.35;"
            print "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3f8\", color=\"#5b7a99\","
            print "        fontname=\"Helvetica\", fontsize=13, height=0.35, margin=\"0.12,0.04\"];"
            print "  edge [color=\"#5b7a99\", arrowsize=0.7];"
            for (i = 1; i <= n; i++) print "  " rooms[i] ";"
            for (i = 1; i <= n; i++)
                for (j = 1; j <= n; j++)
                    if (uses[rooms[i], rooms[j]] && !far(rooms[i], rooms[j])) print "  " rooms[i] " -> " rooms[j] ";"
            print "}"
        }'
}

case $out in
*.dot) graph >"$out" ;;
*) graph | dot -Tsvg -o "$out" ;;
esac
