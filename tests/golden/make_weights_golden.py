#!/usr/bin/python3
"""Makes the small weight files in tests/ckpt/golden with PyTorch, in the ways that people save a
state dict. Value i of the t-th tensor is ((37 i + 11 t) mod 255 - 127) / 64, exact in every type."""
import argparse
import json
import os
import struct
from collections import OrderedDict

import torch

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


def main():
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


if __name__ == "__main__":
    main()
