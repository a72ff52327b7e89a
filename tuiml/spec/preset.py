"""A preset: the data, the stack of layers and the training, as one frozen value."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from tuiml.data.datasets import Dataset, datasets
from tuiml.nn.class_weights import ClassWeight, Unweighted, class_weights, spelled_out
from tuiml.nn.layers import Layer, layers
from tuiml.nn.losses import CrossEntropy, Loss, losses
from tuiml.nn.optimizers import SGD, Optimizer, optimizers
from tuiml.nn.penalties import Penalties
from tuiml.nn.pretraining import Pretraining, pretrainings
from tuiml.nn.schedules import Constant, Schedule, schedules
from tuiml.registry import Choice, Entry, options_of
from tuiml.spec.stopping import Never, Stopping, stoppings
from tuiml.text import plain_text

VERSION = 1
AnyDataset = Annotated[Dataset, Choice(datasets)]
AnyLayer = Annotated[Layer, Choice(layers)]  # here, since a field of the same name hides the registry
MAX_LAYERS = 200


def plain(text: str) -> str:
    if plain_text(text, lines=True) != text.replace("\t", " "):
        raise PydanticCustomError("plain", "holds a control character; write plain text")
    return text


def one_line(text: str) -> str:
    if not text.strip() or plain_text(text) != text:
        raise PydanticCustomError("plain", "must be one line of plain text, not empty")
    return text


def _some(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    if not layers:  # a min_length would also complain where every layer has a problem of its own
        raise PydanticCustomError("plain", "needs at least one layer")
    return layers


def batches_of(examples: int, batch_size: int) -> int:
    """Batches that hold so many examples; the last one may be smaller."""
    return -(-examples // batch_size)


class Training(Entry):
    """How the network is trained."""

    loss: Annotated[Loss, Choice(losses)] = Field(CrossEntropy(), description="what training makes small")
    optimizer: Annotated[Optimizer, Choice(optimizers)] = Field(SGD(), description="rule for each step")
    learning_rate: float | None = Field(
        None, gt=0.0, le=1000.0, description="size η of a step; left out: the optimizer's usual one"
    )
    batch_size: int = Field(32, ge=1, le=1_000_000, description="examples in one step")
    epochs: int = Field(20, ge=1, le=1_000_000, description="passes over the training examples")
    seed: int = Field(0, ge=0, lt=2**32, description="start of every random number: same seed, same run")
    schedule: Annotated[Schedule, Choice(schedules)] = Field(
        Constant(), description="how the learning rate changes over the run"
    )
    early_stopping: Annotated[Stopping, Choice(stoppings)] = Field(
        Never(), description="when to end before the last epoch"
    )
    l1: float = Field(0.0, ge=0.0, le=10.0, description="penalty l1·|w| on the weights: most go to about 0")
    l2: float = Field(0.0, ge=0.0, le=10.0, description="penalty l2/2·w² on the weights: keeps them small")
    weight_decay: float = Field(
        0.0, ge=0.0, le=1.0, description="λ of w -= η·λ·w in each step, beside any of the optimizer's own"
    )
    clip_norm: float | None = Field(
        None, gt=0.0, le=1e6, description="length of the whole gradient at most; a longer one is shortened"
    )
    max_norm: float | None = Field(
        None, ge=1e-6, le=1e6, description="length of each unit's incoming weights at most, after each step"
    )
    class_weight: Annotated[ClassWeight, Choice(class_weights), BeforeValidator(spelled_out)] = Field(
        Unweighted(), description="what an example's loss is multiplied by, by its class; in training only"
    )

    @property
    def rate(self) -> float:
        """The learning rate that training starts with."""
        return self.optimizer.rate if self.learning_rate is None else self.learning_rate

    @property
    def penalties(self) -> Penalties:
        """What acts on weights and gradients beside loss and optimizer."""
        return Penalties(self.l1, self.l2, self.weight_decay, self.clip_norm, self.max_norm)

    def document(self) -> dict[str, Any]:
        """As TOML-ready values; what came later only where it is not as usual: files stay short."""
        found: dict[str, Any] = {}
        for option in options_of(Training):
            value = getattr(self, option.name)
            if value is None or (option.name in _ADDED and value == option.default):
                continue
            found[option.name] = option.registry.write(value) if option.registry else value
        return found


_ADDED = ("schedule", "early_stopping", "l1", "l2", "weight_decay", "clip_norm", "max_norm", "class_weight")


class Preset(BaseModel):
    """Everything a run needs, and nothing about how it runs. Two equal presets train alike."""

    model_config = Entry.model_config

    version: int = Field(VERSION, ge=VERSION, le=VERSION)
    name: Annotated[str, AfterValidator(one_line)] = Field("untitled", min_length=1, max_length=80)
    note: Annotated[str, AfterValidator(plain)] = Field("", max_length=4000)
    data: AnyDataset
    layers: Annotated[tuple[AnyLayer, ...], AfterValidator(_some)] = Field(
        max_length=MAX_LAYERS, strict=False
    )
    pretraining: Annotated[Pretraining, Choice(pretrainings)] | None = Field(
        None, description="how hidden layers get learned initial values; left out: not at all"
    )
    training: Training = Field(default_factory=Training)

    def document(self) -> dict[str, Any]:
        """The preset as TOML-ready tables; :func:`tuiml.spec.check.check` reads it back equal."""
        document: dict[str, Any] = {"version": self.version, "name": self.name}
        if self.note:
            document["note"] = self.note
        document["data"] = datasets.table(self.data)
        document["layers"] = [layers.table(layer) for layer in self.layers]
        if self.pretraining is not None:
            document["pretraining"] = pretrainings.table(self.pretraining)
        return document | {"training": self.training.document()}
