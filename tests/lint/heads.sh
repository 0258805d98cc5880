#!/usr/bin/env bash
# Every .c file of src begins, after the SPDX line, with a comment of three to six lines that says
# what the file does, who calls it and what it may touch; then come the includes.
set -euo pipefail
# shellcheck disable=SC2016
find src -name '*.c' -print0 | sort -z | xargs -0 awk '
    function complain(why) {
        files_bad++
        printf "%s: %s\n", FILENAME, why
        bad = 1
    }
    FNR == 1 { state = "head"; if ($0 !~ /SPDX-License-Identifier/) { complain("no SPDX line"); state = "done" } next }
    state == "done" { next }
    state == "head" && FNR == 2 {
        if ($0 !~ /^\/\* /) { complain("no comment in line 2: what the file does, who calls it, what it may touch"); state = "done"; next }
    }
    state == "head" && /\*\/ *$/ {
        lines = FNR - 1
        if (lines < 3 || lines > 6) { complain("the first comment has " lines " lines, not 3 to 6"); state = "done"; next }
        state = "after"; next
    }
    state == "after" && /^ *$/ { next }
    state == "after" { if ($0 !~ /^#/) complain("no include after the first comment"); state = "done" }
    END { printf "%d files without a proper first comment\n", files_bad; exit bad }'
