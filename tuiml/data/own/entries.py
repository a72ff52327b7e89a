"""A user's files as entries: one for each format, chosen by what lies at ``path``, not by a name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PlainValidator, PrivateAttr, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from tuiml.data.base import Dataset, Normalize, Progress, Scaling, Target, datasets
from tuiml.data.own import facts, location
from tuiml.data.own.facts import Facts, Wrong
from tuiml.registry import Registry, options_of, short
from tuiml.text import plain_text

if TYPE_CHECKING:
    from tuiml.data.arrays import Whole

own_files: Registry[Own] = Registry("a kind of file")
Predict = Literal["auto", "classes", "numbers"]
QUICK = 300_000
"""Bytes of a table that are looked at within some 20 ms."""


def _located(text: str) -> str:
    try:
        return str(location.resolve(text))
    except Wrong as wrong:
        raise PydanticCustomError("plain", "{text}", {"text": str(wrong)}) from None


def _columns(value: object) -> tuple[str, ...]:
    """Columns by name or number: one, or a list of them; as a form types a list it is text."""
    found = value
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        found = [part.strip().strip("\"'") for part in value[1:-1].split(",")]
    several = found if isinstance(found, list | tuple) else [found]
    if len(several) > 1000 or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in several):
        text = f"{short(value)} is not allowed; give a column's name or number, or a list of them"
        raise PydanticCustomError("plain", "{text}", {"text": text})
    return tuple(str(v) for v in several if v != "")


Columns = Annotated[tuple[str, ...], PlainValidator(_columns)]


class Own(Dataset):
    """A file, or a folder, of the user's. One that was read has its facts: what it holds can be asked."""

    kind = "own"

    path: Annotated[str, AfterValidator(_located)] = Field(
        description="the file, or the folder; a relative one lies beside the preset, in the current folder "
        "or in one of TUIML_DATA"
    )
    test: float = Field(
        0.2,
        ge=0,
        le=0.9,
        description="share of the examples kept apart as the test part, the same ones for every seed; "
        "not used where the file has a test part of its own",
    )
    _facts: Facts = PrivateAttr()
    _looked_at: Hashable = PrivateAttr()

    @model_validator(mode="after")
    def _look(self) -> Self:
        try:
            self._looked_at = self.key()
            self._facts = facts.of(self)
        except Wrong as wrong:
            raise _problem(self, wrong) from None
        return self

    @property
    def facts(self) -> Facts:
        """What the file holds."""
        return self._facts

    @property
    def version(self) -> Hashable:
        """:meth:`key` as it was when the facts were asked for."""
        return self._looked_at

    @property
    def title(self) -> str:
        return plain_text(Path(self.path).name)[:80]

    @property
    def shape(self) -> tuple[int, ...]:
        return self._facts.shape

    @property
    def target(self) -> Target:
        return self._facts.target

    @property
    def classes(self) -> tuple[str, ...]:
        return self._facts.classes

    @property
    def outputs(self) -> int:
        return self._facts.outputs if self.target == "numbers" else len(self.classes)

    @property
    def target_names(self) -> tuple[str, ...]:
        return self._facts.target_names

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self._facts.feature_names

    def target_scaling(self) -> Scaling:
        return "standard"

    @property
    def top(self) -> float | None:
        return self._facts.top

    @property
    def itemsize(self) -> int:
        return self._facts.itemsize

    @property
    def pool(self) -> int:
        return self._facts.pool

    @property
    def test_examples(self) -> int:
        return self._facts.test

    def key(self) -> Hashable:
        """What the facts depend on: the file as it is now, and the options but for the sizes of parts.

        Raises:
            Wrong: it is gone.
        """
        mine = [o.name for o in options_of(type(self)) if o.name not in ("train", "validation", "normalize")]
        return self.name, self.signature(), tuple(getattr(self, name) for name in mine)

    def signature(self) -> tuple[Any, ...]:
        """What changes when the file does."""
        return location.signature(Path(self.path))

    def quick(self) -> bool:
        """Whether :meth:`find` takes no longer than a screen may stand still, nor much memory."""
        return False

    @abstractmethod
    def find(self) -> Facts:
        """What the file holds, read as far as that needs.

        Raises:
            DataError: it cannot be used.
        """

    def read(self, seed: int, progress: Progress | None = None) -> Whole:
        from tuiml.data.own.split import whole

        return whole(self, self.examples(progress))

    @abstractmethod
    def examples(self, progress: Progress | None = None) -> Any:
        """The examples, all of them or both parts (:class:`~tuiml.data.arrays.Part` or ``Whole``)."""


def _problem(dataset: Own, wrong: Wrong) -> ValidationError:
    kind = PydanticCustomError("plain", "{text}", {"text": str(wrong)})
    value = getattr(dataset, wrong.field, None)
    details = InitErrorDetails(type=kind, loc=(wrong.field,), input=value)
    return ValidationError.from_exception_data(dataset.name, [details])


@own_files.add
class Table(Own):
    """A table: an example a row, an input a column."""

    name = "csv"
    formula = "rows of a text file: numbers, text, and a column that is to be told"
    advice = "what a spreadsheet exports; a header and the separator are found out"
    source = "RFC 4180"

    normalize: Normalize = Field(
        "standard",
        description="none: raw values; unit: to 0…1; standard: zero mean, unit variance of the training part",
    )
    label: Columns = Field(
        (),
        description="column to be told, by name or number from 1; several for several numbers; absent: "
        "the one called label, class, target or y, else the last",
    )
    ignore: Columns = Field((), description="columns that are left out, by name or number")
    predict: Predict = Field(
        "auto",
        description="auto: as the label looks; classes: its different values; numbers: its value",
    )
    header: Literal["auto", "yes", "no"] = Field(
        "auto", description="auto: by the first rows; yes: the first row names the columns; no: it is data"
    )
    delimiter: Literal["auto", "comma", "semicolon", "tab", "pipe"] = Field(
        "auto", description="what separates the columns; auto: found out"
    )
    missing: Literal["refuse", "drop", "mean"] = Field(
        "refuse",
        description="refuse: no value may be missing; drop: rows without one are left out; "
        "mean: the column's mean in the training part",
    )

    @property
    def fills(self) -> bool:
        return self.missing == "mean"

    def quick(self) -> bool:
        return int(self.signature()[0]) <= QUICK

    def find(self) -> Facts:
        from tuiml.data.own.table import find

        return find(self)

    def examples(self, progress: Progress | None = None) -> Any:
        from tuiml.data.own.table_reader import read

        return read(self, progress)


@own_files.add
class Arrays(Own):
    """NumPy arrays in an NPZ file."""

    name = "npz"
    formula = "arrays x (examples first) and y in one NumPy file, or x_train, y_train, x_test, y_test"
    advice = "what numpy.savez writes; pictures as (n, height, width) or with channels first or last"
    source = "NumPy's NPY format, version 1.0 to 3.0"

    predict: Predict = Field(
        "auto",
        description="auto: classes where y is whole numbers; classes: its different values; numbers: y",
    )

    def find(self) -> Facts:
        from tuiml.data.own.npz import find

        return find(self)

    def examples(self, progress: Progress | None = None) -> Any:
        from tuiml.data.own.npz import read

        return read(self, progress)


@own_files.add
class Idx(Own):
    """IDX files: examples and, beside them, their labels."""

    name = "idx"
    formula = "examples and labels in IDX files, plain or gzipped, as MNIST's"
    advice = "name the file of the examples, or the folder with the files of both parts"
    source = "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database: the IDX file format"

    def signature(self) -> tuple[Any, ...]:
        from tuiml.data.own.idx_files import signature

        return signature(Path(self.path))

    def find(self) -> Facts:
        from tuiml.data.own.idx_files import find

        return find(self)

    def examples(self, progress: Progress | None = None) -> Any:
        from tuiml.data.own.idx_files import read

        return read(self)


@own_files.add
class Pictures(Own):
    """A folder of pictures per class."""

    name = "pictures"
    formula = "a folder with a folder of pictures for each class, or train/ and test/ with such folders"
    advice = "photographs and drawings (PNG, JPEG, …), made the same size; needs Pillow (the extra images)"
    source = "the layout of torchvision's ImageFolder"

    width: int | None = Field(
        None, ge=1, le=1024, description="pixels across; absent: as the first picture, 64 at most"
    )
    height: int | None = Field(
        None, ge=1, le=1024, description="pixels down; absent: as the first picture, 64 at most"
    )
    grey: bool = Field(False, description="one channel of grey in place of red, green and blue")

    def signature(self) -> tuple[Any, ...]:
        from tuiml.data.own.pictures import signature

        return signature(Path(self.path))

    def find(self) -> Facts:
        from tuiml.data.own.pictures import find

        return find(self)

    def examples(self, progress: Progress | None = None) -> Any:
        from tuiml.data.own.pictures import read

        return read(self, progress)


SUFFIXES: dict[str, type[Own]] = {
    ".csv": Table,
    ".tsv": Table,
    ".tab": Table,
    ".npz": Arrays,
    ".npy": Arrays,
    ".idx": Idx,
}


def entry_for(value: object) -> type[Own]:
    """The format of what lies at a path: by the name's ending, else by how the file begins.

    Raises:
        PydanticCustomError: it is no path, or there is nothing there.
    """
    if not isinstance(value, str):
        raise PydanticCustomError(
            "plain", "{text}", {"text": f"the path is {short(value)}, which is no text"}
        )
    try:
        path = location.resolve(value)
    except Wrong:  # said by the entry, whichever it is
        return SUFFIXES.get(Path(value[-255:]).suffix.lower(), Table)
    if path.is_dir():
        from tuiml.data.own.idx_files import files_in

        return Idx if files_in(path) else Pictures
    known = SUFFIXES.get(path.suffix.lower())
    return _by_content(location.first_bytes(path, 4)) if known is None else known


def _by_content(first: bytes) -> type[Own]:
    if first[:2] == b"PK" or first == b"\x93NUM":
        return Arrays
    return Idx if first[:2] in (b"\x1f\x8b", b"\0\0") else Table


datasets.also("path", own_files, entry_for)
