# Misplaced pages. A unit is every 8th of all that are tried.
# shellcheck shell=bash disable=SC2034
title="pages of a checkpoint zeroed, moved, older, spliced"
units="1 all all"

setup() { printf '%s\n' {0..7} >list.txt; }

unit() { program_cases "$PWF_TEST_PROGRAMS/test_damage" pages "$2" 8; }
