#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Decoding and resizing beside Pillow: the largest difference, and the images per second of a core.

Usage: compare_images.py [BUILD]    (default: build; needs Pillow and numpy)

Two hundred files of odd sizes and every kind are decoded and resized by both, bilinear and bicubic.
Then both load the same files as training does (read, decode, resize to 256 x 256, crop 224 x 224,
mirror, normalise to fp32), in turns, on one thread each; processor time is taken, and the best turn of each counts.
"""

import os
import subprocess
import sys
import tempfile
import time

import numpy
from PIL import Image

IMAGES, RATE_IMAGES, TURNS = 200, 60, 7
FILTERS = [Image.BILINEAR, Image.BICUBIC]
tool = os.path.abspath(os.path.join(sys.argv[1] if len(sys.argv) > 1 else "build", "tests/image_tool"))
rng = numpy.random.RandomState(7)


def photograph(width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    planes = []
    for c in range(3):
        a, b = rng.uniform(3, 40, 2)
        plane = 128 + 80 * numpy.sin(x / a + c) * numpy.cos(y / b)
        plane[(x * height + y * width) > width * height * rng.uniform(0.5, 1.5)] += rng.uniform(-90, 90)
        planes.append(plane + rng.normal(0, 9, plane.shape))
    return Image.fromarray(numpy.stack(planes, 2).clip(0, 255).astype(numpy.uint8))


def save(number, path):
    image = photograph(*[int(v) for v in rng.randint(1, 900, 2)])
    kind = number % 8
    if kind == 5:
        image = image.convert("L")
    if kind == 6:
        image = image.convert("CMYK")
    if kind == 7:
        image.save(path, "PNG")
    else:
        image.save(path, "JPEG", quality=int(rng.randint(40, 98)), progressive=kind == 4,
                   **({} if kind in (5, 6) else {"subsampling": kind % 3}))


def ours(lines):
    return subprocess.run([tool, "pixels"], input="\n".join(lines) + "\n", check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split("\n")


def compare(folder):
    worst = {"decoded": 0, "bilinear": 0, "bicubic": 0}
    differ = dict.fromkeys(worst, 0)
    values = dict.fromkeys(worst, 0)
    for number in range(IMAGES):
        path, out = f"{folder}/{number}.JPEG", f"{folder}/out"
        save(number, path)
        pillow = Image.open(path).convert("RGB")
        width, height = (256, 256) if number % 3 == 0 else [int(v) for v in rng.randint(1, 500, 2)]
        for what, size in (("decoded", (0, 0)), ("bilinear", (width, height)), ("bicubic", (width, height))):
            kind = int(what == "bicubic")
            answer = ours([f"{path} {size[0]} {size[1]} {kind} {out}"])[0]
            truth = pillow if what == "decoded" else pillow.resize(size, FILTERS[kind])
            assert answer == f"{truth.width} {truth.height}", (path, answer)
            a = numpy.fromfile(out, numpy.uint8).astype(int)
            b = numpy.asarray(truth).reshape(-1).astype(int)
            worst[what] = max(worst[what], int(abs(a - b).max()))
            differ[what] += int((a != b).sum())
            values[what] += a.size
    for what in worst:
        print(f"{what}: {IMAGES} images, largest difference {worst[what]} grey levels, "
              f"{differ[what]} of {values[what]} values differ")
    return max(worst.values()) <= 1


def pillow_rate(paths, normalise):
    mean, std = numpy.float32([0.485, 0.456, 0.406]), numpy.float32([0.229, 0.224, 0.225])
    begun = time.process_time()
    for number, path in enumerate(paths):
        image = Image.open(path).convert("RGB").resize((256, 256), Image.BILINEAR)
        image = image.crop((16, 16, 240, 240))
        if number % 2:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        pixels = numpy.asarray(image)
        if normalise:
            pixels = (pixels.astype(numpy.float32) / 255 - mean) / std
    return len(paths) / (time.process_time() - begun)


def our_rate(tree):
    count, seconds = subprocess.run([tool, "rate", tree], check=True, text=True,
                                    stdout=subprocess.PIPE).stdout.split()
    return int(count) / float(seconds)


def rates(folder):
    os.makedirs(f"{folder}/tree/train/one")
    paths = [f"{folder}/tree/train/one/{n:03d}.JPEG" for n in range(RATE_IMAGES)]
    for path in paths:
        photograph(500, 375).save(path, "JPEG", quality=90)
    size = sum(os.path.getsize(p) for p in paths) / len(paths)
    best = [0.0, 0.0, 0.0]
    for _ in range(TURNS):
        turn = our_rate(f"{folder}/tree"), pillow_rate(paths, True), pillow_rate(paths, False)
        best = [max(a, b) for a, b in zip(best, turn)]
    print(f"500 x 375 pixels, {size / 1000:.0f} kB: {best[0]:.0f} images/s on one core; Pillow and numpy "
          f"{best[1]:.0f} ({best[0] / best[1]:.2f} times), without normalisation {best[2]:.0f} "
          f"({best[0] / best[2]:.2f} times)")


with tempfile.TemporaryDirectory() as scratch:
    good = compare(scratch)
    rates(scratch)
sys.exit(0 if good else 1)
