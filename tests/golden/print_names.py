#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Prints, for each published network, the numbers that tests/models/test_models.c holds: the sum of
the hashes of its lines "NAME D0 D1 ..." (FNV-1a, 64 bits), posterior parameters, all parameters.

With timm installed (`print_names.py timm`) the networks are timm's own; else those of networks.py.
"""

import sys

import torch

import networks


def fnv(text):
    out = 0xcbf29ce484222325
    for byte in text.encode():
        out = (out ^ byte) * 0x100000001b3 % 2**64
    return out


def line(name, network):
    total = sum(fnv(" ".join(map(str, (key, *value.shape))))
                for key, value in network.state_dict().items()
                if not key.endswith("num_batches_tracked")) % 2**64
    posterior = sum(p.numel() for m in network.modules()
                    if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)) for p in m.parameters())
    count = sum(p.numel() for p in network.parameters())
    return f'{{"{name}", UINT64_C(0x{total:016x}), {posterior}, {count}}},'


def main():
    build = networks.build
    if sys.argv[1:] == ["timm"]:
        from timm import create_model as build
    for name in networks.PUBLISHED:
        print(line(name, build(name)))


if __name__ == "__main__":
    main()
