#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Golden numbers of activations, from their definitions in double precision.

Usage: make_activation_golden.py FOLDER (tests/nn/golden). Needs numpy only; the tests need nothing.
The format is that of make_network_golden.py. To add an activation, add a row to ACTIVATIONS: its name
in the operator table, the function, and its derivative.
"""

import os
import sys

import numpy

ACTIVATIONS = [
    ("hardswish",
     lambda x: x * numpy.clip(x + 3, 0, 6) / 6,
     lambda x: numpy.where(x <= -3, 0.0, numpy.where(x >= 3, 1.0, x / 3 + 0.5))),
]


def main():
    draws = numpy.random.default_rng(20240229)
    with open(os.path.join(sys.argv[1], "activations.golden"), "wb") as out:
        out.write(b"pwf-golden 1\n")
        for name, function, derivative in ACTIVATIONS:
            x = draws.normal(scale=3.0, size=(2, 3, 5, 19)).astype("<f4").astype(float)
            dy = draws.normal(size=x.shape).astype("<f4").astype(float)
            out.write(f"case {name}\n".encode())
            for key, value in (("x", x), ("dx", dy * derivative(x)), ("y", function(x)), ("dy", dy)):
                out.write(f"tensor {key} 4 {' '.join(map(str, value.shape))}\n".encode())
                out.write(numpy.ascontiguousarray(value, dtype="<f4").tobytes() + b"\n")
        out.write(b"end\n")


if __name__ == "__main__":
    main()
