"""Reading a GGUF file: its metadata, and its tensors as float32. Formats: F32, F16, Q4_1 and Q8_0.

Layout, after llama.cpp's description of GGUF version 3: magic, version, counts, key-value pairs, tensor descriptions,
then the data, aligned to 32 bytes. Numbers are little-endian; dimensions are listed innermost first.
"""

import struct

import numpy as np

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
ALIGN = 32


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def scalar(self, code):
        size = struct.calcsize("<" + code)
        (value,) = struct.unpack_from("<" + code, self.data, self.at)
        self.at += size
        return value

    def string(self):
        size = self.scalar("Q")
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, count = self.scalar("I"), self.scalar("Q")
            return [self.value(inner) for _ in range(count)]
        return self.scalar(SCALARS[kind])


def q4_1(raw, count):
    """Blocks of 32: scale and minimum in f16, then 16 bytes with two values each, low halves first."""
    blocks = raw.reshape(-1, 20)
    scale, least = (blocks[:, i : i + 2].copy().view("<f2").astype(np.float32) for i in (0, 2))
    halves = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
    return (halves * scale + least).reshape(-1)[:count]


def q8_0(raw, count):
    """Blocks of 32: scale in f16, then 32 signed bytes."""
    blocks = raw.reshape(-1, 34)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return (blocks[:, 2:].copy().view("i1") * scale).reshape(-1)[:count]


# type: bytes of a block, values in it, decoder
FORMATS = {
    0: (4, 1, lambda raw, count: raw.view("<f4")[:count]),
    1: (2, 1, lambda raw, count: raw.view("<f2").astype(np.float32)[:count]),
    3: (20, 32, q4_1),
    8: (34, 32, q8_0),
}


def read_gguf(data):
    """(metadata, {name: float32 array, outermost dimension first})"""
    reader = Reader(data)
    if data[:4] != b"GGUF":
        raise ValueError("this is not a GGUF file")
    reader.at = 4
    version, tensors, pairs = reader.scalar("I"), reader.scalar("Q"), reader.scalar("Q")
    if version != 3:
        raise ValueError(f"expected GGUF version 3, got {version}")
    meta = {}
    for _ in range(pairs):
        key = reader.string()
        meta[key] = reader.value(reader.scalar("I"))
    described = []
    for _ in range(tensors):
        name = reader.string()
        dims = [reader.scalar("Q") for _ in range(reader.scalar("I"))]
        described.append((name, dims, reader.scalar("I"), reader.scalar("Q")))
    start = -(-reader.at // ALIGN) * ALIGN
    out = {}
    for name, dims, kind, offset in described:
        if kind not in FORMATS:
            raise ValueError(f"{name} is stored in format {kind}; known are {sorted(FORMATS)}")
        block, values, decode = FORMATS[kind]
        count = int(np.prod(dims))
        size = count // values * block
        raw = np.frombuffer(data, dtype=np.uint8, count=size, offset=start + offset)
        out[name] = decode(raw, count).reshape(dims[::-1])
    return meta, out
