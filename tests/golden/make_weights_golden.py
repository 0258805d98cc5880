#!/usr/bin/python3
"""Makes the small weight files in tests/formats/golden with PyTorch, in the ways that people save a
state dict. Value i of the t-th tensor is ((37 i + 11 t) mod 255 - 127) / 64, exact in every type."""
import argparse
import copyreg
import json
import os
import pickle
import re
import struct
from collections import OrderedDict

import torch
import torch.nn.functional as F

from networks import DenseNet, ViT

FOLDER = os.path.join(os.path.dirname(__file__), "..", "formats", "golden")
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


class Python2Pickler(pickle._Pickler):
    """Writes what PyTorch before 0.4 wrote under Python 2, as far as a state dict goes."""
    dispatch = dict(pickle._Pickler.dispatch)

    def save_text(self, text):
        raw = text.encode()
        self.write(b"U" + bytes([len(raw)]) + raw)
        self.memoize(text)

    def save_integer(self, number):
        if -1 << 31 <= number < 1 << 31 or number >= 1 << 63:
            self.save_long(number)
        else:
            self.write(b"I%d\n" % number)

    dispatch[str] = save_text
    dispatch[int] = save_integer

    def reducer_override(self, value):
        if isinstance(value, OrderedDict):
            return OrderedDict, ([[k, v] for k, v in value.items()],)
        if isinstance(value, torch.nn.Parameter) and value.dim() > 1:
            return copyreg.__newobj__, (torch.nn.Parameter,), (value.data, None, None, True, False)
        if isinstance(value, torch.nn.Parameter):
            return torch.nn.Parameter, (value.data,), (True, False, None)
        if isinstance(value, torch.Tensor):
            return torch._utils._rebuild_tensor, (value.storage(), value.storage_offset(),
                                                  tuple(value.shape), value.stride())
        return NotImplemented


class Python2:
    Pickler = Python2Pickler

    @staticmethod
    def dump(value, file, protocol):
        Python2Pickler(file, protocol).dump(value)


def save_old(value, name, **options):
    save(value, name, _use_new_zipfile_serialization=False, **options)


def old(plain):
    """The format before PyTorch 1.6: a row of pickles."""
    save_old(shared(plain), "old.pth")
    wrapped = OrderedDict(("module." + k, v) for k, v in plain.items())
    extra = argparse.Namespace(lr=0.1, milestones=[1, 2, None, True], name="x")
    save_old({"state_dict": wrapped, "args": extra}, "old_model.pth")
    save_old(AsPython2(plain), "python2.pth")
    save_old(plain, "old_f32.pth")
    save_old(state(torch.float16), "old_f16.pth")
    save_old(state(torch.bfloat16), "old_bf16.pth")
    save_old(state(torch.float64), "old_f64.pth", pickle_protocol=4)
    save_old(ema(plain), "old_ema.pth")
    save_old(channels_last(plain), "old_channels_last.pth")
    save_old(parameters(plain), "old_parameters.pth")
    # The old format keeps the source of a module's class, and where that is.
    torch.serialization.get_source_lines_and_file = lambda _: (["class Linear\n"], 0, "linear.py")
    save_old(torch.nn.Linear(2, 2), "old_module.pth")
    early = {"state_dict": parameters(plain), "param_groups": [{"params": [1 << 46]}]}
    save_old(early, "old_early.pth", pickle_module=Python2)
    again = torch.load(os.path.join(FOLDER, "old_early.pth"), encoding="ascii")["state_dict"]
    assert all(torch.equal(again[k], v) for k, v in plain.items())


def ema(plain):
    wrapped = OrderedDict(("module." + k, v) for k, v in plain.items())
    wrong = OrderedDict((k, v * 0) for k, v in plain.items())
    extra = argparse.Namespace(lr=0.1, milestones=[1, 2, None, True], name="x")
    return {"model": wrong, "model_ema": wrapped, "args": extra, "best": 1 << 70}


def channels_last(plain):
    return OrderedDict(
        (k, v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v)
        for k, v in plain.items())


def shared(plain):
    flat = torch.cat([v.flatten() for v in plain.values() if v.dtype == torch.float32])
    out, at = OrderedDict(), 0
    for key, tensor in plain.items():
        out[key] = tensor
        if tensor.dtype == torch.float32:
            out[key] = flat[at:at + tensor.numel()].view(tensor.shape)
            at += tensor.numel()
    return out


def parameters(plain):
    return OrderedDict((k, torch.nn.Parameter(v) if v.is_floating_point() else v)
                       for k, v in plain.items())


def main():
    transformers()
    densenet()
    plain = state(torch.float32)
    for word, dtype in (("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16),
                        ("f64", torch.float64)):
        save_safetensors(state(dtype), word + ".safetensors")
        save(state(dtype), word + ".pth")
    save({"model": plain, "epoch": 3}, "model.pth")
    save(ema(plain), "ema.pth")
    save(channels_last(plain), "channels_last.pth")
    save(shared(plain), "shared.pth")
    save(parameters(plain), "parameters.pth")
    save(torch.nn.Linear(2, 2), "module.pth")
    save({"model": plain, "hook": Malicious()}, "malicious.pth")
    old(plain)


if __name__ == "__main__":
    main()
