#!/usr/bin/env python3
"""Makes small image files that claim an enormous size or take very long to decode, from the seeds of the
fuzz targets. Usage: bombs.py CORPUS FOLDER. Needs only Python."""
import os
import struct
import sys
import zlib

corpus, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)


def put(name, data):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def read(name):
    with open(os.path.join(corpus, name), "rb") as f:
        return f.read()


def claim(jpeg, sides):
    """Another height and width in the frame header, SOF0 or SOF2."""
    at = max(jpeg.find(b"\xff\xc0\x00\x11"), jpeg.find(b"\xff\xc2\x00\x11"))
    return jpeg[: at + 5] + struct.pack(">HH", sides, sides) + jpeg[at + 9 :]


def png(sides):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", sides, sides, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


rgb, progressive = read("jpeg/rgb"), read("jpeg/progressive")
put("sides-65500.jpg", claim(rgb, 65500))
put("progressive-65500.jpg", claim(progressive, 65500))
put("sides-100000.png", png(100000))
put("sides-16384.png", png(16384))
last = progressive.rfind(b"\xff\xda")
put("scans-10000.jpg", progressive[:-2] + progressive[last:-2] * 10000 + progressive[-2:])
put("markers.jpg", rgb[:2] + (b"\xff\xe1\xff\xff" + bytes(65533)) * 1100 + rgb[2:])  # 69 MiB
