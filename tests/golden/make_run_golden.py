#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Golden numbers of whole runs: tests/train/golden.yaml replayed in PyTorch, in double precision.

  make_run_golden.py DATA tests/train/golden      (DATA: folder of Fashion-MNIST, .gz)

Everything is written here once more after docs/explanation/method.md: noise, order and augmentation of the
images, start values, steps, fixing rounds by a dense matrix of distances, statistics, measures. The
files have the rows of metrics.jsonl and of rounds.csv.

A run in fp32 leaves this path for good when rounding turns a decision: the sign of a ReLU's input, or
on which side of a bound of a fixing round a weight lies. So it prints how near any came to zero; the
seeds are chosen for runs in which that is well above fp32.
"""
import fnmatch
import gzip
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

BATCH, IMAGES, TESTED, CLASSES, SAMPLES, BINS = 32, 140, 250, 10, 5, 15
FRACTIONS, EPOCHS, BASELINE_EPOCHS = [0.6, 1.0], [1.2, 1.3], 1.3
BASELINE_LR, LR, MOMENTUM, DECAY, CLIP = 0.5, 0.05, 0.9, 0.01, 0.4
SIGMA_SCALE, SIGMA_MIN, SIGMA_MAX, REG_WEIGHT, REG_TARGET = 0.02, 2.0 ** -30, 0.05, 2.0 ** -4, 0.05
NOISE, INIT, ORDER, AUGMENT, EVAL = 1, 2, 3, 4, 5


# ---- random numbers ------------------------------------------------------------------------------

def philox(seed, purpose, quads, step, sample):
    """[len(quads), 4] words of Philox4x32-10."""
    mask, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    quads = np.asarray(quads, dtype=np.uint64)
    c = [quads] + [np.full_like(quads, x) for x in (step & 0xFFFFFFFF, step >> 32, sample)]
    k0, k1 = seed, purpose
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> half) ^ c[1] ^ np.uint64(k0), p1 & mask,
             (p0 >> half) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def words_of(seed, purpose, step, sample, first, count):
    quads = np.arange(first // 4, (first + count + 3) // 4)
    return philox(seed, purpose, quads, step, sample).ravel()


def normals(seed, purpose, step, sample, first, count):
    w = words_of(seed, purpose, step, sample, first, count)
    radius = np.sqrt(-2 * np.log((w[0::2] >> np.uint64(9)) * 2.0 ** -23 + 2.0 ** -24))
    turn = 2 * np.pi * (w[1::2] & ~np.uint64(63)) / 2.0 ** 32
    out = np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1).ravel()
    return out[first % 4:first % 4 + count]


def uniforms(seed, purpose, first, count):
    w = words_of(seed, purpose, 0, 0, first, count)
    return ((w >> np.uint64(8)) * 2.0 ** -24)[first % 4:first % 4 + count]


def permutation(seed, number, count):
    """Fisher and Yates from the end; an integer below n from the words of counter i."""
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        n, sample, j = i + 1, 0, None
        while j is None:
            for word in philox(seed, ORDER, [i], number, sample)[0]:
                product = int(word) * n
                if product % 2 ** 32 >= 2 ** 32 % n:
                    j = product >> 32
                    break
            sample += 1
        order[i], order[j] = order[j], order[i]
    return order


# ---- data ----------------------------------------------------------------------------------------

def read_idx(path, dims):
    with gzip.open(path) as f:
        raw = f.read()
    assert raw[:4] == bytes([0, 0, 8, dims])
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


class Data:
    def __init__(self, folder, seed):
        def part(name, count):
            return (read_idx(f"{folder}/{name}-images-idx3-ubyte.gz", 3)[:count],
                    torch.tensor(read_idx(f"{folder}/{name}-labels-idx1-ubyte.gz", 1)[:count]).long())
        self.images, self.labels = part("train", IMAGES)
        self.test_images, self.test_labels = part("t10k", TESTED)
        self.seed, self.orders = seed, {}

    @staticmethod
    def normalise(pixels):
        value = ((np.arange(256) / 255.0 - 0.2860) / 0.3530).astype(np.float32)
        return torch.tensor(value[pixels].astype(np.float64))[:, None]

    def augmented(self, index, number):
        top, left, mirror, _ = (int(x) for x in philox(self.seed, AUGMENT, [index], number, 0)[0])
        y, x = (top * 3 >> 32) - 1, (left * 3 >> 32) - 1
        moved = np.pad(self.images[index], 1)[1 + y:29 + y, 1 + x:29 + x]
        return moved[:, ::-1] if mirror >> 31 else moved

    def batch(self, position):
        number, place = divmod(position, IMAGES // BATCH)
        if number not in self.orders:
            self.orders[number] = permutation(self.seed, number, IMAGES)
        chosen = self.orders[number][place * BATCH:(place + 1) * BATCH]
        return (self.normalise(np.stack([self.augmented(i, number) for i in chosen])),
                self.labels[chosen])


# ---- network -------------------------------------------------------------------------------------

nearest_relu = [1.0]


def relu(x):
    if x.requires_grad:  # an exact 0 is none of rounding's making
        nearest_relu.append(x.detach().abs()[x != 0].min().item())
    return F.relu(x)


class Block(torch.nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.conv2 = torch.nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(inputs, width, 1, stride, bias=False), torch.nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        return relu(y + (self.downsample(x) if self.downsample else x))


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 6, 5, 4, 2, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(6)
        self.layer1 = torch.nn.Sequential(Block(6, 6, 1))
        self.layer2 = torch.nn.Sequential(Block(6, 10, 2))
        self.fc = torch.nn.Linear(10, CLASSES)

    def forward(self, x):
        x = self.layer2(self.layer1(relu(self.bn1(self.conv1(x)))))
        return self.fc(x.mean((2, 3)))


# ---- a fixing round, section 3 word by word ------------------------------------------------------

def all_centres(order, min_power, largest):
    unit = 2.0 ** -min_power
    powers, k = [0.0], -min_power
    while 2.0 ** k < largest:  # k < ceil(log2 largest)
        powers.append(2.0 ** k)
        k += 1
    sums = {0.0}
    for _ in range(order):
        sums = {a + b for a in sums for b in powers}
    half = {c for c in sums if c <= largest} if largest > 0 else {0.0}
    assert all((c / unit).is_integer() for c in half)
    return np.array(sorted(half | {-c for c in half}))


def fixing_round(mu, sigma, fixed, fraction, options, margins):
    """mu, sigma: fp32 values. Returns steps, new mu and sigma, and which are fixed."""
    x, s = mu.astype(np.float64), np.maximum(sigma.astype(np.float64), 2.0 ** -20)
    mu, sigma, fixed = mu.copy(), sigma.copy(), fixed.copy()
    small = 2.0 ** -options["min_power"]
    quota, steps = math.ceil(fraction * len(x)) - int(fixed.sum()), []
    order, delta, order_next = 1, 1.0, True
    while quota > 0:
        c = all_centres(order, options["min_power"], np.abs(x[~fixed]).max())
        d = np.abs(x[:, None] - c[None, :]) / s[:, None]
        sure = np.zeros(d.shape, bool)
        if options["zero_fix"]:
            zero = int(np.flatnonzero(c == 0)[0])
            d[np.abs(x) < small, zero] = 0
            sure[np.abs(x) < small, zero] = True
            margins.append(np.min(np.abs(np.abs(x[~fixed]) - small)))
        gap = np.abs(np.abs(x[:, None] - c[None, :]) - delta * s[:, None])
        margins.append(np.min(np.where(sure | fixed[:, None], 1.0, gap)))
        listed = np.ones(len(c), bool)
        while quota > 0:
            pulled = (d <= delta) & ~fixed[:, None] & listed[None, :]
            counts = pulled.sum(0)
            best = int(np.argmax(counts))  # the first of equals: the smallest value
            if counts[best] == 0:
                break
            chosen = np.flatnonzero(pulled[:, best])
            if len(chosen) > quota:
                by = chosen[np.argsort(d[chosen, best], kind="stable")]
                a, b = by[quota - 1], by[quota]
                margins.append((d[b, best] - d[a, best]) * min(s[a], s[b]))
                chosen = by[:quota]
            spread = np.std(x[chosen])
            steps.append((order, delta, c[best], len(chosen), np.mean(x[chosen]), spread))
            mu[chosen] = c[best]
            if options["sigma_join"] == "std_mu":
                sigma[chosen] = spread
            elif options["sigma_join"] != "keep":
                sigma[chosen] /= {"divide_by_2": 2, "divide_by_10": 10}[options["sigma_join"]]
            fixed[chosen] = True
            listed[best] = False
            quota -= len(chosen)
        if order_next and order < options["max_order"]:
            order, order_next = order + 1, False
        else:
            delta, order_next = 2.0 * delta, True
    return steps, mu, sigma, fixed


# ---- the run -------------------------------------------------------------------------------------

class Run:
    def __init__(self, data, options, out):
        self.data, self.o, self.out, self.margins = data, options, out, []
        self.net = Net().double()
        named = list(self.net.named_parameters())
        fuzzy = [(n, p) for n, p in named if (p.dim() > 1 or n == "fc.bias") and
                 not any(fnmatch.fnmatchcase(n, e) for e in options["exclude"])]
        plain = [(n, p) for n, p in named if n not in dict(fuzzy)]
        self.parameters = [p for _, p in fuzzy + plain]
        self.sizes = [p.numel() for p in self.parameters]
        self.n = sum(p.numel() for _, p in fuzzy)
        self.weight = torch.cat([torch.full((p.numel(),), p.dim() > 1) for _, p in fuzzy])
        self.tensors = [p.numel() for _, p in fuzzy]
        self.x = self.start_values(fuzzy + plain)  # means, then plain ones
        self.sigma = torch.zeros(self.n).double()
        self.fixed = torch.zeros(self.n, dtype=torch.bool)
        self.codebook, self.step, self.round = set(), 0, 0

    def start_values(self, named):
        out, at, seed = [], 0, self.data.seed
        for name, p in named:
            if p.dim() == 4:
                scale = np.float32(math.sqrt(2 / (p.shape[0] * p.shape[2] * p.shape[3])))
                v = normals(seed, INIT, 0, 0, at, p.numel()) * scale
            elif name.startswith("fc."):
                v = (2 * uniforms(seed, INIT, at, p.numel()) - 1) * np.float32(1 / math.sqrt(10))
            else:
                ones = name.endswith("weight") and not name.endswith("bn2.weight")
                v = np.full(p.numel(), 1.0 if ones else 0.0)
            out.append(v.astype(np.float32).astype(np.float64))
            at += p.numel()
        return torch.tensor(np.concatenate(out))

    def use(self, w):
        for p, part in zip(self.parameters, torch.split(w, self.sizes)):
            p.data.copy_(part.view_as(p))

    def noise(self, purpose, sample=0):
        return torch.tensor(normals(self.data.seed, purpose, self.step, sample, 0, self.n))

    def sampled(self, eps):
        w = self.x.clone()
        w[:self.n] += self.sigma.clamp(min=2.0 ** -30) * eps
        return w

    def slots(self, images, labels=None):
        """Runs the slots one by one, each from the same running statistics."""
        norms = [m for m in self.net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        before = [(m.running_mean.clone(), m.running_var.clone()) for m in norms]
        sums = [(torch.zeros_like(a), torch.zeros_like(b)) for a, b in before]
        loss, count, size = 0.0, self.o["slots"], BATCH // self.o["slots"]
        self.net.train()
        self.net.zero_grad()
        for s in range(count):
            for m, (a, b) in zip(norms, before):
                m.running_mean.copy_(a)
                m.running_var.copy_(b)
            with torch.set_grad_enabled(labels is not None):
                logits = self.net(images[s * size:(s + 1) * size])
            if labels is not None:
                part = F.cross_entropy(logits, labels[s * size:(s + 1) * size]) / count
                part.backward()
                loss += part.item()
            for m, (a, b) in zip(norms, sums):
                a += m.running_mean / count
                b += m.running_var / count
        for m, (a, b) in zip(norms, sums):
            m.running_mean.copy_(a)
            m.running_var.copy_(b)
        return loss

    def one_step(self, lr, momentum, bayesian, phase):
        images, labels = self.data.batch(self.step)
        eps = self.noise(NOISE)
        self.use(self.sampled(eps) if bayesian else self.x)
        loss = self.slots(images, labels)
        reference = self.o["compat"] == "reference"
        dx = torch.cat([p.grad.flatten() for p in self.parameters])
        dsigma = torch.zeros(self.n).double()
        if bayesian:
            dx[:self.n][self.fixed] = 0
            dsigma = eps * dx[:self.n]
            dsigma[self.sigma < 2.0 ** -30] = 0
            pulled = self.weight if reference else self.weight & ~self.fixed
            pull = REG_WEIGHT * (REG_TARGET - self.sigma).clamp(min=0) * eps.abs()
            dsigma[pulled] -= pull[pulled]
        norm = math.sqrt((dx ** 2).sum() + (dsigma ** 2).sum())
        clip = min(1.0, CLIP / (norm + 1e-6))
        moving = torch.ones(len(self.x), dtype=torch.bool)
        if bayesian and not reference:
            moving[:self.n] = ~self.fixed
        for value, gradient, m, move in ((self.x, dx, momentum[0], moving),
                                         (self.sigma, dsigma, momentum[1], moving[:self.n])):
            if value is self.sigma and not bayesian:
                continue
            m[move] = MOMENTUM * m[move] + (clip * gradient + DECAY * value)[move]
            value[move] -= lr * m[move]
        self.step += 1
        self.row(kind="step", step=self.step, phase=phase, round=self.round,
                 **{"pass": (self.step - 1) // (IMAGES // BATCH)}, loss=loss, lr=lr,
                 gradient_norm=norm, clip=clip)

    def row(self, **values):
        self.out.write(json.dumps(values) + "\n")

    def phase(self, epochs, bayesian, phase):
        steps = max(1, math.floor(epochs * IMAGES / BATCH + 0.5))
        momentum = (torch.zeros_like(self.x), torch.zeros_like(self.sigma))
        for i in range(steps):
            lr = LR if bayesian else BASELINE_LR * (1 - i / steps)
            self.one_step(lr, momentum, bayesian, phase)

    def start_sigma(self):
        at = 0
        for count in self.tensors:
            mu = self.x[at:at + count].float().double().abs().numpy()
            fraction, exponent = np.frexp(mu)
            down = np.ldexp(0.5, exponent)
            up = np.where(fraction == 0.5, down, 2 * down)
            used = mu > 0
            r = ((up - mu) / mu * ((mu - down) / mu))[used]
            value = np.full(count, SIGMA_MIN)
            quartile = np.quantile(r, 0.75) if used.any() else 0
            if quartile > 0:
                value[used] = np.clip(SIGMA_SCALE * r / quartile, SIGMA_MIN, SIGMA_MAX)
            self.sigma[at:at + count] = torch.tensor(value)
            at += count

    def fix(self):
        mu, sigma = self.x[:self.n].float(), self.sigma.float()
        fixed = self.fixed
        if self.o["compat"] == "reference":
            fixed, self.codebook = torch.zeros_like(fixed), set()
        steps, new_mu, new_sigma, now = fixing_round(
            mu.numpy(), sigma.numpy(), fixed.numpy(), FRACTIONS[self.round], self.o, self.margins)
        new = torch.tensor(now) & ~fixed
        self.x[:self.n][new] = torch.tensor(new_mu).double()[new]
        self.sigma[new] = torch.tensor(new_sigma).double()[new]
        self.fixed = torch.tensor(now)
        self.codebook |= {s[2] for s in steps}
        self.round += 1
        self.row(kind="round", step=self.step, round=self.round, fraction=FRACTIONS[self.round - 1],
                 greedy_steps=len(steps), fixed=int(now.sum()), codebook=len(self.codebook))
        return steps

    def evaluate(self, final):
        values, counts = np.unique(self.x[:self.n].float().numpy() + 0.0, return_counts=True)
        def entropy(c):
            return float(-(c / c.sum() * np.log2(c / c.sum())).sum())
        images, labels = self.data.normalise(self.data.test_images), self.data.test_labels
        self.net.eval()
        with torch.no_grad():
            self.use(self.x)
            logits = self.net(images)
            top = logits.topk(5).indices
            mean = torch.zeros_like(logits)
            for s in range(SAMPLES):
                self.use(self.sampled(self.noise(EVAL, s)))
                mean += F.softmax(self.net(images), 1) / SAMPLES
        sure, guess = mean.max(1)
        right, calibration = (guess == labels).double(), 0.0
        for b in range(BINS):
            inside = (sure >= b / BINS) & (sure < (b + 1) / BINS)
            if inside.any():
                calibration += (inside.double().mean() *
                                (right[inside].mean() - sure[inside].mean()).abs()).item()
        self.row(kind="evaluation", step=self.step, round=self.round, final=final,
                 weights=self.n, fixed=self.fixed.double().mean().item(),
                 top1=(top[:, 0] == labels).double().mean().item(),
                 top5=(top == labels[:, None]).any(1).double().mean().item(),
                 loss=F.cross_entropy(logits, labels).item(), unique=len(values),
                 entropy=entropy(counts), entropy_nonzero=entropy(counts[values != 0]),
                 ensemble_top1=right.mean().item(),
                 ensemble_nll=F.nll_loss(mean.log(), labels).item(), ensemble_ece=calibration)

    def statistics(self):
        """PyTorch's own plain average over the batches of the first pass, at most 100."""
        self.use(self.x)
        norms = [m for m in self.net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        for m in norms:
            m.reset_running_stats()
            m.momentum = None
        self.net.train()
        with torch.no_grad():
            for batch in range(min(100, IMAGES // BATCH)):
                for part in self.data.batch(batch)[0].split(BATCH // self.o["slots"]):
                    self.net(part)

    def all(self):
        rounds = []
        self.phase(BASELINE_EPOCHS, False, "baseline")
        self.start_sigma()
        self.evaluate(False)
        for r in range(len(FRACTIONS)):
            self.phase(EPOCHS[r], True, f"train {r + 1}/{len(FRACTIONS)}")
            rounds += [(r + 1, *s) for s in self.fix()]
            self.evaluate(False)
        self.statistics()
        self.evaluate(True)
        return rounds


DEFAULT = {"seed": 26, "slots": 1, "compat": "paper", "min_power": 6, "max_order": 4,
           "zero_fix": True, "sigma_join": "std_mu", "exclude": []}
CASES = {
    "paper": {},
    "slots": {"slots": 4},
    "reference": {"compat": "reference"},
    "joined": {"sigma_join": "divide_by_2", "zero_fix": False, "max_order": 3},
    "excluded": {"exclude": ["fc.*", "conv1.weight"], "seed": 23, "sigma_join": "keep"},
}


def replay(data, options, out):
    nearest_relu[:] = [1.0]
    run = Run(data, options, out)
    return run.all(), min(nearest_relu), min(run.margins)


def main():
    torch.set_num_threads(1)
    folder, target = sys.argv[1:3]
    for name, changes in CASES.items():
        options = {**DEFAULT, **changes}
        with open(f"{target}/{name}.jsonl", "w") as out:
            rounds, relus, bounds = replay(Data(folder, options["seed"]), options, out)
        with open(f"{target}/{name}.csv", "w") as out:
            for r in rounds:
                out.write("%d,%d,%.17g,%.17g,%d,%.9g,%.9g\n" % r)
        print(f"{name}: {len(rounds)} greedy steps; nearest input of a ReLU to 0: {relus:.1e}, "
              f"nearest weight to a bound: {bounds:.1e}")


if __name__ == "__main__":
    main()
