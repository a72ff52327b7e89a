"""New examples for a network that was trained: what a file holds, before it is scaled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data import idx
from tuiml.data.own import idx_files, image_folders
from tuiml.data.own.entries import Arrays, Idx, Images, Table, format_named
from tuiml.data.own.facts import MOST_BYTES, Wrong
from tuiml.data.own.location import first_bytes, open_file
from tuiml.data.own.npy import Archive, Header
from tuiml.data.own.npz import INPUTS
from tuiml.data.own.values import CHANNELS, rows_of
from tuiml.text import plain_text

NAMED = 5
"""Names, rows or values that a message lists."""


@dataclass(frozen=True, eq=False)
class NewExamples:
    """Examples of a file; with labels where they are to be evaluated."""

    kind: str
    """What the names are: ``row``, ``example`` or ``file``."""
    names: tuple[int | str, ...]
    """The number of a row (as a spreadsheet shows it) or of an example (from 0), or a file's name."""
    inputs: NDArray[Any]
    """(n, features) raw; NaN where a value is missing, which the run fills as in training."""
    notes: tuple[str, ...] = ()
    """What was decided, or is odd: a line each."""
    pixels: bool = False
    """Inputs are bytes of an image file, 0 to 255, whatever the raw values of the data set are."""
    labels: NDArray[Any] | None = None
    """(n,) classes from 0, -1 for one that training never had; or (n, outputs) numbers."""


def listed(names: Sequence[str]) -> str:
    """The first few of some names, and how many there are in all."""
    some = ", ".join(plain_text(name)[:60] for name in names[:NAMED])
    return some + (f", … ({len(names):,} in all)" if len(names) > NAMED else "")


def kind_of(path: Path) -> str:
    """How the examples that lie at a path are read: by the name of the entry of such files."""
    if path.is_dir():
        return Idx.name if idx_files.files_in(path) else Images.name
    if path.name.lower().endswith(image_folders.ENDINGS):
        return Images.name
    start = first_bytes(path, 6)
    if start[:2] == b"PK" or start == b"\x93NUMPY" or format_named(path.name) == Arrays.name:
        return Arrays.name
    return Idx.name if start[:2] == b"\0\0" or idx_files.is_named_so(path) else Table.name


def idx_file(path: Path, shape: tuple[int, ...]) -> NewExamples:
    """The examples in an IDX file.

    Args:
        shape: of one example.

    Raises:
        DataError: the file is damaged, or its examples have another shape.
    """
    title = plain_text(path.name)[:80]
    if path.is_dir():
        raise Wrong("path", f"{title} has several IDX files: give that of the examples")
    return of_array(idx.read_any(path), shape, title, ())


def arrays(path: Path, shape: tuple[int, ...]) -> NewExamples:
    """The examples in an NPY file, or in the array of an NPZ file that is called x (or as in training).

    Args:
        shape: of one example.

    Raises:
        Wrong: the file is damaged, or its examples have another shape.
    """
    title = plain_text(path.name)[:80]
    notes: list[str] = []
    with open_file(path, MOST_BYTES) as file:
        if file.peek(6)[:6] == b"\x93NUMPY":  # type: ignore[attr-defined] # a BufferedReader
            raw = _npy(path, title)
        else:
            raw = _npz(Archive(file, title), title, notes)
    return of_array(raw, shape, title, notes)


def of_array(raw: NDArray[Any], shape: tuple[int, ...], title: str, notes: Sequence[str]) -> NewExamples:
    """The examples in an array.

    Raises:
        Wrong: they have another shape.
    """
    if raw.dtype.kind not in "buif":
        raise Wrong("path", f"{title} holds values of type {raw.dtype}; numbers are needed")
    if raw.shape == shape:
        raw = raw[None]
    last = len(shape) == 3 and raw.shape[1:] == (*shape[1:], shape[0]) and raw.shape[1:] != shape
    if not last and raw.shape[1:] != shape and (raw.ndim != 2 or raw.shape[1] != math.prod(shape)):
        wanted, found = ("×".join(map(str, some)) or "()" for some in (shape, raw.shape[1:]))
        raise Wrong("path", f"{title} has examples of shape {found}; the run was trained on {wanted}")
    if not len(raw):
        raise Wrong("path", f"{title} has no examples")
    if last and shape[0] in CHANNELS:
        notes = [*notes, "images with their channels last: they are put first"]
    return NewExamples("example", tuple(range(len(raw))), rows_of(raw, last, title), tuple(notes))


def _npy(path: Path, title: str) -> NDArray[Any]:
    try:
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, OSError, EOFError):
        raise Wrong(
            "path", f"{title} is damaged, or holds no numbers: save it again with numpy.save"
        ) from None


def _npz(archive: Archive, title: str, notes: list[str]) -> NDArray[Any]:
    lower = {name.lower(): name for name in archive.headers}
    names = [lower[name] for name in (*INPUTS, *(f"{n}_test" for n in INPUTS)) if name in lower]
    if not names and len(archive.headers) == 1:
        names = list(archive.headers)
    if not names:
        some = ", ".join(plain_text(name)[:30] for name in list(archive.headers)[:8])
        raise Wrong("path", f"{title} holds {some}; the examples are to be called x")
    header = archive.headers[names[0]]
    if isinstance(header, Wrong):
        raise header
    assert isinstance(header, Header)
    others = [plain_text(name)[:30] for name in archive.headers if name != names[0]]
    if others:
        notes.append(f"arrays that are not used: {', '.join(others[:8])}")
    return archive.read(header)


def pictures(
    path: Path, shape: tuple[int, ...], files: Sequence[Path] = (), notes: Sequence[str] = ()
) -> NewExamples:
    """One picture, or those in a folder (else in the folders in it).

    Args:
        shape: of one example.
        files: those of the folder that are read; none: all.
        notes: what is odd about these.

    Raises:
        Wrong: the run was not trained on images; there are none; or one cannot be read.
    """
    from tuiml.data.own import images
    from tuiml.data.own.image_folders import images_in

    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] not in (1, 3)):
        text = f"examples of shape {'×'.join(map(str, shape))}, not on images"
        raise Wrong("path", f"{plain_text(path.name)[:80]} is for images; the run was trained on {text}")
    if not files:
        files, notes = images_in(path) if path.is_dir() else ([path], ())
    names = tuple(plain_text(str(file.relative_to(path) if path.is_dir() else file.name)) for file in files)
    return NewExamples("file", names, images.decode(files, shape), tuple(notes), pixels=True)
