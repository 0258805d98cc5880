#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets. Usage: make_seeds.py BUILD CORPUS

PyTorch, NumPy, h5py and Pillow write files of their formats; BUILD/tests/seed_checkpoint and BUILD/bin/pwf
write the files of pwf."""
import glob
import gzip
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile

import h5py
import numpy as np
import torch
from PIL import Image

build, corpus = os.path.abspath(sys.argv[1]), sys.argv[2]


def put(target, name, data):
    os.makedirs(os.path.join(corpus, target), exist_ok=True)
    with open(os.path.join(corpus, target, name), "wb") as f:
        f.write(data)


def safetensors():
    def file(header, body):
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text + body

    one = {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
    put("safetensors", "one", file(one, bytes(16)))
    many, at = {"__metadata__": {"format": "pt"}}, 0
    for name, size in [("F16", 2), ("BF16", 2), ("F64", 8), ("F32", 4)]:
        many[name] = {"dtype": name, "shape": [3], "data_offsets": [at, at + 3 * size]}
        at += 3 * size
    put("safetensors", "kinds", file(many, bytes(range(at))))
    scalar = {"s": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}
    put("safetensors", "scalar", file(scalar, bytes(4)))


def pytorch():
    state = {"conv.weight": torch.ones(2, 2), "bn.num_batches_tracked": torch.tensor(3),
             "half": torch.zeros(4, dtype=torch.float16)}
    strided = {"t": torch.arange(6.0).reshape(2, 3).t(), "e": torch.ones(1).expand(3)}
    for name, value in [("state", state), ("nested", {"epoch": 3, "model": state}),
                        ("strided", strided),
                        ("parameter", {"p": torch.nn.Parameter(torch.ones(2))})]:
        buffer = io.BytesIO()
        torch.save(value, buffer)
        put("pytorch", name, buffer.getvalue())
    # fuzz_pickle has storages "0" to "2" of 4, 16 and 64 floats
    model = {"a": torch.zeros(4), "b": torch.zeros(4, 4).t(), "c": torch.zeros(2, 2, 16)}
    for name, value in [("three", model), ("nested", {"state_dict": model, "epoch": 1.5, "x": None,
                                                      "l": [1, 2, -3, 1 << 40, True]}),
                        ("view", {"v": model["c"][0, 1:, ::2]})]:
        buffer = io.BytesIO()
        torch.save(value, buffer)
        archive = zipfile.ZipFile(buffer)
        pickle = [n for n in archive.namelist() if n.endswith("data.pkl")][0]
        put("pickle", name, archive.read(pickle))
    one_view = io.BytesIO()
    torch.save({"v": torch.zeros(4)}, one_view)
    archive = zipfile.ZipFile(one_view)
    put("pickle", "one", archive.read([n for n in archive.namelist() if n.endswith(".pkl")][0]))


def pictures():
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (11, 13, 3), dtype=np.uint8)
    rgb = Image.fromarray(noise)
    for name, picture, options in [
            ("rgb", rgb, {}), ("grey", rgb.convert("L"), {}), ("cmyk", rgb.convert("CMYK"), {}),
            ("progressive", rgb, {"progressive": True}), ("sampled", rgb, {"subsampling": 2}),
            ("small", rgb.resize((1, 1)), {"quality": 20})]:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", **options)
        put("jpeg", name, buffer.getvalue())
    deep = Image.fromarray(rng.integers(0, 65536, (5, 4), dtype=np.uint16).astype(np.int32))
    for name, picture in [
            ("rgb", rgb), ("grey", rgb.convert("L")), ("alpha", rgb.convert("RGBA")),
            ("palette", rgb.convert("P")), ("bit", rgb.convert("1")), ("grey_alpha", rgb.convert("LA")),
            ("deep", deep)]:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        put("png", name, buffer.getvalue())
    data = rng.integers(0, 256, (2, 3, 3), dtype=np.uint8)
    idx = bytes([0, 0, 8, 3]) + struct.pack(">3I", *data.shape) + data.tobytes()
    labels = bytes([0, 0, 8, 1]) + struct.pack(">I", 3) + bytes([1, 2, 9])
    put("idx", "images", idx)
    put("idx", "labels", labels)
    put("idx", "images_gz", gzip.compress(idx, mtime=0))
    put("idx", "members_gz", gzip.compress(idx[:9], mtime=0) + gzip.compress(idx[9:], mtime=0))
    put("cifar", "ten", bytes([3]) + bytes(3072) + bytes([9]) + bytes(3072))
    put("cifar", "hundred", bytes([3, 99]) + bytes(3072))
    put("cifar", "class", bytes([10]) + bytes(3072))
    image = 3 * 96 * 96
    for name, length, labels in [("two", 2 * image, [1, 10]), ("class", image, [11]), ("pair", 2 * image, [1]),
                                 ("length", image + 1, [1])]:
        put("stl10", name, length.to_bytes(3, "little") + bytes(labels))


def user_files():
    """The files that fuzz_user_h5 changes, and inputs without changes."""
    folder = os.path.join(corpus, "..", "files")
    os.makedirs(folder, exist_ok=True)
    for number, name in enumerate(["round_old", "round_new", "images_old", "images_new"]):
        new = {"libver": "latest"} if name.endswith("new") else {}
        packed = {"chunks": True, "compression": "gzip", "shuffle": True} if new else {}
        with h5py.File(os.path.join(folder, name), "w", **new) as f:
            if name.startswith("images"):
                f.create_dataset("images", data=np.ones((2, 1, 4, 4), "f4"), **packed)
                continue
            for key in ("mu", "sigma"):
                f.create_dataset(key, data=np.ones(64, "f4"), **packed)
            f.create_dataset("fixed_in", data=np.zeros(64, "u1"))
            f.attrs["fraction"] = 0.5
            f.attrs["sigma_join"] = "keep"
        put("user_h5", name, bytes([number]))


def own_files():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([f"{build}/tests/seed_checkpoint", folder], check=True)
        for path in glob.glob(f"{folder}/*.h5"):
            with open(path, "rb") as f:
                put("checkpoint", os.path.basename(path)[:-3].rstrip("-0123456789"), f.read())
        for name, target in [("model.pwf", "packed"), ("model.safetensors", "safetensors")]:
            with open(f"{folder}/{name}", "rb") as f:
                put(target, "model", f.read())
        for part in ("train", "val"):
            for label in ("cat", "dog"):
                os.makedirs(f"{folder}/tree/{part}/{label}")
                shutil.copy(f"{corpus}/jpeg/rgb", f"{folder}/tree/{part}/{label}/a.jpg")
        for name, options in [("encoded", []), ("pixels", ["--pixels", "8"])]:
            made = f"{folder}/{name}.h5"
            subprocess.run([f"{build}/bin/pwf", "pack", f"{folder}/tree", "-o", made, "--split", "val"] +
                           options, check=True)
            with open(made, "rb") as f:
                put("archive", name, f.read())


safetensors()
pytorch()
pictures()
user_files()
own_files()
