#!/usr/bin/python3
"""Takes full-size networks of random weights through pwf and back, by the commands that people use:
import, export, a strict load_state_dict of what was exported, and predict's logits beside PyTorch's.
Usage: check_export.py PWF, the program; works in a folder of its own."""
import json
import os
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy
import torch

from networks import DenseNet, ResNet, ViT

NETWORKS = {
    "resnet18": lambda: ResNet(False, (2, 2, 2, 2), (64, 128, 256, 512), (7, 2), True, 3, 1000),
    "resnet50": lambda: ResNet(True, (3, 4, 6, 3), (64, 128, 256, 512), (7, 2), True, 3, 1000),
    "deit_tiny_patch16_224": lambda: ViT(16, 192, 12, 3, False, 3, 1000, 224),
    "deit_tiny_distilled_patch16_224": lambda: ViT(16, 192, 12, 3, True, 3, 1000, 224),
    "densenet161": lambda: DenseNet(48, (6, 12, 36, 24), (7, 2), True, 3, 1000),
}
TYPES = {"F32": numpy.float32, "I64": numpy.int64}


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    about = header.pop("__metadata__")
    values = data[8 + length:]
    out = {}
    for name, entry in header.items():
        lo, hi = entry["data_offsets"]
        array = numpy.frombuffer(values[lo:hi], TYPES[entry["dtype"]]).reshape(entry["shape"])
        out[name] = torch.from_numpy(array.copy())
    return out, about


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def check(pwf, name, folder):
    torch.manual_seed(1)
    network = NETWORKS[name]().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    at = [os.path.join(folder, end) for end in ("a.pth", "a.h5", "a.safetensors", "x.h5", "y.h5")]
    torch.save(network.state_dict(), at[0])
    run(pwf, "import", at[0], "--model", name, "-o", at[1])
    run(pwf, "export", at[1], "-o", at[2])
    state, about = read_safetensors(at[2])
    assert about["model"] == name
    want = network.state_dict()
    assert state.keys() == want.keys(), sorted(state.keys() ^ want.keys())
    for key, tensor in want.items():
        assert state[key].dtype == tensor.dtype and state[key].shape == tensor.shape, key
        assert "tracked" in key or torch.equal(state[key], tensor), key
    other = NETWORKS[name]().eval()
    other.load_state_dict(state, strict=True)
    images = torch.randn(4, 3, 224, 224)
    with torch.no_grad():
        expected = other(images).numpy()
    with h5py.File(at[3], "w") as file:
        file["images"] = images.numpy()
    run(pwf, "predict", at[2], "-i", at[3], "-o", at[4], "--set", "eval.batch=2")
    with h5py.File(at[4], "r") as file:
        logits = file["logits"][:]
    apart = abs(logits - expected).max() / abs(expected).max()
    print(f"{name:33s} {len(state):4d} tensors, strict; logits apart by {apart:.1e}")
    assert apart < 1e-4


def main():
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            check(sys.argv[1], name, folder)


if __name__ == "__main__":
    main()
