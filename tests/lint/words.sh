#!/usr/bin/env bash
# No calls that end the process below the main programs, no unfinished marks, no libm in kernels.
set -euo pipefail
bad=0
find_none() { if grep -rnIE "$1" "${@:2}"; then echo "^ $1"; bad=1; fi; }
mapfile -t below_main < <(find src -name '*.c' ! -path 'src/core/status.c' ! -path 'src/core/fault.c')
mapfile -t kernels < <(find src/posterior src/optim src/nn src/tensor src/core -name '*kernels*.c')
find_none '(^|[^_a-z])(exit|abort|MPI_Abort)\(' "${below_main[@]}"
find_none '\b(TO''DO|FIX''ME|XX''X)\b' src include tests jobs docs
find_none '(^|[^_a-z])(expf?|logf?|powf?|sinf?|cosf?|tanhf?)\(' "${kernels[@]}"

# Every message code is in the manual.
while read -r code; do
    grep -qw "$code" docs/reference/messages.md || { echo "docs/reference/messages.md lacks $code"; bad=1; }
done < <(grep -rhoE '(PWF_INFO|PWF_WARN|pwf_log)\((PWF_LOG_[A-Z]+, )?"[A-Z_]+"' src | grep -oE '"[A-Z_]+"' | tr -d '"')
exit $bad
