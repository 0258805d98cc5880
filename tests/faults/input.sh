# Functions of the rows about untrusted files. Sourced after lib.sh.
# shellcheck shell=bash

# reader CODES "what" COMMAND...: COMMAND, which reads a bad file, must end with one of CODES and a message.
# It takes a second; a minute is a hang.
reader() {
    local codes=$1 what=$2 kind=refused
    shift 2
    code=0
    timeout -k 5 60 "$@" >reader.log 2>&1 </dev/null || code=$?
    case " $codes " in *" $code "*) ;; *) expect "$codes" "$what" ;; esac
    if [ "$code" = 0 ]; then kind=good; fi
    failing=silent check "$what: no message" test -s reader.log
    if [ -n "$fault" ]; then head -c 2000 reader.log; fi
    case_is "$kind" "$what: $code"
}

# program NAME "what" [ARGUMENTS...]: runs a unit test, or a fuzz target on its corpus
program() {
    local name=$1 what=$2 kind=crash
    shift 2
    code=0
    timeout -k 5 900 "$PWF_TEST_PROGRAMS/$name" "$@" >program.log 2>&1 </dev/null || code=$?
    if [ "$code" = 0 ]; then kind=good; else tail -n 30 program.log; fi
    if [ "$code" = 124 ]; then kind=hang; fi
    if [[ $code -lt 124 && $code -gt 0 ]]; then kind=wrong; fi
    case_is $kind "$what"
}
replay() { program "fuzz_$1" "the corpus of fuzz_$1" "$PWF_SOURCE_DIR/tests/fuzz/corpus/$1"; }

# fuzz TARGET COUNT: tries COUNT new inputs from a seed; skipped without clang
fuzz() {
    local target=$1 count=$2 build=$PWF_SOURCE_DIR/build-fuzz kind=good
    if ! command -v clang >/dev/null; then case_is good "fuzz_$target: skipped, no clang" && return; fi
    (cd "$PWF_SOURCE_DIR" && cmake --preset fuzz && cmake --build --preset fuzz --target "fuzz_$target") >build.log 2>&1
    bash "$PWF_SOURCE_DIR/tests/fuzz/run.sh" "$build" "$target" -runs="$count" -seed=$((RANDOM + 1)) >fuzz.log 2>&1 ||
        { kind=crash && tail -n 30 fuzz.log; }
    case_is $kind "fuzz_$target: $count inputs; $(grep -E '^crashes:' fuzz.log || echo 'no crash')"
}
