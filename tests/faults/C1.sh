# Checkpoints that are cut off: a unit is every 16th of all places.
# shellcheck shell=bash disable=SC2034
title="a checkpoint cut off at any page, or byte of the last"
units="1 all all"

setup() { printf '%s\n' {0..15} >list.txt; }

unit() { program_cases "$PWF_TEST_PROGRAMS/test_damage" cuts "$2" 16; }
