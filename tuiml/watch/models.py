"""The models of a watched loop as one: their modules under their names, and what was seen of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from tuiml.runs.watched import MOST_MODELS, MOST_MODULES, ModelPart, Module, WatchedModel
from tuiml.watch.adapter import Adapter
from tuiml.watch.facts import ModuleFacts
from tuiml.watch.frameworks import adapter_of


class Models:
    """One adapter a model.

    Args:
        model: a model, or several by name.
        optimizer: of the model; of several a dict with the same names, or one for all.
        probe: likewise.

    Raises:
        TypeError: a model is of no framework that is known.
        ValueError: two of the names are the same in the table, or one is empty.
    """

    def __init__(self, model: Any, optimizer: Any = None, probe: Any = None) -> None:
        several = isinstance(model, Mapping) and type(model) is dict
        named: Mapping[str, Any] = model if several else {"": model}
        if not named:
            raise TypeError("tuiml.watch takes a model, not an empty dict")
        self._given = _by_shown_name(named) if several else {}
        """The names of several models as the loop has them, by those in the table."""
        self._adapters: dict[str, Adapter] = {}
        self._optimizers: list[Any] = []
        """Of several models, each one's."""
        try:
            for shown, name in (self._given or {"": ""}).items():
                own = optimizer.get(name) if several and isinstance(optimizer, dict) else optimizer
                batch = probe.get(name) if several and isinstance(probe, dict) else probe
                self._adapters[shown] = adapter_of(named[name], own, batch)
                self._optimizers += [own] if several else []
        except BaseException:
            self.close()
            raise
        self.hold, self.numbers = self.first.hold, self.first.numbers

    @property
    def all(self) -> list[Adapter]:
        return list(self._adapters.values())

    @property
    def first(self) -> Adapter:
        return self.all[0]

    def modules(self) -> list[Module]:
        """Those of all models, at most as many as a file may have; several are in a module each."""
        found = []
        for name, adapter in self._adapters.items():
            found += [Module(name=name, type=adapter.model_type[:1000], kind="container")] if name else []
            for module in adapter.modules():
                shared = _under(name, module.shared_with) if module.shared_with else ""
                found.append(
                    module.model_copy(update={"name": _under(name, module.name), "shared_with": shared})
                )
        if len(found) > MOST_MODULES:
            self.first.limit(f"only the first {MOST_MODULES:,} of {len(found):,} modules are shown")
        return found[:MOST_MODULES]

    def described(self) -> WatchedModel:
        """What ``model.json`` says."""
        modules = tuple(self.modules())
        limits = list(dict.fromkeys(sentence for adapter in self.all for sentence in adapter.limits))
        return WatchedModel(
            framework=self.first.framework,
            framework_version=version(self.first.distribution),
            type=", ".join(dict.fromkeys(adapter.model_type for adapter in self.all))[:1000],
            optimizer=", ".join(dict.fromkeys(filter(None, (one.optimizer for one in self.all))))[:1000],
            optimizer_settings=self.first.optimizer_settings,
            modules=modules,
            models=tuple(
                ModelPart(name=name, optimizer=adapter.optimizer, first_rate=own is self._optimizers[0])
                for (name, adapter), own in zip(self._adapters.items(), self._optimizers, strict=False)
            )[:MOST_MODELS],
            limits=tuple(limits),
            unseen={kind: text for adapter in self.all for kind, text in adapter.unseen.items()},
        )

    @property
    def parameters(self) -> int:
        return sum(adapter.parameters for adapter in self.all)

    @property
    def learning_rate(self) -> float:
        rates = (adapter.learning_rate for adapter in self.all)
        return next((rate for rate in rates if math.isfinite(rate)), math.nan)

    @property
    def failure(self) -> Exception | None:
        return next((adapter.failure for adapter in self.all if adapter.failure), None)

    # -- a step that is measured -----------------------------------------------------------------------------

    def arm(self) -> None:
        for adapter in self.all:
            adapter.spent = adapter.once = 0.0
            adapter.arm()

    @property
    def spent(self) -> float:
        return sum(adapter.spent for adapter in self.all)

    @property
    def once(self) -> float:
        return sum(adapter.once for adapter in self.all)

    def measure(self, grads: Any) -> list[ModuleFacts] | None:
        """What was seen of all models; ``None`` if none was stepped. One that was not has no facts."""
        found: list[ModuleFacts] = []
        stepped = False
        for name, adapter in self._adapters.items():
            own = grads.get(self._given[name]) if self._given and isinstance(grads, Mapping) else grads
            facts = adapter.measure(own)
            stepped = stepped or facts is not None
            found += [ModuleFacts()] if name else []
            found += facts if facts is not None else [ModuleFacts() for _ in adapter.modules()]
        return found[:MOST_MODULES] if stepped else None

    def close(self) -> None:
        for adapter in self.all:
            adapter.close()


def _by_shown_name(given: Iterable[Any]) -> dict[str, Any]:
    """The names of several models by those in the table, where a dot lies between a module and its parts.

    Raises:
        ValueError: two are the same there, or one is empty.
    """
    shown: dict[str, Any] = {}
    for name in given:
        text = str(name).replace(".", "_")
        if not text:
            raise ValueError("tuiml.watch: each of several models needs a name; one is empty")
        if text in shown:
            raise ValueError(
                f"tuiml.watch: the models {shown[text]!r} and {name!r} would both be called {text!r}, "
                "for dots are shown as underscores; give one of them another name"
            )
        shown[text] = name
    return shown


def _under(model: str, module: str) -> str:
    return f"{model}.{module}" if model and module else model or module


@functools.cache
def version(distribution: str) -> str:
    """The version of an installed package; empty: not known."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
