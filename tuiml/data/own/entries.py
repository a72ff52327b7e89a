"""A user's files as entries: one for each format, chosen by what lies at ``path``, not by a name."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import PurePath
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BeforeValidator, Field, PlainValidator, PrivateAttr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from tuiml.data.base import Dataset, datasets
from tuiml.data.kinds import Normalize, Scaling, Target
from tuiml.data.own.facts import Facts, Wrong
from tuiml.registry import Registry, short
from tuiml.text import plain_text

own_files: Registry[Own] = Registry("a kind of file")
Predict = Annotated[
    Literal["auto", "classes", "regression"],
    BeforeValidator(lambda value: "regression" if value == "numbers" else value),  # its name before 0.3
]


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
Words = Columns


class Own(Dataset):
    """A file, or a folder, of the user's. One that was read has its facts: what it holds can be asked."""

    kind = "own"

    path: str = Field(
        description="the file, or the folder; a relative one lies beside the preset, in the current folder "
        "or in one of TUIML_DATA"
    )
    test: float = Field(
        0.2,
        ge=0,
        le=0.9,
        description="fraction of the examples held out as the test part, the same ones for every seed; "
        "not used where the file has a test part of its own",
    )
    _facts: Facts | None = PrivateAttr(None)
    _version: Hashable = PrivateAttr(None)

    def with_facts(self, facts: Facts, version: Hashable) -> Self:
        """The same file with what was found in it, as it was at that ``version``."""
        found = self.model_copy()
        found._facts, found._version = facts, version
        return found

    @property
    def known(self) -> bool:
        return self._facts is not None

    @property
    def facts(self) -> Facts:
        """What the file holds; only of one that is :attr:`known`."""
        assert self._facts is not None, "this file was not read"
        return self._facts

    @property
    def version(self) -> Hashable:
        return self._version

    @property
    def title(self) -> str:
        return plain_text(PurePath(self.path).name)[:80]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.facts.shape

    @property
    def target(self) -> Target:
        return self.facts.target

    @property
    def classes(self) -> tuple[str, ...]:
        return self.facts.classes

    @property
    def outputs(self) -> int:
        return self.facts.outputs if self.target == "regression" else len(self.classes)

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.facts.target_names

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.facts.feature_names

    def target_scaling(self) -> Scaling:
        return "standard"

    @property
    def top(self) -> float | None:
        return self.facts.top

    @property
    def itemsize(self) -> int:
        return self.facts.itemsize

    @property
    def pool(self) -> int:
        return self.facts.pool

    @property
    def test_examples(self) -> int:
        return self.facts.test

    def sizes(self) -> tuple[int, int, int]:
        held = self.facts.validation
        if not held or self.folds is not None:  # the folds are of all but the test part
            return super().sizes()
        validation = held if self.validation is None else self.validation
        return self.pool - held if self.train is None else self.train, validation, self.test_examples

    def problems(self) -> list[tuple[str, str]]:
        held = self.facts.validation
        train, validation, _ = self.sizes()
        parts = ("train", train, self.pool - held), ("validation", validation, held)
        for name, wanted, most in parts if held and self.folds is None else ():
            if wanted > most:
                return [(name, f"{wanted:,} is more than the {most:,} of that part of '{self.title}'")]
        return super().problems()


@own_files.add
class Table(Own):
    """A table: an example a row, an input a column."""

    name = "csv"
    formula = "rows of a text file: numbers, text, and a target column"
    advice = "what a spreadsheet exports; header and separator are detected"
    source = "RFC 4180"

    normalize: Normalize = Field(
        "standard",
        description="none: raw values; unit: to 0…1; standard: zero mean, unit variance of the training part",
    )
    label: Columns = Field(
        (),
        description="target column, by name or number from 1; several for a regression; absent: "
        "the one called label, class, target or y, else the last",
    )
    ignore: Columns = Field((), description="columns that are left out, by name or number")
    predict: Predict = Field(
        "auto", description="auto: decided by the label; classes: its different values; regression: its value"
    )
    header: Literal["auto", "yes", "no"] = Field(
        "auto", description="auto: detected; yes: the first row names the columns; no: it is data"
    )
    delimiter: Literal["auto", "comma", "semicolon", "tab", "pipe", "blank"] = Field(
        "auto", description="what separates the columns; auto: detected"
    )
    decimal: Literal["auto", "point", "comma"] = Field(
        "auto", description="the decimal sign of numbers; auto: detected for each column"
    )
    thousands: Literal["auto", "none", "comma", "point", "space", "apostrophe"] = Field(
        "auto", description="what groups the digits of large numbers; auto: detected for each column"
    )
    missing: Literal["refuse", "drop", "mean"] = Field(
        "refuse",
        description="refuse: no value may be missing; drop: rows without one are left out; "
        "mean: the column's mean in the training part",
    )

    missing_values: Words = Field(
        (), description="words for a missing value, beside an empty cell; absent: NA, N/A, NaN, null, ?, -"
    )
    comment: Literal["auto", "none", "#", "%", "//"] = Field(
        "auto", description="what a line that is passed over begins with; auto: # where some lines do"
    )
    encoding: Literal[
        "auto",
        "utf-8",
        "utf-16",
        "windows-1252",
        "latin-1",
        "windows-1250",
        "windows-1251",
        "mac-roman",
        "gb18030",
        "shift_jis",
        "cp932",
        "cp949",
    ] = Field("auto", description="how the text is encoded; auto: UTF-8, or UTF-16 with its mark")

    @property
    def fills(self) -> bool:
        return self.missing == "mean"


@own_files.add
class Arrays(Own):
    """NumPy arrays in an NPZ file."""

    name = "npz"
    formula = "arrays x (examples first) and y in one NumPy file, or x_train, y_train, x_test, y_test"
    advice = "what numpy.savez writes; images as (n, height, width) or with channels first or last"
    source = "NumPy's NPY format, version 1.0 to 3.0"

    predict: Predict = Field(
        "auto",
        description="auto: classes where y is few whole numbers; classes: its values; regression: its value",
    )


@own_files.add
class Idx(Own):
    """IDX files: examples and, beside them, their labels."""

    name = "idx"
    formula = "examples and labels in IDX files, plain or gzipped, as MNIST's"
    advice = "name the file of the examples, or the folder with the files of both parts"
    source = "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database: the IDX file format"


@own_files.add
class Images(Own):
    """A folder of images for each class."""

    name = "images"
    aliases = ("pictures",)
    formula = "a folder with a folder of images for each class, or train/ and test/ with such folders"
    advice = "photographs and drawings (PNG, JPEG, …), made the same size; needs Pillow (the extra images)"
    source = "the layout of torchvision's ImageFolder"

    width: int | None = Field(
        None, ge=1, le=1024, description="pixels across; absent: as the first image, 64 at most"
    )
    height: int | None = Field(
        None, ge=1, le=1024, description="pixels down; absent: as the first image, 64 at most"
    )
    grey: bool = Field(False, description="one channel of grey in place of red, green and blue")


SUFFIXES: dict[str, type[Own]] = {
    ".csv": Table,
    ".tsv": Table,
    ".tab": Table,
    ".txt": Table,
    ".jsonl": Table,
    ".parquet": Table,
    ".xlsx": Table,
    ".xls": Table,
    ".ods": Table,
    ".arff": Table,
    ".npz": Arrays,
    ".npy": Arrays,
    ".idx": Idx,
}


class DataFiles(Protocol):
    """Finds what the user's files hold; handed to whatever checks a preset. See :mod:`.reading`."""

    def locate(self, path: str) -> tuple[str, str]:
        """The absolute path of a file or a folder, and its format. Raises Wrong: there is none."""

    def facts(self, dataset: Own) -> tuple[Facts, Hashable]:
        """The facts of a file, and its version. Raises Wrong: the file cannot be used so."""


def format_named(name: str) -> str:
    """The format that a file's ending names; empty where it names none."""
    suffixes = [s for s in PurePath(name[-255:].lower()).suffixes if s in SUFFIXES]
    return SUFFIXES[suffixes[-1]].name if suffixes else ""


def _declared(table: dict[str, Any], files: DataFiles | None) -> Own:
    """A user's file as its options declare it, with its facts where there are ``files`` to find them.

    Raises:
        ValidationError: an option is wrong, or the file cannot be used so.
    """
    kind, path, trouble = _kind(table["path"], files)
    dataset = kind.model_validate({**table, "path": path})
    try:
        if trouble is not None:
            raise trouble
        return dataset if files is None else dataset.with_facts(*files.facts(dataset))
    except Wrong as wrong:
        details = [
            InitErrorDetails(
                type=PydanticCustomError("plain", "{text}", {"text": text}),
                loc=(field,),
                input=getattr(dataset, field, None),
            )
            for field, text in wrong.all
        ]
        raise ValidationError.from_exception_data(dataset.name, details) from None


def _kind(path: object, files: DataFiles | None) -> tuple[type[Own], str, Wrong | None]:
    """The format of a file, its path, and what is wrong with that."""
    if not isinstance(path, str):
        text = f"the path is {short(path)}, which is no text"
        raise PydanticCustomError("plain", "{text}", {"text": text})
    trouble, name = None, format_named(path)
    if files is not None:
        try:
            path, name = files.locate(path)
        except Wrong as wrong:
            trouble = wrong
    return own_files[name or Table.name], path, trouble


datasets.also("path", own_files, _declared, lambda table, files: _kind(table["path"], files)[0])
