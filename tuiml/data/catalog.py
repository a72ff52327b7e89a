"""Which data sets there are, where each lies, and fetching those that lie nowhere yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuiml.data.base import Dataset
from tuiml.data.datasets import datasets
from tuiml.data.errors import DataError
from tuiml.data.images import Files
from tuiml.data.kinds import Kind, Progress
from tuiml.data.sources import Origin


@dataclass(frozen=True)
class Row:
    """A line of ``tuiml data list``."""

    name: str
    kind: Kind
    shape: tuple[int, ...]
    classes: int
    """0: the target is numbers."""
    examples: int
    """Pool and test part; of a generated set as many as its ``size`` asks for by default."""
    here: bool
    """It can be used without a network."""
    where: str
    """Its folder, or in words where it comes from."""


def where(name: str | None = None) -> list[Row]:
    """The data set of that name, or all of them. Files are looked for, not read: it takes milliseconds.

    Raises:
        DataError: no data set has that name.
    """
    entries = list(datasets) if name is None else [_entry(name)]
    return [_row(entry()) for entry in entries]


def fetch(name: str, progress: Progress | None = None) -> list[Path]:
    """Make sure that a data set is here and right; what is missing is downloaded to the cache.

    Returns:
        Its files; none for a set that comes with tuiml or is generated.

    Raises:
        DataError: no data set has that name; a file is damaged or out of reach.
    """
    entry = _entry(name)
    if not issubclass(entry, Files):
        return []
    from tuiml.data import store

    return [store.locate(entry.origin, source, progress) for source in entry.origin.sources]


def _entry(name: str) -> type[Dataset]:
    if name not in datasets:
        raise DataError(datasets.complaint(name))
    return datasets[name]


def _row(dataset: Dataset) -> Row:
    here, text = True, {"bundled": "comes with tuiml", "generated": "generated, seeded"}.get(dataset.kind, "")
    if isinstance(dataset, Files):
        here, text = _files(dataset.origin)
    examples = dataset.pool + dataset.test_examples
    return Row(dataset.name, dataset.kind, dataset.shape, len(dataset.classes), examples, here, text)


def _files(origin: Origin) -> tuple[bool, str]:
    from tuiml.data import store

    found = [store.find(origin, source) for source in origin.sources]
    folders = list(dict.fromkeys(str(path.parent) for path in found if path))
    if all(found):
        return True, ", ".join(folders)
    missing = f"tuiml data fetch {origin.name}"
    if folders:
        return False, f"{sum(map(bool, found))} of {len(found)} files in {', '.join(folders)}: {missing}"
    return False, f"not here: {missing}"
