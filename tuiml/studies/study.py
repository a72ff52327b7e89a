"""A study: a preset or several, what is varied, the seeds or folds, and how the space is searched."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, PlainValidator
from pydantic_core import PydanticCustomError

from tuiml.registry import Entry, short
from tuiml.spec.preset import one_line, plain

VERSION = 1
MAX_TRIALS = 10_000
"""The most runs that a study may have, all seeds counted."""

Name = Annotated[str, AfterValidator(one_line)]
Path = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Value = Any
"""What TOML can write: a number, a text, a boolean, a table or a list."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _preset(value: object) -> object:
    """A preset's name or path, or its tables."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, str) or not 0 < len(value) <= 4096:
        raise PydanticCustomError(
            "plain", "{text}", {"text": f"{short(value)} is no preset's name, nor its tables"}
        )
    return one_line(value)


AnyPreset = Annotated[str | dict[str, Any], PlainValidator(_preset)]


class Vary(BaseModel):
    """A setting that is varied: over given values, or within a range that a search draws from."""

    model_config = Entry.model_config

    path: Path
    """As ``--set`` takes it: ``layers[*].activation``."""
    values: tuple[Value, ...] = Field((), max_length=1000, strict=False)
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"
    integer: bool = False
    """True if a range holds only whole numbers."""


class Variant(BaseModel):
    """A variant by its own name: a preset, or settings, or both."""

    model_config = Entry.model_config

    name: Name = Field(min_length=1, max_length=80)
    preset: AnyPreset | None = None
    """Default: the preset of the study."""
    set: dict[Path, Value] = Field(default_factory=dict)


class Reference(BaseModel):
    """A figure printed elsewhere, shown beside ours."""

    model_config = Entry.model_config

    variant: Name | None = None
    set: dict[Path, Value] = Field(default_factory=dict)
    """The settings of the configuration that it is about; ``variant`` names it instead."""
    test_accuracy: float | None = Field(None, ge=0.0, le=1.0)
    val_accuracy: float | None = Field(None, ge=0.0, le=1.0)
    test_loss: float | None = None
    source: Annotated[str, AfterValidator(one_line)] = Field(max_length=200)
    reason: Annotated[str, AfterValidator(plain)] = Field("", max_length=1000)
    """Why ours differs."""

    def figure(self) -> tuple[str, float] | None:
        """The figure that is compared with ours, after its name; ``None`` if there is none."""
        for name in ("test_accuracy", "val_accuracy", "test_loss"):
            value = getattr(self, name)
            if value is not None:
                return name, value
        return None


class Search(BaseModel):
    """How the space is searched."""

    model_config = Entry.model_config

    method: str = "grid"
    """A name of :data:`tuiml.studies.methods.methods`."""
    trials: int = Field(20, ge=1, le=MAX_TRIALS)
    """Configurations that are drawn; a grid takes all."""
    metric: Literal["val_accuracy", "val_loss", "val_r2", "train_loss", "train_accuracy"] | None = None
    """What is ranked; left out: the one that suits the data. Never the test set."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Of what is drawn."""
    factor: int = Field(3, ge=2, le=10)
    """Successive halving: one configuration in so many goes on at each rung."""
    first_epochs: int | None = Field(None, ge=1)
    """Successive halving: epochs at the first rung; left out: so that the last rung trains all epochs."""


class Study(BaseModel):
    """Everything that a study needs, and nothing about how it is run."""

    model_config = Entry.model_config

    version: int = Field(VERSION, ge=VERSION, le=VERSION)
    name: Name = Field("untitled", min_length=1, max_length=80)
    note: Annotated[str, AfterValidator(plain)] = Field("", max_length=4000)
    preset: AnyPreset | None = None
    """A preset's name or path, or its tables; may be left out where every variant names one."""
    set: dict[Path, Value] = Field(default_factory=dict)
    """Changed for all trials, such as fewer epochs."""
    seeds: tuple[Seed, ...] = Field((0,), min_length=1, max_length=1000, strict=False)
    folds: int | None = Field(None, ge=2, le=100)
    """k-fold cross-validation in place of seeds; the seed is then the preset's."""
    vary: tuple[Vary, ...] = Field((), max_length=20, strict=False)
    variant: tuple[Variant, ...] = Field((), max_length=1000, strict=False)
    tune: Path | None = None
    """A setting that each configuration gets its own best value of: ``training.learning_rate``."""
    search: Search = Field(default_factory=Search)
    reference: tuple[Reference, ...] = Field((), max_length=1000, strict=False)

    def document(self) -> dict[str, Any]:
        """The study as TOML-ready tables, without what is as by default; reads back equal."""
        found = self.model_dump(mode="python", exclude_defaults=True)
        return {"version": self.version, "name": self.name, **_listed(found)}


def _listed(value: Any) -> Any:
    """Lists in place of tuples, as TOML has them."""
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, list | tuple) else value
