#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same steps in PyTorch, for tests/bench/run.sh:

  pytorch.py MODEL THREADS BATCH EVAL_BATCH STEPS       (cells go to the file BENCH_CELLS)

A training step draws noise, samples the weights, runs forward and backward, takes the gradients of
mean and sigma with the regulariser, clips them and updates both by SGD with momentum. One step of
each kind warms up.
"""
import contextlib
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import networks  # noqa: E402

SIGMA, REG_WEIGHT, REG_TARGET = 0.0025, 2.0 ** -11, 0.05
LR, MOMENTUM, DECAY, CLIP = 0.001, 0.9, 1e-4, 1.0


def cell(group, row, column, value):
    with open(os.environ["BENCH_CELLS"], "a") as out:
        out.write(f"{group}\t{row}\t{column}\t{value:.9g}\n")


class Posterior:
    def __init__(self, net):
        self.weights = list(net.parameters())
        self.mu = [w.detach().clone() for w in self.weights]
        self.sigma = [torch.full_like(w, SIGMA) for w in self.mu]
        self.momenta = [torch.zeros_like(x) for x in self.mu + self.sigma]

    @torch.no_grad()
    def sample(self):
        self.eps = [torch.randn_like(m) for m in self.mu]
        for w, m, s, e in zip(self.weights, self.mu, self.sigma, self.eps):
            torch.addcmul(m, s, e, out=w)

    @torch.no_grad()
    def update(self):
        dmu = [w.grad for w in self.weights]
        dsigma = [d * e - REG_WEIGHT * (REG_TARGET - s).clamp_(min=0) * e.abs()
                  for d, e, s in zip(dmu, self.eps, self.sigma)]
        every = dmu + dsigma
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(d) for d in every]))
        scale = min(1.0, CLIP / (norm.item() + 1e-6))
        for x, d, m in zip(self.mu + self.sigma, every, self.momenta):
            m.mul_(MOMENTUM).add_(d, alpha=scale).add_(x, alpha=DECAY)
            x.sub_(m, alpha=LR)
        for w in self.weights:
            w.grad = None


def precision(name):
    return torch.autocast("cpu", torch.bfloat16) if name == "bf16" else contextlib.nullcontext()


def train(net, posterior, images, labels, name):
    net.train()
    begun = time.perf_counter()
    posterior.sample()
    with precision(name):
        logits = net(images)
    networks.cross_entropy(logits.float(), labels).backward()
    posterior.update()
    return time.perf_counter() - begun


def evaluate(net, images, name):
    net.eval()
    begun = time.perf_counter()
    with torch.inference_mode(), precision(name):
        net(images).argmax(1)
    return time.perf_counter() - begun


def main():
    model, threads, batch, eval_batch, steps = sys.argv[1], *map(int, sys.argv[2:6])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = networks.build(model)
    posterior = Posterior(net)
    images, labels = torch.randn(batch, 3, 224, 224), torch.randint(1000, (batch,))
    tested = torch.randn(eval_batch, 3, 224, 224)
    for name in ("fp32", "bf16"):
        for i in range(steps + 1):
            seconds = train(net, posterior, images, labels, name)
            if i > 0:
                cell("steps", f"{model}, training, {name}", "pytorch", batch / seconds)
        for i in range(steps + 1):
            seconds = evaluate(net, tested, name)
            if i > 0:
                cell("steps", f"{model}, evaluation, {name}", "pytorch", eval_batch / seconds)
    cell("machine", "PyTorch", "value", float(".".join(torch.__version__.split(".")[:2])))


main()
