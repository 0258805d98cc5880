#!/usr/bin/env python3
"""Writes good files with other programs and reads them with pwf and with these programs. Usage: readers.py
SEED COUNT BIN. Files of missing modules are skipped, with a message."""
import importlib
import json
import os
import random
import struct
import subprocess
import sys

seed, count, programs = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
tests = os.path.join(programs, "..", "tests")
random.seed(seed)


def modules(*names):
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as e:
        print(f"case good {e.name} is not installed: not compared")
        return None


def said(name, good, text):
    print(f"case {'good' if good else 'wrong'} {name}: {text}")


def run(*words, **options):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def pictures(numpy, image):
    rng, differ, worst = numpy.random.RandomState(seed), 0, 0
    for number in range(count):
        width, height = rng.randint(1, 200, 2)
        noise = rng.randint(0, 256, (int(height) // 8 + 1, int(width) // 8 + 1, 3)).astype("u1")
        kind = ["RGB", "L", "CMYK", "RGB", "RGB"][number % 5]
        made = image.fromarray(noise).resize((int(width), int(height)), image.BILINEAR).convert(kind)
        path = os.path.abspath(f"{number}.JPEG")
        if number % 5 == 4:
            made.save(path, "PNG")
        else:
            made.save(path, "JPEG", quality=int(rng.randint(30, 99)), progressive=number % 2 == 0)
        run(f"{tests}/image_tool", "pixels", input=f"{path} 0 0 0 {os.path.abspath('pixels')}\n")
        ours = numpy.fromfile("pixels", "u1").astype(int)
        theirs = numpy.asarray(image.open(path).convert("RGB")).reshape(-1).astype(int)
        worst = max(worst, int(abs(ours - theirs).max()))
        differ += int((ours != theirs).sum())
        os.remove(path)
    # other builds of libjpeg may round differently
    said("Pillow", worst <= 1, f"{count} pictures, {differ} values differ, by {worst} grey levels at most")


def settings(yaml):
    choices = {
        "train": {"batch": lambda: 8 * random.randint(1, 99), "baseline_epochs": lambda: random.random() * 9,
                  "seed": lambda: random.randint(0, 2**31)},
        "optim": {"lr": lambda: 10 ** random.uniform(-6, 0), "weight_decay": lambda: random.random()},
        "fixing": {"fractions": lambda: sorted(round(random.uniform(0.1, 1), 3) for _ in range(random.randint(1, 6))),
                   "delta": lambda: random.uniform(0.1, 2)},
        "data": {"path": lambda: "".join(random.choice("aZ9 /._-'\"#:äß") for _ in range(12)).strip() or "x",
                 "flip": lambda: random.random() < 0.5},
    }

    def same(a, b):
        if isinstance(a, list):
            return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
        if isinstance(a, float):
            return float(b) == a
        return a == b

    wrong = []
    for number in range(count):
        want = {}
        for group, keys in choices.items():
            chosen = {key: make() for key, make in keys.items() if random.random() < 0.7}
            if chosen:
                want[group] = chosen
        text = yaml.safe_dump(want, default_flow_style=random.choice([True, False, None]), allow_unicode=True,
                              indent=random.randint(2, 8), width=random.choice([20, 80, 1000]),
                              default_style=None, explicit_start=random.random() < 0.5)
        with open("in.yaml", "w", encoding="utf-8") as f:
            f.write(text)
        written = run(f"{tests}/config_tool", "in.yaml", encoding="utf-8")
        have = yaml.safe_load(written[: written.rindex("---\n")])
        for group, keys in want.items():
            for key, value in keys.items():
                if not same(value, have[group][key]):
                    wrong.append(f"{group}.{key}: {value!r} became {have[group][key]!r}")
    said("PyYAML", not wrong, f"{count} files of settings {'; '.join(wrong[:3])}")


def numbers(numpy, h5py):
    rng, wrong = numpy.random.RandomState(seed), 0
    for number in range(count):
        mu = rng.randn(int(rng.randint(1, 20000))).astype(rng.choice([">f4", "<f4"]))
        options = [{}, {"chunks": True}, {"chunks": True, "compression": "gzip", "shuffle": True},
                   {"chunks": True, "fletcher32": True}][rng.randint(4)]
        with h5py.File("in.h5", "w", libver=["earliest", "latest"][rng.randint(2)]) as f:
            f.create_dataset("mu", data=mu, **options)
            f.create_dataset("sigma", data=abs(mu), **options)
        run(f"{tests}/bad_h5", "read", "in.h5", "out")
        wrong += numpy.fromfile("out", "<f4").tobytes() != mu.astype("<f4").tobytes()
    said("h5py", wrong == 0, f"{count} files of weights for fix-round, {wrong} read otherwise")


def checkpoint(numpy, h5py):
    """A model, read by h5py, and its export."""
    source = os.path.join(os.path.dirname(__file__), "../fuzz/corpus/checkpoint/ckpt")
    run(f"{programs}/pwf", "export", source, "-o", "out.safetensors")
    with open("out.safetensors", "rb") as f:
        length = struct.unpack("<Q", f.read(8))[0]
        header, body = json.loads(f.read(length)), f.read()
    wrong = []
    with h5py.File(source, "r") as f:
        for group in ("mu", "buffers"):
            for name, values in f[group].items():
                entry = header.get(name)
                lo, hi = entry["data_offsets"] if entry else (0, 0)
                if not entry or entry["shape"] != list(values.shape) or body[lo:hi] != values[()].tobytes():
                    wrong.append(name)
    said("h5py", not wrong, f"a checkpoint and its export as safetensors {' '.join(wrong)}")


for names, compare in [(("numpy", "PIL.Image"), pictures), (("yaml",), settings), (("numpy", "h5py"), numbers),
                       (("numpy", "h5py"), checkpoint)]:
    found = modules(*names)
    if found:
        compare(*found)
