"""Files as a user, or a stranger, might have them."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np

from tuiml.data.datasets import datasets
from tuiml.data.own.reading import DataFiles


def text(path: Path, lines: str | bytes) -> Path:
    path.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    return path


def flowers(path: Path, rows: int = 90, spread: float = 0.5, seed: int = 1) -> Path:
    """A table with a header: three columns of numbers and the name of one of three species."""
    rng = np.random.default_rng(seed)
    lines = ["length,width,height,species"]
    for row in range(rows):
        kind = row % 3
        values = (f"{value:.2f}" for value in rng.normal(2 * kind, spread, 3))
        lines.append(",".join([*values, ("setosa", "versicolor", "virginica")[kind]]))
    return text(path, "\n".join(lines) + "\n")


def homes(path: Path, rows: int = 120) -> Path:
    """A table with a header: two inputs and two numbers to predict, price and weight."""
    rng = np.random.default_rng(2)
    lines = ["area,rooms,price,weight"]
    for _ in range(rows):
        area, rooms = rng.uniform(20, 120), rng.integers(1, 6)
        price, weight = 1000 * area + rng.normal(0, 9000), 0.01 * rooms + rng.normal(0, 0.003)
        lines.append(f"{area:.1f},{rooms},{price:.0f},{weight:.5f}")
    return text(path, "\n".join(lines) + "\n")


def own(path: Path, **options):
    """The data set that a path means."""
    return datasets.read({"path": str(path), **options}, DataFiles())


def npy(shape: str, descr: str = "'<f4'", values: bytes = b"", order: bool = False) -> bytes:
    """An NPY file with whatever header."""
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values


def archive(path: Path, entries: list[tuple[str, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip file of these entries, whatever their names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as file:
        for name, values in entries:
            file.writestr(name, values)
    path.write_bytes(stream.getvalue())
    return path


def idx(values: np.ndarray, kind: int) -> bytes:
    """An IDX file, its values in the type of that number."""
    kinds = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
    head = struct.pack(f">4B{values.ndim}I", 0, 0, kind, values.ndim, *values.shape)
    return head + values.astype(kinds[kind]).tobytes()
