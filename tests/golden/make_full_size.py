#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""References of a published network at 224x224: make_full_size.py FOLDER NAME [gradients]

Writes FOLDER/NAME.pth, a state dict of random weights of trained networks' size with BatchNorm
statistics of their own, as DeiT's files have it; and FOLDER/NAME.safetensors, all fp32: images
[B, 3, 224, 224] and labels [B]; their logits in fp32 ("logits") and in double precision
("logits.exact"); with `gradients`, those of the mean cross-entropy in training mode with respect
to every parameter P, "grad:P" and "grad.exact:P".

A gradient jumps where the input of a ReLU is 0. Among the millions of a ResNet some lie so near to 0
that rounding decides, and a single one changes a gradient by some percent: PyTorch in fp32 and in
double precision then differ by up to 0.1. So the shifts of BatchNorm are chosen such that no
input of a ReLU is within 1e-5 of its channel's size.
"""

import copy
import sys

import torch
import torch.nn.functional as F

from make_weights_golden import save_safetensors
from networks import build, cross_entropy

IMAGES, SIZE, CLASSES = 4, 224, 1000


def images(count):
    """Smooth ones with some noise, normalised."""
    coarse = torch.randn(count, 3, 14, 14)
    smooth = F.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return smooth + 0.3 * torch.randn(count, 3, SIZE, SIZE)


def fill(net):
    """Weights that neither let signals die nor blow them up, and statistics near those of data."""
    for module in net.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            gain = 2.0 if isinstance(module, torch.nn.Conv2d) else 1.0
            torch.nn.init.normal_(module.weight, 0.0, (gain / module.weight[0].numel()) ** 0.5)
            if module.bias is not None:
                torch.nn.init.normal_(module.bias, 0.0, 0.1)
        elif isinstance(module, (torch.nn.BatchNorm2d, torch.nn.LayerNorm)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)


def clear_of_zero(net, x):
    """Moves the shifts of BatchNorm by a little; see above. ReLU follows the last one that ran."""
    exact, last, plain = copy.deepcopy(net).double().train(), [None], F.relu

    def relu(z):
        flat = z.transpose(0, 1).flatten(1)
        size = flat.square().mean(1).sqrt()
        old = last[0].bias.clone()
        shift = torch.zeros_like(size)
        for step in range(1, 1000):
            last[0].bias.copy_((old + shift).float())
            near = (flat + (last[0].bias - old)[:, None]).abs().amin(1) < 1e-5 * size
            if not near.any():
                return plain(z + (last[0].bias - old)[:, None, None])
            shift[near] = (3e-5 * (step // 2 + 1) * (-1) ** step * size)[near]
        raise RuntimeError("no shift keeps a channel clear of 0")

    def remember(module, _inputs, _output):
        last[0] = module

    for module in exact.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(remember)
    F.relu = relu
    exact(x.double())
    F.relu = plain
    net.load_state_dict(exact.state_dict())


def set_statistics(net):
    net.train()
    net(images(IMAGES))
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean += 0.1 * module.running_var.sqrt() * torch.randn_like(
                module.running_mean)
            module.running_var *= torch.empty_like(module.running_var).uniform_(0.8, 1.25)


def gradients(net, x, labels, prefix, out):
    net.train()
    cross_entropy(net(x), labels).backward()
    for name, parameter in net.named_parameters():
        out[prefix + name] = parameter.grad.float()


def main():
    folder, name = sys.argv[1:3]
    torch.manual_seed(20260101)
    net = build(name, CLASSES, SIZE)
    x, labels = images(IMAGES), torch.randint(CLASSES, (IMAGES,))
    with torch.no_grad():
        fill(net)
        if "gradients" in sys.argv[3:]:
            clear_of_zero(net, x)
        set_statistics(net)
    torch.save({"model": net.state_dict()}, f"{folder}/{name}.pth")
    exact = copy.deepcopy(net).double()
    out = {"images": x, "labels": labels.float()}
    with torch.no_grad():
        out["logits"] = net.eval()(x)
        out["logits.exact"] = exact.eval()(x.double()).float()
    if "gradients" in sys.argv[3:]:
        gradients(net, x, labels, "grad:", out)
        gradients(exact, x.double(), labels, "grad.exact:", out)
    save_safetensors(out, f"{folder}/{name}.safetensors")


if __name__ == "__main__":
    main()
