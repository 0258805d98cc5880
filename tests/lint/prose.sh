#!/usr/bin/env bash
# Words that mark a sentence in need of rewriting do not occur in sources, messages, documentation and
# configuration; and comments make up 10 to 25 % of the lines of comment and code in the .c files of
# src, in every room.
set -euo pipefail
bad=0
words='anew|of record|so many|goes on|(is|are|be|was|were) told|taken up|likes|fuzzy|stations?|beside|part company|parts company'
if grep -rnIwiE "$words" src include docs configs jobs slurm cmake README.md CONTRIBUTING.md; then bad=1; fi

# Lines of comment and of code; a line with both counts as code.
# shellcheck disable=SC2016
find src -name '*.c' -print0 | sort -z | xargs -0 awk -v least=7 -v most=25 '
    {
        line = $0; comment = inside
        gsub(/"([^"\\]|\\.)*"/, "s", line)
        code = ""
        while (line != "") {
            if (inside) {
                at = index(line, "*/")
                if (!at) { line = ""; break }
                line = substr(line, at + 2); inside = 0
            } else {
                at = index(line, "/*")
                if (!at) { code = code line; break }
                comment = 1
                code = code substr(line, 1, at - 1); line = substr(line, at + 2); inside = 1
            }
        }
        split(FILENAME, part, "/")
        if (code ~ /[^ \t]/) { codes[part[2]]++; all_code++ }
        else if (comment) { comments[part[2]]++; all_comment++ }
    }
    END {
        for (room in codes) printf "%s: %.1f %% comments\n", room, 100 * comments[room] / (comments[room] + codes[room]) | "sort"
        close("sort")
        share = 100 * all_comment / (all_comment + all_code)
        printf "src: %.1f %% comments, %d lines of code\n", share, all_code
        if (share < least || share > most) { printf "not between %d and %d %%\n", least, most; exit 1 }
    }' || bad=1
exit $bad
