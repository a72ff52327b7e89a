"""What the folder of a watched loop says of its model: ``model.json``, in place of a preset.

The loop is the user's own (PyTorch, Keras, MLX, Flax): :mod:`tuiml.watch` writes this file and the run's
events; whoever shows the run reads the modules here. Each :class:`~tuiml.training.events.Snapshot` has one
entry a module, in the order of :attr:`WatchedModel.modules`. Needs no numpy.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuiml.files import read_regular, write_whole
from tuiml.runs.errors import RunError
from tuiml.text import plain_text

MODEL = "model.json"
BYTES = 16_000_000
"""The largest file that is read."""
MOST_MODULES = 10_000
MOST_MODELS = 100
VERSION = 1

Words = Annotated[str, Field(max_length=1000)]
Natural = Annotated[int, Field(ge=0, le=2**53)]
Kind = Literal["weighted", "activation", "normalization", "dropout", "container", "other"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)


class Module(_Frozen):
    """A module of the model, in the order in which the framework lists them; a parent before its children."""

    name: Words
    """Its path with dots: ``layer1.0.conv1``; what is before the last dot is its parent."""
    type: Words
    """The framework's class: ``Conv2d``."""
    kind: Kind = "other"
    output_shape: tuple[Natural, ...] | None = None
    """Of one example; ``None``: not known before its first call."""
    parameters: Natural = 0
    """Numbers that it holds itself, without its children's."""
    trainable: Natural = 0
    """Those of them that are trained: fewer if it is frozen."""
    activation: Words = ""
    """The registry's name of an activation module or argument: ``relu``; empty: none, or not known."""
    shared_with: Words = ""
    """The first module that holds the same parameters; empty: nobody shares them."""
    dtype: Words = ""
    """Of its parameters: ``float32``, ``bfloat16``, ``int8``."""


class ModelPart(_Frozen):
    """One of several models in a run: a module of its name contains all of its own."""

    name: Words
    optimizer: Words = ""
    first_rate: bool = False
    """Whether it is trained at the learning rate of the first model, the one that is recorded."""


class WatchedModel(_Frozen):
    """A model as its framework describes it. All text is the user's: show it as plain text."""

    version: Literal[1] = 1
    framework: Words
    """``pytorch``, ``keras``, ``mlx``, ``flax``."""
    framework_version: Words = ""
    type: Words = ""
    """The class of the model."""
    optimizer: Words = ""
    """Its class; empty: the loop did not say."""
    optimizer_settings: dict[Words, float | str] = {}
    modules: Annotated[tuple[Module, ...], Field(max_length=MOST_MODULES)] = ()
    models: Annotated[tuple[ModelPart, ...], Field(max_length=MOST_MODELS)] = ()
    """The models, where there are several."""
    limits: tuple[Words, ...] = ()
    """What is not seen or only sampled, each in a sentence."""
    unseen: dict[Words, Words] = {}
    """Why there are none of a kind of histogram: ``gradients``, ``activations``."""


def write_model(folder: Path, model: WatchedModel) -> None:
    """Write ``model.json``, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(folder / MODEL, model.model_dump_json(indent=1) + "\n")


def is_watched(folder: Path) -> bool:
    """Whether the run in ``folder`` is a loop of the user's own."""
    return (folder / MODEL).is_file() and not (folder / "preset.toml").exists()


def refuse_watched(folder: Path) -> None:
    """Raise RunError for a run that has no preset since it is a loop of the user's own."""
    if is_watched(folder):
        framework = ""
        with contextlib.suppress(RunError):
            framework = read_model(folder).framework
        of = f" in {plain_text(framework)}" if framework else ""
        what = f"the run '{plain_text(folder.name)}' is a loop of your own{of}, without a preset"
        raise RunError(f"{what}: do this there")


def settings_of(model: WatchedModel) -> dict[str, Any]:
    """What lists and comparisons show of it in place of a preset's settings; not safe to show."""
    options = {
        key: float(f"{value:.6g}") if isinstance(value, float) else value  # float32 has seven digits
        for key, value in model.optimizer_settings.items()
    }
    rate = next((options.pop(key) for key in ("lr", "learning_rate") if key in options), None)
    optimizer: dict[str, Any] = {"name": model.optimizer, **options}
    training = {"optimizer": optimizer if model.optimizer else None, "learning_rate": rate}
    known = {key: value for key, value in training.items() if value is not None}
    found = {"framework": model.framework, "model": model.type, "training": known}
    return {key: value for key, value in found.items() if value}


def read_model(folder: Path) -> WatchedModel:
    """The model of a watched run.

    Raises:
        RunError: the file is missing, too large or damaged.
    """
    path = folder / MODEL
    try:
        return WatchedModel.model_validate_json(read_regular(path, BYTES))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(plain_text(f"{path}: {where}: {first['msg']}"[:300])) from None
    except OSError as error:
        raise RunError(plain_text(f"{path}: {error.strerror or error}")) from None
