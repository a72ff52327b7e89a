"""What every data set declares. Importable without numpy: presets are validated from here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from typing import ClassVar

from pydantic import Field

from tuiml.data.kinds import Kind, Normalize, Scaling, Target
from tuiml.registry import Entry, Registry


class Dataset(Entry):
    """A data set with the part of it that a preset uses.

    ``train`` and ``validation`` examples are drawn from the pool, the test examples lie apart and are
    the same for every seed (a generated set's are drawn anew with its own seed). With ``folds`` the pool is
    cut into so many parts, and one of them is the validation part.
    """

    kind: ClassVar[Kind]
    highest: ClassVar[float | None] = None
    """What :attr:`top` is, where it is the same whatever the options."""

    train: int | None = Field(
        None, ge=1, description="training examples, drawn with the seed; absent: all but validation"
    )
    validation: int | None = Field(
        None, ge=0, description="validation examples, 0 for none; absent: a tenth, or what training leaves"
    )
    normalize: Normalize = Field(
        "unit",
        description="none: raw values; unit: to 0…1; standard: zero mean, unit variance of the training part",
    )
    folds: int | None = Field(
        None, ge=2, le=100, description="k-fold cross-validation: the pool in so many parts; absent: none"
    )
    fold: int = Field(0, ge=0, le=99, description="the fold that is the validation part, from 0")

    @property
    def title(self) -> str:
        """What it is called where it is shown."""
        return self.name

    @property
    def known(self) -> bool:
        """Whether shape and sizes are known; of a user's file only once it was read."""
        return True

    @property
    def version(self) -> Hashable:
        """What changes when files of the user's that it reads do."""
        return None

    @property
    def top(self) -> float | None:
        """The raw value that ``unit`` maps to 1 (0 maps to 0); ``None``: taken from the training part."""
        return self.highest

    @property
    def itemsize(self) -> int:
        """Bytes of a raw value, once read."""
        return 4 if self.kind == "generated" else 1

    @property
    def fills(self) -> bool:
        """Whether a value that is missing (NaN) is to be the mean of its feature in the training part."""
        return False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: ``(28, 28)``."""

    @property
    def target(self) -> Target:
        """What is predicted of an example: its class, or numbers."""
        return "classes"

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the labels 0, 1, …; none for a regression."""

    @property
    def outputs(self) -> int:
        """The units of the last layer: one for each class, or for each target column."""
        return len(self.classes)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names of the target columns of a regression, where they have names; else none."""
        return ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the inputs, one each, where they have names; else none."""
        return ()

    def target_scaling(self) -> Scaling:
        """``standard``: a regression is trained on (t - mean) / σ of the training part; else on t."""
        return "none"

    @property
    @abstractmethod
    def pool(self) -> int:
        """The examples that training and validation are drawn from."""

    @property
    @abstractmethod
    def test_examples(self) -> int:
        """The examples of the test part."""

    def sizes(self) -> tuple[int, int, int]:
        """The training, validation and test examples; meaningful where :meth:`problems` has none."""
        if self.folds is not None:
            validation = self.pool // self.folds + (self.fold < self.pool % self.folds)
        elif self.validation is not None:
            validation = self.validation
        elif self.train is None:
            validation = self.pool // 10
        else:
            validation = min(self.pool // 10, max(self.pool - self.train, 0))
        return self.pool - validation if self.train is None else self.train, validation, self.test_examples

    def problems(self) -> list[tuple[str, str]]:
        """What is wrong with the options taken together, as (field, message); nothing is loaded."""
        if self.folds is not None or self.fold:
            text = self._wrong_folds()
            if text:
                return [text]
        train, validation, _ = self.sizes()
        if train > self.pool:
            return [("train", f"{train} is more than the {self.pool} examples of '{self.title}'")]
        if validation >= self.pool:
            return [
                (
                    "validation",
                    f"{validation} of the {self.pool} examples of '{self.title}' leave no training",
                )
            ]
        if train + validation > self.pool:
            total = f"{train} for training and {validation} for validation"
            field = "validation" if self.folds is None else "train"
            return [(field, f"{total} are more than the {self.pool} examples of '{self.title}'")]
        return []

    def _wrong_folds(self) -> tuple[str, str] | None:
        """What is wrong with the folds, as of :meth:`problems`."""
        if self.folds is None:
            return "fold", "is one of several: give folds, the number of them"
        if self.fold >= self.folds:
            return "fold", f"{self.fold} is not one of {self.folds} folds, which count from 0"
        if self.validation is not None:
            return "validation", "is a fold where folds are given: leave one of the two out"
        if self.folds > self.pool:
            return "folds", f"{self.folds} are more than the {self.pool} examples of '{self.title}'"
        return None


datasets: Registry[Dataset] = Registry("a data set")
