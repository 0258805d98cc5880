# A fixing round on degenerate weights.
# shellcheck shell=bash disable=SC2034,SC2154
title="fixing rounds on degenerate weights, 1, 4 and 8 ranks"
units="2 all all"

# NAME, and awk expressions of i for mu and sigma of 10,000 weights, and a fraction.
setup() {
    cat >list.txt <<'EOF'
equal 0.3 0.01 0.5
zero 0 0.01 1
tiny_sigma sin(i) 0 1
denormal_sigma cos(i) 1e-42 0.9
one_takes_all 0.25+1e-6*sin(i) 1 1
two_values (i%2)*0.5-0.25 0.01 0.75
denormal_mu 1e-42*(i%7) 0.01 1
far_apart 1000*sin(i)*sin(i*i) 1e-6 1
huge_sigma sin(i) 1e30 1
EOF
}

unit() {
    local name mu sigma fraction ranks
    read -r name mu sigma fraction <<<"$2"
    rm -f in.h5 ./*.txt.in out*.h5
    awk "BEGIN { for (i = 0; i < 10000; i++) printf \"%.9g\\n\", $mu }" >mu.txt.in
    awk "BEGIN { for (i = 0; i < 10000; i++) printf \"%.9g\\n\", $sigma }" >sigma.txt.in
    h5import mu.txt.in -d 10000 -p mu -t TEXTFPE -s 32 sigma.txt.in -d 10000 -p sigma -t TEXTFPE -s 32 -o in.h5
    for ranks in 1 4 8; do
        tool $ranks round.log fix-round in.h5 -o out$ranks.h5 --set delta=1 --set fraction="$fraction"
        expect 0 "$name on $ranks ranks"
        failing=wrong check "$name: different result on $ranks ranks" h5diff out1.h5 out$ranks.h5
    done
    failing=wrong check "$name: not finite" test -z "$(h5dump out1.h5 | grep -wiE -m 1 'nan|inf')"
    fixed=$(h5dump -d /fixed -y -o fixed.txt.in -b LE out1.h5 >/dev/null && od -An -tu1 -v fixed.txt.in | tr -s ' ' '\n' | grep -c '^1$')
    failing=wrong check "$name: $fixed of 10000 fixed, not $fraction" test "$fixed" = "$(awk "BEGIN { print 10000 * $fraction }")"
    case_is good "$name, $fraction of 10,000 weights: the same on 1, 4 and 8 ranks"
}
