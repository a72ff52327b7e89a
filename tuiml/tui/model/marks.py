"""The settings of a preset that are marked as varied, and the study that they make."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tuiml.spec import SpecError
from tuiml.spec.edit import put, split
from tuiml.tui.model.document_paths import follow

Raw = dict[str, Any]
OPTIMIZER, RATE = "training.optimizer", "training.learning_rate"
RATES = 3
"""Learning rates that a study with tuning tries for each configuration at least."""
SEED = "training.seed"
"""Marked, it gives the study its seeds, which are repetitions and no configurations."""


@dataclass(frozen=True)
class Marks:
    """Values by dotted path (``training.optimizer``, ``layers[*].activation``), and the seeds."""

    varied: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    """Empty: the seed of the preset alone."""
    tune: bool = True
    """Where optimizers are compared: each at its own best learning rate, rather than all at one."""

    def __bool__(self) -> bool:
        return bool(self.varied or self.seeds)

    @property
    def configurations(self) -> int:
        """Combinations of the values."""
        count = 1
        for values in self.varied.values():
            count *= len(values)
        return count

    @property
    def tuned(self) -> bool:
        """True if each configuration gets its own learning rate."""
        return self.tune and OPTIMIZER in self.varied and RATE not in self.varied

    @property
    def runs(self) -> int:
        """Trials in all, each seed counted, and the first seed for each rate that is tried at least."""
        return self.configurations * (max(1, len(self.seeds)) + (RATES - 1 if self.tuned else 0))

    def at(self, path: str) -> str | None:
        """The marked path that varies the setting at ``path``: itself, or that of all layers."""
        if path == SEED:
            return SEED if self.seeds else None
        return next((marked for marked in (path, for_all(path)) if marked in self.varied), None)

    def values(self, path: str) -> tuple[Any, ...]:
        """The values at a marked path."""
        return self.seeds if path == SEED else self.varied.get(path, ())

    def with_values(self, path: str, values: Sequence[Any]) -> Marks:
        """With other values at a path; without any it is no longer marked."""
        if path == SEED:
            return replace(self, seeds=tuple(values))
        varied = {at: old for at, old in self.varied.items() if at != path}
        if values:
            varied = {at: tuple(values) if at == path else old for at, old in self.varied.items()}
            varied.setdefault(path, tuple(values))
        return replace(self, varied=varied)

    def moved(self, place: Callable[[int], int | None]) -> Marks:
        """As they are after layers changed their places; ``None``: the layer is gone."""
        varied = {}
        for path, values in self.varied.items():
            parts = split(path)
            if parts[0] == "layers" and parts[1].isdigit():
                new = place(int(parts[1]))
                if new is None:
                    continue
                path = f"layers[{new}]" + path.partition("]")[2]
            varied[path] = values
        return replace(self, varied=varied)

    def fitting(self, raw: Raw) -> Marks:
        """Without the paths that lead nowhere in a document."""
        varied = {path: values for path, values in self.varied.items() if _leads(raw, path, values[0])}
        return self if len(varied) == len(self.varied) else replace(self, varied=varied)

    def study(self, raw: Raw) -> dict[str, Any]:
        """The tables of the study."""
        seed = follow(raw, split(SEED))
        seeds = self.seeds or (seed if isinstance(seed, int) and not isinstance(seed, bool) else 0,)
        return {
            "version": 1,
            "name": self.name(raw),
            "preset": copy.deepcopy(raw),
            "seeds": list(seeds),
            "vary": [{"path": path, "values": list(values)} for path, values in self.varied.items()],
            **({"tune": RATE} if self.tuned else {}),
        }

    def name(self, raw: Raw) -> str:
        """``digits-quickstart optimizer``: the preset, and what is varied."""
        named = raw.get("name")
        words = [named[:40] if isinstance(named, str) else "untitled", *map(word, self.varied)]
        return " ".join(words if self.varied else [*words, "seeds"])[:80].strip()

    def table(self) -> dict[str, Any]:
        """As the session keeps them; :meth:`of` reads it."""
        return {
            "varied": {path: list(values) for path, values in self.varied.items()},
            "seeds": list(self.seeds),
            "tune": self.tune,
        }

    @classmethod
    def of(cls, found: Any) -> Marks:
        """The marks that a session kept; what is no mark is left out."""
        varied, seeds = (found.get(key) if isinstance(found, dict) else None for key in ("varied", "seeds"))
        kept = {
            path: tuple(values[:MOST_VALUES])
            for path, values in (varied.items() if isinstance(varied, dict) else ())
            if isinstance(path, str) and _is_path(path) and isinstance(values, list) and values
        }
        whole = [s for s in seeds if type(s) is int] if isinstance(seeds, list) else []
        return cls(kept, tuple(whole[:MOST_VALUES]), not kept or found.get("tune") is not False)


MOST_VALUES = 1000
"""Values of one setting at most, as in the file of a study."""
EMPTY = Marks()


def for_all(path: str) -> str:
    """The path of the same setting in all layers; a path elsewhere is returned as it is."""
    head, found, tail = path.partition("]")
    return f"layers[*]{tail}" if found and head.startswith("layers[") and tail else path


def word(path: str) -> str:
    """The last word of a path, without its key: ``optimizer``, ``data`` of ``data.name``."""
    parts = split(path)
    last = parts[-2] if parts[-1] in ("name", "method") and len(parts) > 1 else parts[-1]
    return last.replace("_", " ")


def _is_path(path: str) -> bool:
    try:
        return len(path) <= 200 and bool(split(path))
    except SpecError:
        return False


def _leads(raw: Raw, path: str, value: Any) -> bool:
    try:
        put(raw, path, value)
    except (SpecError, AttributeError, TypeError):
        return False
    return True
