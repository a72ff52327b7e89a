"""What an adapter of a framework does: one subclass of :class:`Adapter`, in a file of its own.

A new framework is one such file and one line of :data:`tuiml.watch.frameworks.FRAMEWORKS`.
"""

from __future__ import annotations

import contextlib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from tuiml.nn.activations import Activation, activations
from tuiml.runs.watched import Module
from tuiml.watch.facts import ModuleFacts

NAN = math.nan
OUTPUTS, GRADIENTS = "activations", "gradients"
"""The fields of the statistics that have the histograms of outputs and of gradients."""


class Adapter(ABC):
    """Sees a model and its optimizer, in the thread that trains, and changes neither.

    Between :meth:`arm` and :meth:`measure` lies one step that is measured. All work within that step goes
    through :meth:`measuring`: it is timed, and an error in it never reaches the loop.
    """

    framework: ClassVar[str]
    """``pytorch``."""
    distribution: ClassVar[str]
    """The package whose version is shown."""

    def __init__(self) -> None:
        self.spent = 0.0
        """Seconds that :meth:`measuring` took since it was last set to 0."""
        self.once = 0.0
        """Seconds of the last :meth:`measure` that do not come again: a framework compiled."""
        self.failure: Exception | None = None
        """The first error in :meth:`measuring`."""
        self.limits: list[str] = []
        """What is not seen, or only sampled, each in a sentence."""
        self.unseen: dict[str, str] = {}
        """Why there are none of a kind of histogram, by the field of the statistics that would have them."""

    @contextlib.contextmanager
    def measuring(self) -> Iterator[None]:
        """Time the work in it, and keep an error for the run to report."""
        began = time.perf_counter()
        try:
            yield
        except Exception as error:
            self.failure = self.failure or error
        finally:
            self.spent += time.perf_counter() - began

    def limit(self, sentence: str, *unseen: str) -> None:
        """Add a sentence to :attr:`limits`, once; of kinds that are not seen for this reason to
        :attr:`unseen` too."""
        if sentence not in self.limits:
            self.limits.append(sentence)
        self.unseen |= dict.fromkeys(unseen, sentence)

    # -- what is always known ------------------------------------------------------------------------------

    @property
    @abstractmethod
    def model_type(self) -> str:
        """The class of the model."""

    @abstractmethod
    def modules(self) -> list[Module]:
        """The modules, a parent before its children; always the same ones in the same order."""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Numbers that the model holds; shared ones count once."""

    @property
    def device(self) -> str:
        """Where the parameters are: ``cpu``, ``cuda:0``."""
        return "cpu"

    @property
    def threads(self) -> int:
        """Threads of the CPU; 0: not known."""
        return 0

    @property
    def rank(self) -> int:
        """Which of several processes that train together this is: only number 0 writes."""
        return 0

    @property
    def optimizer(self) -> str:
        """The optimizer's class; empty: not known."""
        return ""

    @property
    def optimizer_settings(self) -> dict[str, float | str]:
        return {}

    @property
    def learning_rate(self) -> float:
        """Of the first group of parameters; NaN if not known."""
        return NAN

    # -- a step that is measured -----------------------------------------------------------------------------

    @abstractmethod
    def arm(self) -> None:
        """Have the next step measured."""

    @abstractmethod
    def measure(self, grads: Any = None) -> list[ModuleFacts] | None:
        """What was seen of the step since :meth:`arm`, one entry a module; nothing more is measured then.

        Args:
            grads: the gradients, where the loop hands them over.

        Returns:
            ``None`` if no step was taken, as after a gradient scaler has found an overflow: the next one is
            measured.
        """

    @abstractmethod
    def close(self) -> None:
        """Remove every hook."""

    # -- numbers of the loop ---------------------------------------------------------------------------------

    def hold(self, value: Any) -> Any:
        """A scalar of the loop: a float, or what :meth:`numbers` makes one of without waiting here."""
        return float(value)

    def numbers(self, values: Sequence[Any]) -> list[float]:
        """Floats of what :meth:`hold` returned."""
        return [float(value) for value in values]


def activation_named(name: str) -> Activation | None:
    """tuiml's activation of a framework's name, ``LeakyReLU`` or ``leaky_relu``; ``None``: there is none."""
    wanted = name.replace("_", "").lower()
    known = {alias.replace("_", ""): entry for entry in activations for alias in (entry.name, *entry.aliases)}
    found = known.get(wanted)
    return found() if found is not None and found.name != "linear" else None


def kind_of(type_name: str, holds: bool, children: bool) -> str:
    """The kind of a module, by the name of its class and whether it holds parameters or other modules."""
    lower = type_name.lower()
    if "dropout" in lower or "droppath" in lower:
        return "dropout"
    if "norm" in lower and not children:
        return "normalization"
    if activation_named(type_name) or lower in MORE_ACTIVATIONS:
        return "activation"
    if holds:
        return "weighted"
    return "container" if children else "other"


MORE_ACTIVATIONS = frozenset(
    [
        "relu6",
        "hardtanh",
        "hardswish",
        "hardsigmoid",
        "mish",
        "glu",
        "logsigmoid",
        "logsoftmax",
        "softmin",
        "threshold",
        "hardshrink",
        "softshrink",
        "tanhshrink",
        "softmax2d",
        "activation",
        "step",
        "relusquared",
    ]
)
"""Classes of activations that tuiml has no formula of, in lower case."""


def is_bias(name: str) -> bool:
    """Whether a parameter of this name is added, not multiplied by."""
    return "bias" in name.lower() or name.lower() in ("beta", "b")


def number_or_text(value: Any) -> float | str | None:
    """A setting of an optimizer for ``model.json``; ``None`` for what is neither."""
    if isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else value
    if isinstance(value, tuple | list) and all(isinstance(one, int | float) for one in value):
        return ", ".join(f"{one:g}" for one in value)
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return None
