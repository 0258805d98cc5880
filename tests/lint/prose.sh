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
find src -name '*.c' -print0 | sort -z | xargs -0 awk -v least=10 -v most=25 '
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
        for (room in codes) {
            share = 100 * comments[room] / (comments[room] + codes[room])
            wrong = share < least || share > most
            bad += wrong
            printf "%s: %.1f %% comments%s\n", room, share, wrong ? ", not between " least " and " most " %" : "" | "sort"
        }
        close("sort")
        printf "src: %.1f %% comments, %d lines of code\n", 100 * all_comment / (all_comment + all_code), all_code
        exit bad > 0
    }' || bad=1
exit $bad
