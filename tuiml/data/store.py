"""Reading data sets that lie in files: looked for, verified, downloaded where no folder has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuiml import files
from tuiml.data import download, idx
from tuiml.data.arrays import Part, PoolAndTest
from tuiml.data.errors import DataError
from tuiml.data.kinds import Progress
from tuiml.data.sources import DIGITS_IMAGES, DIGITS_LABELS, Origin, Source


@dataclass(frozen=True)
class Place:
    """A folder that may hold the files of a data set."""

    folder: Path
    named: bool
    """It bears the data set's name; else its files may be another's of the same names (Fashion-MNIST's
    are MNIST's), and only their hashes differ."""
    ours: bool
    """In the cache: a file that is not right is fetched again instead of complained about."""

    def file(self, source: Source) -> Path | None:
        """The file of ``source`` here, gzipped or not."""
        for path in (self.folder / source.file, self.folder / f"{source.file}.gz"):
            if path.is_file():
                return path
        return None


def places(origin: Origin) -> Iterator[Place]:
    """Where the files of ``origin`` are looked for, first to last.

    Below each data folder the data set's own folder, then, for a ``TUIML_DATA`` that points straight
    at the files, the data folder itself.
    """
    cache = files.cache() / "data"
    for folder in files.data_folders():
        for name in origin.folders:
            yield Place(folder / name, named=True, ours=folder == cache)
        if folder != cache:
            yield Place(folder, named=False, ours=False)


def read_origin(origin: Origin, progress: Progress | None = None) -> PoolAndTest:
    """The two parts of ``origin``: images (n, features) uint8, labels (n,) uint8.

    Raises:
        DataError: a file is damaged, or in no folder and out of reach.
    """
    images, labels, test_images, test_labels = (obtain(origin, s, progress) for s in origin.sources)
    return PoolAndTest(_part(images, labels), _part(test_images, test_labels))


def read_here(origin: Origin) -> PoolAndTest | None:
    """As :func:`read_origin`, but ``None`` where a file lies in no folder: nothing is downloaded.

    Raises:
        DataError: a file in a folder of the user's is damaged.
    """
    found = [values for source in origin.sources if (values := _first(origin, source)) is not None]
    if len(found) < len(origin.sources):
        return None
    (_, images), (_, labels), (_, test_images), (_, test_labels) = found
    return PoolAndTest(_part(images, labels), _part(test_images, test_labels))


def read_digits(test: int) -> PoolAndTest:
    """The bundled digits: every sixth of the first ``6 * test`` images is the test part.

    The file has the images writer by writer, so its last ones would test on writers never seen and
    rank far below what random splits of this set are known for.

    Raises:
        DataError: the installation lacks a file, or it is damaged.
    """
    try:
        paths = [files.asset("data", "digits", f"{s.file}.gz") for s in (DIGITS_IMAGES, DIGITS_LABELS)]
    except FileNotFoundError as problem:
        raise DataError(str(problem)) from None
    images, labels = (
        idx.read(path, s.shape, s.sha256)
        for path, s in zip(paths, (DIGITS_IMAGES, DIGITS_LABELS), strict=True)
    )
    part = _part(images, labels)
    chosen = np.zeros(len(part), np.bool_)
    chosen[5 : 6 * test : 6] = True
    return PoolAndTest(
        Part(part.inputs[~chosen], part.labels[~chosen]), Part(part.inputs[chosen], part.labels[chosen])
    )


def _part(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Part:
    return Part(images.reshape(len(images), -1), labels)


def obtain(origin: Origin, source: Source, progress: Progress | None = None) -> NDArray[np.uint8]:
    """The values of one file, from the first place that has it, else downloaded to the cache.

    Raises:
        DataError: a file is damaged, or in no folder and out of reach.
    """
    found = _first(origin, source)
    if found:
        return found[1]
    return idx.read(fetch(origin, source, progress), source.shape, source.sha256)


def locate(origin: Origin, source: Source, progress: Progress | None = None) -> Path:
    """As :func:`obtain`, but the verified file itself."""
    found = _first(origin, source)
    return found[0] if found else fetch(origin, source, progress)


def find(origin: Origin, source: Source) -> Path | None:
    """The file that :func:`obtain` would read first, unverified: quick.

    Files in a folder of no name count only where the short test labels beside them are the right ones.
    """
    for place in places(origin):
        path = place.file(source)
        if path and (place.named or _holds(place, origin.test_labels)):
            return path
    return None


def _holds(place: Place, source: Source) -> bool:
    path = place.file(source)
    try:
        return path is not None and idx.read(path, source.shape, source.sha256) is not None
    except DataError:
        return False


def _first(origin: Origin, source: Source) -> tuple[Path, NDArray[np.uint8]] | None:
    """The first right file of ``source`` and its values.

    A damaged or wrong file in a folder of the user's is an error, not passed over: a download in its
    stead would hide it. In the cache it is fetched again.
    """
    for place in places(origin):
        path = place.file(source)
        if path is None:
            continue
        try:
            return path, idx.read(path, source.shape, source.sha256)
        except idx.OtherData:
            if place.named and not place.ours:
                raise
        except DataError:
            if not place.ours:
                raise
    return None


def fetch(origin: Origin, source: Source, progress: Progress | None = None) -> Path:
    """Download one file to the cache, verified.

    Raises:
        DataError: out of reach, or what came is not the file.
    """
    path = files.cache() / "data" / origin.name / f"{source.file}.gz"
    try:
        download.download(
            [f"{mirror}{source.file}.gz" for mirror in origin.mirrors],
            path,
            at_most=source.packed_at_most,
            check=lambda file: idx.read(file, source.shape, source.sha256),
            progress=progress,
        )
    except download.Unreachable as problem:
        looked = ", ".join(str(f) for f in files.data_folders())
        raise DataError(
            f"{origin.name}: {source.file}.gz is not in {looked} and could not be downloaded ({problem}): "
            f"put the four files in a folder and name it in TUIML_DATA, "
            f"or run 'tuiml data fetch {origin.name}' where there is a network"
        ) from None
    return path
