# Flipped bits. A unit is every 64th of all that are tried.
# shellcheck shell=bash disable=SC2034
title="one bit of a checkpoint flipped"
units="1 all all"

setup() { printf '%s\n' {0..63} >list.txt; }

unit() { program_cases "$PWF_TEST_PROGRAMS/test_damage" flips "$2" 64; }
