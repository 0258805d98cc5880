#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Golden numbers of operators and of whole training steps, from PyTorch in double precision.

Usage: make_network_golden.py FOLDER (tests/nn/golden). Needs torch and numpy; the tests do not.

A file is lines "case NAME", "int NAME VALUE", "tensor NAME DIMS D0 D1 ..." and "end". A tensor line
is followed by its fp32 values, little endian, and a newline. Images are [B, H, W, C].
"""

import sys

import numpy
import torch
import torch.nn.functional as F

from networks import DenseNet, ResNet, ViT, attention, cross_entropy

torch.manual_seed(20240229)


class File:
    def __init__(self, path):
        self.out = open(path, "wb")
        self.out.write(b"pwf-golden 1\n")

    def line(self, *words):
        self.out.write((" ".join(str(w) for w in words) + "\n").encode())

    def case(self, name, **ints):
        self.line("case", name)
        for key, value in ints.items():
            self.line("int", key, value)

    def tensor(self, name, value):
        value = value.detach().double()
        if value.dim() == 4 and not name.startswith(("weight", "dweight", "param:", "grad:")):
            value = value.permute(0, 2, 3, 1)
        self.line("tensor", name, value.dim(), *value.shape)
        self.out.write(numpy.ascontiguousarray(value.numpy(), dtype="<f4").tobytes() + b"\n")

    def close(self):
        self.line("end")
        self.out.close()


def draw(*shape, scale=1.0):
    """Normals that fp32 holds exactly, as doubles that want a gradient."""
    return (torch.randn(*shape) * scale).float().double().requires_grad_()


def operator(out, name, function, inputs, ints, extra=()):
    """One case: inputs (name -> tensor), y, dy, and the gradient of every input."""
    y = function(*inputs.values())
    dy = draw(*y.shape).detach()
    y.backward(dy)
    out.case(name, **ints)
    for key, value in inputs.items():
        out.tensor(key, value)
        out.tensor("d" + key, value.grad)
    for key, value in extra:
        out.tensor(key, value)
    out.tensor("y", y)
    out.tensor("dy", dy)


CONVOLUTIONS = [  # C, K, R, S, stride, padding, groups, H, W, bias
    (16, 32, 3, 3, 1, 1, 1, 7, 6, False),
    (32, 16, 3, 3, 2, 1, 1, 8, 8, False),
    (16, 48, 1, 1, 1, 0, 1, 7, 7, False),
    (16, 32, 1, 1, 2, 0, 1, 8, 9, False),
    (3, 16, 7, 7, 2, 3, 1, 18, 16, False),
    (1, 16, 3, 3, 2, 1, 1, 14, 14, False),
    (32, 32, 3, 3, 1, 1, 4, 6, 6, False),
    (16, 16, 3, 3, 2, 1, 16, 7, 7, True),
    (5, 7, 3, 3, 1, 1, 1, 6, 6, True),
    (6, 4, 5, 3, 2, 2, 2, 9, 11, True),
    (3, 32, 4, 4, 4, 0, 1, 16, 16, True),
]


def convolutions(out):
    for c, k, r, s, stride, padding, groups, h, w, bias in CONVOLUTIONS:
        inputs = {"x": draw(2, c, h, w), "weight": draw(k, c // groups, r, s, scale=0.2)}
        if bias:
            inputs["bias"] = draw(k)
        operator(out, "conv2d",
                 lambda x, weight, b=None: F.conv2d(x, weight, b, stride, padding, 1, groups),
                 inputs, {"stride": stride, "padding": padding, "groups": groups})


def others(out):
    for rows, c, k, bias in [(4, 32, 10, True), (3, 5, 7, False), (16, 128, 20, True)]:
        inputs = {"x": draw(rows, c, 1, 1), "weight": draw(k, c)}
        if bias:
            inputs["bias"] = draw(k)
        operator(out, "linear",
                 lambda x, weight, b=None: F.linear(x.flatten(1), weight, b)[:, :, None, None],
                 inputs, {})
    for b, c, h, w in [(3, 32, 5, 4), (4, 5, 3, 3), (5, 48, 1, 1), (2, 100, 7, 7)]:
        x, weight, bias = draw(b, c, h, w, scale=2.0), draw(c), draw(c)
        mean, variance = torch.zeros(c).double(), torch.ones(c).double()
        operator(out, "batch_norm",
                 lambda x, weight, bias: F.batch_norm(x, mean, variance, weight, bias, True, 1.0,
                                                      1e-5),
                 {"x": x, "weight": weight, "bias": bias}, {},
                 [("mean", mean), ("variance", variance)])
    operator(out, "relu", F.relu, {"x": draw(2, 19, 3, 5)}, {})
    operator(out, "add", torch.add, {"x": draw(2, 19, 3, 5), "x1": draw(2, 19, 3, 5)}, {})
    for kernel, stride, padding, h, w in [(3, 2, 1, 9, 8), (2, 2, 0, 6, 6), (3, 1, 1, 5, 5)]:
        operator(out, "max_pool", lambda x: F.max_pool2d(x, kernel, stride, padding),
                 {"x": draw(2, 19, h, w)},
                 {"kernel": kernel, "stride": stride, "padding": padding})
    for kernel, stride, h, w in [(2, 2, 6, 6), (3, 2, 7, 9), (5, 1, 5, 5)]:
        operator(out, "avg_pool", lambda x: F.avg_pool2d(x, kernel, stride),
                 {"x": draw(2, 19, h, w)}, {"kernel": kernel, "stride": stride})
    for rows, classes in [(4, 10), (3, 1000)]:
        x = draw(rows, classes, scale=4.0)
        labels = torch.randint(classes, (rows,))
        loss = F.cross_entropy(x, labels, reduction="sum")
        loss.backward()
        out.case("cross_entropy")
        out.tensor("x", x[:, :, None, None])
        out.tensor("dx", x.grad[:, :, None, None])
        out.tensor("labels", labels)
        out.tensor("loss", loss.reshape(1))


def tokens(x):
    """[B, T, C] as an image of one row."""
    return x.permute(0, 2, 1)[:, :, None, :]


def token_operator(out, name, function, inputs, ints):
    """An operator whose x and result are tokens."""
    y = function(*inputs.values())
    dy = draw(*y.shape).detach()
    y.backward(dy)
    out.case(name, **ints)
    for key, value in inputs.items():
        shape = tokens if key == "x" else lambda v: v
        out.tensor(key, shape(value))
        out.tensor("d" + key, shape(value.grad))
    out.tensor("y", tokens(y))
    out.tensor("dy", tokens(dy))


def transformers(out):
    for b, t, c in [(2, 17, 64), (3, 5, 37)]:
        token_operator(out, "layer_norm",
                       lambda x, weight, bias: F.layer_norm(x, (c,), weight, bias, 1e-6),
                       {"x": draw(b, t, c, scale=2.0), "weight": draw(c), "bias": draw(c)}, {})
    token_operator(out, "linear", F.linear,
                   {"x": draw(2, 9, 32), "weight": draw(48, 32), "bias": draw(48)}, {})
    token_operator(out, "gelu", F.gelu, {"x": draw(2, 11, 40, scale=2.5)}, {})
    for b, t, heads, depth in [(2, 17, 4, 16), (1, 50, 2, 20), (3, 6, 1, 5)]:
        token_operator(out, "attention", lambda x: attention(x, heads),
                       {"x": draw(b, t, 3 * heads * depth)}, {"heads": heads})
    token_operator(out, "prepend_token",
                   lambda x, weight: torch.cat((weight.expand(2, -1, -1), x), 1),
                   {"x": draw(2, 6, 19), "weight": draw(1, 1, 19)}, {})
    token_operator(out, "add_embedding", torch.add,
                   {"x": draw(3, 6, 19), "weight": draw(1, 6, 19)}, {})
    token_operator(out, "select_token", lambda x: x[:, 1:2], {"x": draw(3, 6, 19)}, {"token": 1})
    operator(out, "concat", lambda a, b: torch.cat((a, b), 1),
             {"x": draw(2, 19, 3, 5), "x1": draw(2, 12, 3, 5)}, {})
    operator(out, "mean", lambda a, b: (a + b) / 2,
             {"x": draw(3, 19, 1, 1), "x1": draw(3, 19, 1, 1)}, {})
    for classes, percent in [(10, 10), (100, 0)]:
        x, x1, labels = draw(3, classes), draw(3, classes), torch.randint(classes, (3,))
        smoothing = float(numpy.float32(percent / 100))
        loss = sum(F.cross_entropy(v, labels, reduction="sum", label_smoothing=smoothing)
                   for v in (x, x1)) / 2
        loss.backward()
        out.case("cross_entropy", smoothing_percent=percent)
        for name, v in [("x", x), ("x1", x1)]:
            out.tensor(name, v[:, :, None, None])
            out.tensor("d" + name, v.grad[:, :, None, None])
        out.tensor("labels", labels)
        out.tensor("loss", loss.reshape(1))


def step(path, case, net, size, ints, smoothing=0.0, noise=0.2):
    """One training step at slots = 1: loss, every gradient, BatchNorm's statistics."""
    channels, classes, images = 3, 5, 4
    out = File(path)
    net = net(channels, classes).double()
    for name, parameter in net.named_parameters():
        with torch.no_grad():
            value = parameter + (noise * torch.randn_like(parameter) if parameter.dim() == 1 else 0)
            parameter.copy_(value.float().double())
    x, labels = draw(images, channels, size, size), torch.randint(classes, (images,))
    logits = net(x)
    loss = cross_entropy(logits, labels, smoothing)
    loss.backward()
    out.case(case, **ints, channels=channels, classes=classes, image_size=size)
    out.tensor("x", x)
    out.tensor("labels", labels)
    out.tensor("loss", loss.reshape(1))
    for name, parameter in net.named_parameters():
        out.tensor("param:" + name, parameter)
        out.tensor("grad:" + name, parameter.grad)
    for name, value in net.named_buffers():
        if not name.endswith("num_batches_tracked"):
            out.tensor("stat:" + name, value)
    net.eval()
    out.tensor("predicted", net(x))
    out.close()


def stages(depths, stem, pool, **others):
    return dict(stages=len(depths), **{f"depth{i}": d for i, d in enumerate(depths)}, **others,
                stem_kernel=stem[0], stem_stride=stem[1], stem_pool=int(pool))


def resnet_step(path, bottleneck, depths, widths, stem, pool, size):
    step(path, "resnet", lambda c, k: ResNet(bottleneck, depths, widths, stem, pool, c, k), size,
         stages(depths, stem, pool, bottleneck=int(bottleneck),
                **{f"width{i}": w for i, w in enumerate(widths)}))


def vit_step(path, patch, width, depth, heads, distilled, size, percent):
    step(path, "vit", lambda c, k: ViT(patch, width, depth, heads, distilled, c, k, size), size,
         dict(patch=patch, width=width, depth=depth, heads=heads, distilled=int(distilled),
              smoothing_percent=percent), float(numpy.float32(percent / 100)))


def densenet_step(path, growth, depths, stem, pool, size):
    step(path, "densenet", lambda c, k: DenseNet(growth, depths, stem, pool, c, k), size,
         stages(depths, stem, pool, growth=growth), noise=0.5)


def main():
    folder = sys.argv[1]
    out = File(folder + "/operators.golden")
    convolutions(out)
    others(out)
    out.close()
    resnet_step(folder + "/step_basic.golden", False, [1, 2], [16, 32], (3, 1), False, 10)
    resnet_step(folder + "/step_bottleneck.golden", True, [2, 1], [8, 16], (7, 2), True, 20)
    out = File(folder + "/transformers.golden")
    transformers(out)
    out.close()
    vit_step(folder + "/step_vit.golden", 4, 16, 2, 2, False, 12, 0)
    vit_step(folder + "/step_distilled.golden", 4, 16, 1, 4, True, 8, 10)
    densenet_step(folder + "/step_densenet.golden", 4, [2, 2], (3, 1), True, 16)


if __name__ == "__main__":
    main()
