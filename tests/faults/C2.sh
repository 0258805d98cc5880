# Bits that turn: a unit is every 64th of all that are tried.
# shellcheck shell=bash disable=SC2034
title="a bit of a checkpoint turned"
units="1 all all"

setup() { printf '%s\n' {0..63} >list.txt; }

unit() { program_cases "$PWF_TEST_PROGRAMS/test_damage" flips "$2" 64; }
