# Truncated checkpoints. A unit is every 16th of all lengths.
# shellcheck shell=bash disable=SC2034
title="a checkpoint truncated at a page, or in the last one"
units="1 all all"

setup() { printf '%s\n' {0..15} >list.txt; }

unit() { program_cases "$PWF_TEST_PROGRAMS/test_damage" cuts "$2" 16; }
