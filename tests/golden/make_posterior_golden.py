#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Golden numbers of posterior and optimiser from numpy and PyTorch (float64 autograd, torch.optim).

  make_posterior_golden.py tests/posterior/golden

start_sigma.txt: start values of sigma per tensor, for comparison bit by bit.
steps_*.txt: three whole steps on a small parameter table: noise, sampled weights, gradients,
clipping, decay, momentum. The noise is Philox4x32-10 and Box-Muller written here once more.
"""
import sys

import numpy as np
import torch

FLOOR = 2.0 ** -30


def put(out, key, values):
    values = np.asarray(values, dtype=np.float64).ravel()
    out.write(f"{key} {values.size}")
    for v in values:
        out.write(f" {v:.17g}")
    out.write("\n")


def room(mu):
    a = np.abs(mu.astype(np.float64))
    fraction, exponent = np.frexp(a)
    d = np.ldexp(0.5, exponent)
    u = np.where(fraction == 0.5, d, 2 * d)
    return (u - a) / a * ((a - d) / a)


def start_sigma(mu, scale, least, most):
    sigma = np.full(mu.shape, least, dtype=np.float64)
    used = mu != 0
    if used.any():
        r = room(mu[used])
        quartile = np.quantile(r, 0.75)
        if quartile > 0:
            sigma[used] = np.clip(scale * r / quartile, least, most)
    return sigma.astype(np.float32)


def write_start(path):
    rng = np.random.default_rng(20231)
    f32 = np.float32
    scale, least, most = f32(0.0025), f32(2.0 ** -30), f32(0.05)
    tensors = {
        "normal": rng.normal(0, 0.05, 200).astype(f32),
        "one": f32([0.3]),
        "two": f32([-0.3, 0.7]),
        "three": f32([-0.3, 0.7, 1.1e-3]),
        "zeros_inside": np.where(rng.random(37) < 0.4, 0, rng.normal(0, 1, 37)).astype(f32),
        "all_zero": np.zeros(5, f32),
        "powers": f32([1, -0.5, 0.25, 2.0 ** -140, 0]),
        "mostly_powers": f32([1, 0.5, 0.25, 4, -8, 16, 0.3]),
        "equal": np.full(9, 0.7, f32),
        "denormal": f32([1.5e-45, 3e-45, 1e-40, 7e-39, -1e-42, 0.1]),
        "huge": f32([3.4e38, -1e38, 1.5, 2.0 ** 127]),
        "clipped": np.concatenate([np.full(30, 1.0 + 2.0 ** -20), [1.4, -1.3, 1.33]]).astype(f32),
    }
    with open(path, "w") as out:
        put(out, "settings", [scale, least, most])
        for name, mu in tensors.items():
            put(out, name, mu)
            put(out, "sigma", start_sigma(mu, float(scale), float(least), float(most)))


def philox(seed, purpose, quad, step, sample):
    mask = 0xFFFFFFFF
    c = [quad, step & mask, step >> 32, sample]
    k0, k1 = seed, purpose
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & mask, (p0 >> 32) ^ c[3] ^ k1, p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c


def normals(seed, purpose, step, count):
    out = []
    for quad in range((count + 3) // 4):
        w = philox(seed, purpose, quad, step, 0)
        for radius, angle in ((w[0], w[1]), (w[2], w[3])):
            r = np.sqrt(-2 * np.log((radius >> 9) * 2.0 ** -23 + 2.0 ** -24))
            turn = 2 * np.pi * (angle & ~63) / 2.0 ** 32
            out += [r * np.cos(turn), r * np.sin(turn)]
    return torch.tensor(out[:count], dtype=torch.float64)


def write_steps(path, reference, clip):
    """The table of the test: a weight of 48, a bias of 5, a weight of 30, then plain ones, 11."""
    rng = np.random.default_rng(7)
    posterior, total = 83, 94
    weight = torch.ones(posterior, dtype=torch.bool)
    weight[48:53] = False
    seed, purpose, first_step = 77, 1, 5
    lr, momentum, decay = (float(np.float32(x)) for x in (0.05, 0.9, 0.01))
    reg_weight, reg_target = 2.0 ** -4, float(np.float32(0.05))

    def f32(x):
        return torch.tensor(np.asarray(x, np.float32).astype(np.float64))

    start = f32(rng.normal(0, 0.3, total))
    sigma = f32(np.abs(rng.normal(0, 0.04, posterior)))
    sigma[3], sigma[20], sigma[50] = 0, -0.01, 2.0 ** -31
    fixed = torch.tensor(rng.random(posterior) < 0.3)
    mu = start.clone()[:posterior].requires_grad_()
    plain = start.clone()[posterior:].requires_grad_()
    start_sigma_values = sigma.clone()
    sigma.requires_grad_()
    params = [mu, sigma, plain]
    sgd = torch.optim.SGD(params, lr=lr, momentum=momentum, weight_decay=decay)
    with open(path, "w") as out:
        put(out, "settings", [seed, purpose, first_step, lr, momentum, decay, reg_weight,
                              reg_target, clip, reference])
        put(out, "fixed", fixed)
        put(out, "mu", start)
        put(out, "sigma", start_sigma_values)
        for step in range(first_step, first_step + 3):
            eps = normals(seed, purpose, step, posterior)
            w = torch.cat([mu + sigma.clamp(min=FLOOR) * eps, plain])
            dw = f32(rng.normal(0, 0.2, total))
            sgd.zero_grad()
            (w * dw).sum().backward()
            with torch.no_grad():
                mu.grad[fixed] = 0
                sigma.grad[fixed] = 0
                pulled = weight if reference else weight & ~fixed
                force = reg_weight * (reg_target - sigma).clamp(min=0) * eps.abs()
                sigma.grad[pulled] -= force[pulled]
            put(out, "weights", w.detach())
            put(out, "dw", dw)
            put(out, "dmu", torch.cat([mu.grad, plain.grad]))
            put(out, "dsigma", sigma.grad)
            norm = torch.nn.utils.clip_grad_norm_(params, clip if clip > 0 else 1e30)
            put(out, "norm", norm)
            before = [p.detach()[fixed].clone() for p in (mu, sigma)]
            sgd.step()
            if not reference:
                with torch.no_grad():
                    for p, old in zip((mu, sigma), before):
                        p[fixed] = old
                        sgd.state[p]["momentum_buffer"][fixed] = 0
            put(out, "mu", torch.cat([mu, plain]).detach())
            put(out, "sigma", sigma.detach())


def main():
    folder = sys.argv[1]
    torch.manual_seed(0)
    write_start(f"{folder}/start_sigma.txt")
    write_steps(f"{folder}/steps_paper.txt", False, 1.0)
    write_steps(f"{folder}/steps_paper_unclipped.txt", False, 0.0)
    write_steps(f"{folder}/steps_reference.txt", True, 1.0)


if __name__ == "__main__":
    main()
