#!/usr/bin/env python3
"""Writes tests/optim/golden/lion.txt: Lion (Chen et al. 2023, algorithm 2) in double precision.

Nothing but the standard library is used. One line of settings (lr beta1 beta2 weight_decay scale),
then a line per element: start value, a gradient per step, and value and moment after the last step.
Elements whose interpolated moment comes closer to 0 than MARGIN at any step are drawn again, because
the sign of it would depend on rounding.
"""
import os
import random

LR, BETA1, BETA2, DECAY, SCALE = 0.015625, 0.875, 0.96875, 0.0625, 0.5
ELEMENTS, STEPS, MARGIN = 37, 12, 1e-4


def sign(x):
    return (x > 0) - (x < 0)


def run(x, gradients):
    m = 0.0
    for gradient in gradients:
        g = SCALE * gradient
        c = BETA1 * m + (1 - BETA1) * g
        if abs(c) < MARGIN:
            return None
        x -= LR * (sign(c) + DECAY * x)
        m = BETA2 * m + (1 - BETA2) * g
    return x, m


def main():
    random.seed(7)
    path = os.path.join(os.path.dirname(__file__), "..", "optim", "golden", "lion.txt")
    with open(path, "w", encoding="ascii") as out:
        print(LR, BETA1, BETA2, DECAY, SCALE, file=out)
        count = 0
        while count < ELEMENTS:
            x = random.randrange(-2048, 2048) / 1024
            gradients = [random.randrange(-1024, 1024) / 512 for _ in range(STEPS)]
            result = run(x, gradients)
            if result:
                print(x, *gradients, *(repr(v) for v in result), file=out)
                count += 1


main()
