#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Golden pictures of the augmentations from Pillow, with the formulas of torchvision and timm.

  make_augment_golden.py tests/image/golden

augment.golden holds lines of text, some followed by pixels (RGB bytes, rows from above) and a newline:
  picture WIDTH HEIGHT + pixels           the picture that the next lines are about
  op NAME ARGUMENT INTERPOLATION + pixels  what one operation makes of it
  level NAME MAGNITUDE NEGATIVE INCREASING ARGUMENT
  jitter B C S H SEED PASS INDEX + pixels
  rand LAYERS INCREASING INTERPOLATION SEED PASS INDEX + pixels
  resized INTERPOLATION SEED PASS INDEX + pixels   a crop, resized to the picture's own size
  crop WIDTH HEIGHT SCALE0 SCALE1 RATIO0 RATIO1 SEED PASS INDEX LEFT TOP COLUMNS ROWS
  erase WIDTH HEIGHT SEED PASS INDEX LEFT TOP COLUMNS ROWS
The random numbers are the program's own, written once more in make_posterior_golden.py.
"""
import math
import sys

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from make_posterior_golden import philox

CROP, JITTER, RAND, ERASE = 6, 7, 8, 9
FILL = (124, 116, 104)
MODES = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
OPERATIONS = ["AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color",
              "Contrast", "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY"]


class Draws:
    """Numbers one after the other from the stream of an image in a pass."""

    def __init__(self, purpose, seed, number, index, sample=0):
        self.key = (seed, purpose)
        self.step, self.sample, self.quad, self.words = number << 32 | index, sample, 0, []

    def four(self):
        self.quad += 1
        return philox(*self.key, self.quad - 1, self.step, self.sample)

    def word(self):
        if not self.words:
            self.words = self.four()
        return self.words.pop(0)

    def uniform(self):
        return self.word() / 2.0 ** 32

    def between(self, low, high):
        return low + (high - low) * self.uniform()

    def below(self, places):
        return self.word() * places >> 32

    def normal(self):
        radius, angle = self.four()[:2]
        u = (radius >> 9) * 2.0 ** -23 + 2.0 ** -24
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * angle / 2.0 ** 32)


def affine(image, map6, mode):
    return image.transform(image.size, Image.AFFINE, map6, resample=mode, fillcolor=FILL)


def solarize_add(image, add):
    return image.point([min(255, i + add) if i < 128 else i for i in range(256)] * 3)


def hue(image, turn):
    h, s, v = image.convert("HSV").split()
    shifted = (np.array(h).astype(np.int64) + int(turn * 255)) % 256
    return Image.merge("HSV", (Image.fromarray(shifted.astype(np.uint8), "L"), s, v)).convert("RGB")


def operate(image, name, x, mode):
    w, h = image.size
    return {
        "AutoContrast": lambda: ImageOps.autocontrast(image),
        "Equalize": lambda: ImageOps.equalize(image),
        "Invert": lambda: ImageOps.invert(image),
        "Rotate": lambda: image.rotate(x, resample=mode, fillcolor=FILL),
        "Posterize": lambda: image if x >= 8 else ImageOps.posterize(image, int(x)),
        "Solarize": lambda: ImageOps.solarize(image, int(x)),
        "SolarizeAdd": lambda: solarize_add(image, int(x)),
        "Color": lambda: ImageEnhance.Color(image).enhance(x),
        "Contrast": lambda: ImageEnhance.Contrast(image).enhance(x),
        "Brightness": lambda: ImageEnhance.Brightness(image).enhance(x),
        "Sharpness": lambda: ImageEnhance.Sharpness(image).enhance(x),
        "ShearX": lambda: affine(image, (1, x, 0, 0, 1, 0), mode),
        "ShearY": lambda: affine(image, (1, 0, 0, x, 1, 0), mode),
        "TranslateX": lambda: affine(image, (1, 0, x * w, 0, 1, 0), mode),
        "TranslateY": lambda: affine(image, (1, 0, 0, 0, 1, x * h), mode),
        "Hue": lambda: hue(image, x),
    }[name]()


def argument(name, level, negative, increasing):
    """timm's level functions."""
    sign = -1 if negative else 1
    if name == "Rotate":
        return sign * level / 10 * 30
    if name in ("ShearX", "ShearY"):
        return sign * level / 10 * 0.3
    if name in ("TranslateX", "TranslateY"):
        return sign * level / 10 * 0.45
    if name == "Posterize":
        return 4 - int(level / 10 * 4) if increasing else int(level / 10 * 4)
    if name == "Solarize":
        kept = min(256, int(level / 10 * 256))
        return 256 - kept if increasing else kept
    if name == "SolarizeAdd":
        return min(128, int(level / 10 * 110))
    if name in ("Color", "Contrast", "Brightness", "Sharpness"):
        return max(0.1, 1 + sign * level / 10 * 0.9) if increasing else level / 10 * 1.8 + 0.1
    return 0


def jitter(image, spreads, draws):
    order = [0, 1, 2, 3]
    for i in (3, 2, 1):
        j = draws.below(i + 1)
        order[i], order[j] = order[j], order[i]
    uniform = [draws.uniform() for _ in range(4)]
    for i in order:
        x, u = spreads[i], uniform[i]
        if x == 0:
            continue
        low = max(0.0, 1 - x)
        factor = -x + 2 * x * u if i == 3 else low + (1 + x - low) * u
        image = operate(image, ("Brightness", "Contrast", "Color", "Hue")[i], factor, None)
    return image


def randaugment(image, layers, increasing, mode, key):
    for layer in range(layers):
        draws = Draws(RAND, *key, sample=layer)
        name = OPERATIONS[draws.below(len(OPERATIONS))]
        skipped, negative = draws.uniform() >= 0.5, draws.word() >> 31 != 0
        level = max(0.0, min(10.0, 9 + 0.5 * draws.normal()))
        if not skipped:
            image = operate(image, name, argument(name, level, negative, increasing), mode)
    return image


def crop_box(draws, width, height, scale, ratio):
    for _ in range(10):
        area = width * height * draws.between(*scale)
        aspect = math.exp(draws.between(math.log(ratio[0]), math.log(ratio[1])))
        down, right = draws.uniform(), draws.uniform()
        w, h = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
        if 0 < w <= width and 0 < h <= height:
            return int(right * (width - w + 1)), int(down * (height - h + 1)), w, h
    now, w, h = width / height, width, height
    if now < ratio[0]:
        h = int(round(width / ratio[0]))
    elif now > ratio[1]:
        w = int(round(height * ratio[1]))
    return (width - w) // 2, (height - h) // 2, w, h


def erase_box(draws, width, height, probability):
    if draws.uniform() >= probability:
        return 0, 0, 0, 0
    for _ in range(10):
        area = width * height * draws.between(0.02, 1 / 3)
        aspect = math.exp(draws.between(math.log(0.3), math.log(1 / 0.3)))
        h, w = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
        if w < width and h < height:
            top = draws.below(height - h + 1)
            return draws.below(width - w + 1), top, w, h
    return 0, 0, 0, 0


def pictures():
    rng = np.random.default_rng(9)
    y, x = np.mgrid[0:18, 0:23]
    scene = np.stack([60 + 7 * x, 250 - 12 * y, 40 + 60 * ((x // 4 + y // 5) % 3)], axis=2)
    scene = np.clip(scene + rng.integers(-25, 25, scene.shape), 3, 249)
    colours = rng.integers(0, 256, (24, 24, 3))
    colours[:4] = colours[:4, :, :1]  # greys
    colours[4:8, :, 1] = 255
    grey = np.repeat(np.clip(128 + 60 * np.sin(np.mgrid[0:12, 0:12][1] / 2.0), 0, 255)[:, :, None], 3, axis=2)
    flat = np.full((5, 6, 3), 77)
    narrow = rng.integers(100, 140, (2, 9, 3))
    return [Image.fromarray(a.astype(np.uint8), "RGB") for a in (scene, colours, grey, flat, narrow)]


def write(out, line, image=None):
    out.write(line.encode() + b"\n")
    if image is not None:
        out.write(image.tobytes() + b"\n")


def write_operations(out, image, first, second):
    affines = {"Rotate": [-30, -7.5, 0, 12.25, 30], "ShearX": [-0.3, 0.21], "ShearY": [-0.27, 0.3],
               "TranslateX": [-0.45, 0.123], "TranslateY": [-0.2, 0.45]}
    factors = [0.1, 0.73, 1, 1.9]
    others = {"AutoContrast": [0], "Equalize": [0], "Invert": [0], "Posterize": [0, 1, 4, 7, 8],
              "Solarize": [0, 26, 128, 256], "SolarizeAdd": [0, 49, 110]}
    colours = {"Color": factors, "Contrast": factors, "Brightness": factors, "Sharpness": factors,
               "Hue": [-0.5, -0.11, 0, 0.003, 0.27, 0.5]}
    for name, values in {**(affines if first else {}), **others, **(colours if first or second else {})}.items():
        for x in values:
            for word, mode in MODES.items() if name in affines else [("bicubic", Image.BICUBIC)]:
                write(out, f"op {name} {x:.17g} {word}", operate(image, name, x, mode))


def write_levels(out):
    for name in OPERATIONS:
        for level in (0, 2.7, 8.93, 10):
            for negative in (0, 1):
                for increasing in (0, 1):
                    x = argument(name, level, negative, increasing)
                    write(out, f"level {name} {level} {negative} {increasing} {x:.17g}")


def main():
    with open(f"{sys.argv[1]}/augment.golden", "wb") as out:
        write(out, "pwf-augment 1")
        all_pictures = pictures()
        for i, image in enumerate(all_pictures):
            write(out, f"picture {image.width} {image.height}", image)
            write_operations(out, image, i in (0, 4), i == 1)
            if i == 0:
                for n in range(12):
                    spreads = (0.4, 0.4, 0.4, 0.1) if n < 8 else (1.5, 0, 0.2, 0.5)
                    key = (5, n // 3, 70000 + n)
                    write(out, "jitter %g %g %g %g %d %d %d" % (*spreads, *key), jitter(image, spreads, Draws(JITTER, *key)))
                for n in range(6):
                    key, word = (8, n, 100 - n), ("bilinear", "bicubic")[n % 2]
                    left, top, w, h = crop_box(Draws(CROP, *key), *image.size, (0.08, 1), (3 / 4, 4 / 3))
                    part = image.crop((left, top, left + w, top + h)).resize(image.size, MODES[word])
                    write(out, "resized %s %d %d %d" % (word, *key), part)
                for n in range(24):
                    key, word = (6, n // 4, n), ("bilinear", "bicubic")[n % 2]
                    result = randaugment(image, 2 + n % 3, n % 5 != 0, MODES[word], key)
                    write(out, "rand %d %d %s %d %d %d" % (2 + n % 3, n % 5 != 0, word, *key), result)
        write_levels(out)
        for n, (w, h) in enumerate([(500, 375), (375, 500), (28, 28), (400, 20), (20, 400), (3, 1), (32, 32)] * 4):
            scale, ratio = ((0.08, 1), (3 / 4, 4 / 3)) if n < 21 else ((0.9, 1), (0.5, 0.6))
            key = (7, n, 3 * n)
            box = crop_box(Draws(CROP, *key), w, h, scale, ratio)
            write(out, "crop %d %d %.17g %.17g %.17g %.17g %d %d %d %d %d %d %d" % (w, h, *scale, *ratio, *key, *box))
            box = erase_box(Draws(ERASE, *key), w, h, 0.7)
            write(out, "erase %d %d %d %d %d %d %d %d %d" % (w, h, *key, *box))
        write(out, "end")


main()
