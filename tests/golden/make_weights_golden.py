#!/usr/bin/python3
"""Makes the small weight files in tests/ckpt/golden with PyTorch, in the ways that people save a
state dict. Value i of the t-th tensor is ((37 i + 11 t) mod 255 - 127) / 64, exact in every type."""
import argparse
import json
import os
import re
import struct
from collections import OrderedDict

import torch
import torch.nn.functional as F

from networks import DenseNet, ViT

FOLDER = os.path.join(os.path.dirname(__file__), "..", "ckpt", "golden")
SHAPES = {
    "conv1.weight": (2, 1, 3, 3),
    "bn1.weight": (2,),
    "bn1.bias": (2,),
    "bn1.running_mean": (2,),
    "bn1.running_var": (2,),
    "bn1.num_batches_tracked": (),
    "layer1.0.conv1.weight": (2, 2, 3, 3),
    "fc.weight": (3, 2),
    "fc.bias": (3,),
}


def state(dtype):
    out = OrderedDict()
    for t, (name, shape) in enumerate(SHAPES.items()):
        count = int(torch.tensor(shape).prod()) if shape else 1
        i = torch.arange(count)
        values = ((37 * i + 11 * t) % 255 - 127).double() / 64
        out[name] = values.reshape(shape).to(torch.int64 if "tracked" in name else dtype)
    return out


def save(value, name, **options):
    torch.save(value, os.path.join(FOLDER, name), **options)


def save_safetensors(tensors, name):
    names = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
             torch.float64: "F64", torch.int64: "I64"}
    header, values, at = {"__metadata__": {"format": "pt"}}, b"", 0
    for key, tensor in tensors.items():
        raw = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
        piece = raw.numpy().tobytes()
        header[key] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape),
                       "data_offsets": [at, at + len(piece)]}
        at += len(piece)
        values += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(FOLDER, name), "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + values)


def number(state, dtype=torch.float32):
    """The t-th tensor of a state dict gets the values that test_import.c expects."""
    out = OrderedDict()
    for t, (name, tensor) in enumerate(state.items()):
        values = ((37 * torch.arange(tensor.numel()) + 11 * t) % 255 - 127).double() / 64
        out[name] = values.reshape(tensor.shape).to(torch.int64 if "tracked" in name else dtype)
    return out


def transformers():
    """A distilled DeiT for 14x14 pixels, as DeiT's own files have it, and its position embeddings
    for other sizes as timm's resample_abs_pos_embed makes them."""
    state = number(ViT(2, 4, 1, 1, True, 1, 3, 14).state_dict())
    save({"model": state}, "distilled.pth")
    front, grid = state["pos_embed"].double().split([2, 49], 1)
    grid = grid.reshape(1, 7, 7, 4).permute(0, 3, 1, 2)
    sizes = OrderedDict()
    for side in (3, 10):
        other = F.interpolate(grid, size=(side, side), mode="bicubic", antialias=True)
        other = other.permute(0, 2, 3, 1).reshape(1, -1, 4)
        sizes[f"pos_embed.{2 * side}"] = torch.cat([front, other], 1)
    save_safetensors(sizes, "positions.safetensors")


def densenet():
    """torchvision's names of a small DenseNet."""
    state = number(DenseNet(2, [2, 1], (3, 1), False, 1, 3).state_dict())
    for name in list(state):
        old = re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name)
        state[old] = state.pop(name)
    save(state, "densenet.pth")


class AsPython2:
    """Python 2 saved an ordered dict with its items as an argument."""

    def __init__(self, items):
        self.items = items

    def __reduce__(self):
        return OrderedDict, ([list(item) for item in self.items.items()],)


class Malicious:
    def __reduce__(self):
        return os.system, ("touch executed",)


def main():
    transformers()
    densenet()
    plain = state(torch.float32)
    for word, dtype in (("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16),
                        ("f64", torch.float64)):
        save_safetensors(state(dtype), word + ".safetensors")
        save(state(dtype), word + ".pth")
    save({"model": plain, "epoch": 3}, "model.pth")
    wrapped = OrderedDict(("module." + k, v) for k, v in plain.items())
    wrong = OrderedDict((k, v * 0) for k, v in plain.items())
    extra = argparse.Namespace(lr=0.1, milestones=[1, 2, None, True], name="x")
    save({"model": wrong, "model_ema": wrapped, "args": extra, "best": 1 << 70}, "ema.pth")
    strided = OrderedDict(
        (k, v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v)
        for k, v in plain.items())
    save(strided, "channels_last.pth")
    flat = torch.cat([v.flatten() for v in plain.values() if v.dtype == torch.float32])
    shared, at = OrderedDict(), 0
    for key, tensor in plain.items():
        shared[key] = tensor
        if tensor.dtype == torch.float32:
            shared[key] = flat[at:at + tensor.numel()].view(tensor.shape)
            at += tensor.numel()
    save(shared, "shared.pth")
    save(OrderedDict((k, torch.nn.Parameter(v) if v.is_floating_point() else v)
                     for k, v in plain.items()), "parameters.pth")
    save(torch.nn.Linear(2, 2), "module.pth")
    save(shared, "old.pth", _use_new_zipfile_serialization=False)
    save({"state_dict": wrapped, "args": extra}, "old_model.pth",
         _use_new_zipfile_serialization=False)
    save(AsPython2(plain), "python2.pth", _use_new_zipfile_serialization=False)
    save({"model": plain, "hook": Malicious()}, "malicious.pth")


if __name__ == "__main__":
    main()
