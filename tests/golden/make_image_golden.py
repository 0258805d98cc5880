#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Golden pixels of image files, from Pillow: decoded, resized, and as evaluation sees them.

Usage: make_image_golden.py FILE (tests/image/golden/images.golden). Needs Pillow and numpy; the tests
do not.

The file is lines, each followed by the bytes that it counts and a newline:
  image NAME SIZE WIDTH HEIGHT DECODED     the file; then, if DECODED is 1, its RGB pixels
  resize WIDTH HEIGHT FILTER LEFT TOP COLUMNS ROWS     that window of the resized image
  eval NAME SIDE CROP                      square of SIDE pixels; CROP: timm's share in thousandths, 0: paper
"""

import io
import math
import sys

import numpy
from PIL import Image

rng = numpy.random.RandomState(20240301)
out = open(sys.argv[1], "wb")
FILTERS = [Image.BILINEAR, Image.BICUBIC]


def put(line, *parts):
    out.write((line + "\n").encode())
    for part in parts:
        out.write(part + b"\n")


def photograph(width, height):
    """Waves, an edge and noise: everything that a decoder may round differently."""
    y, x = numpy.mgrid[0:height, 0:width]
    planes = []
    for c in range(3):
        plane = 128 + 90 * numpy.sin(x / (3.0 + c) + c) * numpy.cos(y / (5.0 - c))
        plane[(x + 2 * y) > (width + height)] += 60 - 70 * c
        planes.append(plane + rng.normal(0, 6, plane.shape))
    return Image.fromarray(numpy.stack(planes, 2).clip(0, 255).astype(numpy.uint8))


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def cmyk_file(image):
    """CMYK as cameras' and Adobe's programs write it: Pillow inverts what it is given."""
    c, m, y = [band.point(lambda v: 255 - v) for band in image.split()]
    k = Image.eval(image.convert("L"), lambda v: (255 - v) // 3)
    return encoded(Image.merge("CMYK", (c, m, y, k)), "JPEG", quality=90)


def files():
    yield "420", encoded(photograph(45, 37), "JPEG", quality=80, subsampling=2)
    yield "422", encoded(photograph(38, 29), "JPEG", quality=85, subsampling=1)
    yield "444", encoded(photograph(33, 31), "JPEG", quality=95, subsampling=0)
    yield "progressive", encoded(photograph(47, 35), "JPEG", quality=80, progressive=True)
    yield "optimised", encoded(photograph(40, 24), "JPEG", quality=70, optimize=True)
    yield "grey", encoded(photograph(31, 40).convert("L"), "JPEG", quality=80)
    yield "cmyk", cmyk_file(photograph(34, 26))
    yield "one_pixel", encoded(photograph(1, 1), "JPEG", quality=80)
    yield "png_rgb", encoded(photograph(29, 33), "PNG")
    yield "png_grey", encoded(photograph(30, 22).convert("L"), "PNG")
    yield "png_palette", encoded(photograph(35, 27).quantize(40), "PNG")
    yield "png_bits", encoded(photograph(35, 27).convert("1"), "PNG")
    image = photograph(26, 30)
    image.putalpha(image.convert("L"))
    yield "png_alpha", encoded(image, "PNG")


def decode(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def put_image(name, data, keep):
    image = decode(data)
    put(f"image {name} {len(data)} {image.width} {image.height} {int(keep)}", data,
        *([image.tobytes()] if keep else []))
    return image


def put_resize(image, width, height, kind, window=None):
    window = window or (0, 0, width, height)
    left, top, columns, rows = window
    resized = image.resize((width, height), FILTERS[kind])
    part = resized.crop((left, top, left + columns, top + rows))
    put(f"resize {width} {height} {kind} {left} {top} {columns} {rows}", part.tobytes())


def evaluated(image, side, crop):
    """The paper's transform on a square of side * 8 / 7; torchvision's Resize and CenterCrop."""
    if crop == 0:
        width = height = side * 8 // 7
        resized = image.resize((width, height), Image.BILINEAR)
    else:
        shorter = math.floor(side / (crop / 1000))
        width, height = image.size
        if width <= height:
            size = shorter, int(shorter * height / width)
        else:
            size = int(shorter * width / height), shorter
        width, height = size
        resized = image.resize(size, Image.BICUBIC)
    left, top = int(round((width - side) / 2.0)), int(round((height - side) / 2.0))
    return resized.crop((left, top, left + side, top + side))


for number, (name, data) in enumerate(files()):
    image = put_image(name, data, True)
    for kind in range(2):
        put_resize(image, 16 + number, 19, kind)
        put_resize(image, 64, 57, kind, (number, 20, 13, 11))
put_resize(image, image.width, 20, 1)
put_resize(image, 20, image.height, 0)
put_resize(image, image.width, image.height, 1)

for name, size in (("landscape", (251, 187)), ("portrait", (119, 302)), ("wide", (400, 23))):
    image = put_image(name, encoded(photograph(*size), "JPEG", quality=50), False)
    for kind in range(2):
        put_resize(image, 32, 32, kind)
        put_resize(image, 1, 1, kind)
    for side, crop in ((28, 0), (28, 875), (28, 900), (21, 1000)):
        put(f"eval {name} {side} {crop}", evaluated(image, side, crop).tobytes())
out.close()
