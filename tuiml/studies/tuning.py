"""Each configuration's own learning rate: a range test, then the best of a few rates around what it suggests.

Optimizers that are compared at one shared rate are not compared. The rate is chosen by the study's metric on
the first seed (or fold), never by the test part; the chosen one then trains with all seeds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuiml.data.own.entries import DataFiles
from tuiml.files import read_regular, write_whole
from tuiml.nn.optimizers import SGD, optimizers
from tuiml.studies import trials
from tuiml.studies.results import Configuration, Trial
from tuiml.studies.search import Order, Search, bigger_is_better, score
from tuiml.studies.study import Study

STEP = 3.0
"""Each rate is so many times the next smaller one."""
MOST = 7
"""The most rates that are tried for a configuration; one more while the best is the smallest or largest."""
HIGHEST, LOWEST = 1000.0, 1e-12
_MOST_BYTES = 10_000


class Tuned(Search):
    """Range tests first, then some rates for each configuration with the first seed, then the other seeds."""

    def __init__(
        self, study: Study, configurations: Sequence[Configuration], files: DataFiles | None = None
    ) -> None:
        super().__init__(study, configurations)
        self._files = files
        self._bigger = bigger_is_better(study.search.metric or "")
        self._plain = list(configurations)
        self._tried: dict[int, dict[float, tuple[Configuration, float | None]]] = {}
        self._settled: set[int] = set()
        self._waiting.extend(Order(self._first(one), find_rate=True) for one in configurations)

    def _first(self, configuration: Configuration) -> Trial:
        return trials.trials_of(self.study, configuration)[0]

    def _take(self, trial: Trial, epochs: int, value: float) -> None:
        number = trial.configuration.number
        if epochs == 0:
            middle = value if 0 < value <= HIGHEST else usual_rate(trial.document)
            for rate in (middle / STEP, middle, middle * STEP):
                self._try(number, rate)
        elif number in self._settled:
            return
        else:
            tried = self._tried[number]
            rate = next(r for r, (one, _) in tried.items() if self._first(one).folder == trial.folder)
            tried[rate] = (tried[rate][0], value)
            if all(known is not None for _, known in tried.values()):
                self._go_on(number)

    def _try(self, number: int, rate: float) -> None:
        rate = float(f"{min(max(rate, LOWEST), HIGHEST):.2g}")
        tried = self._tried.setdefault(number, {})
        if rate not in tried:
            one = trials.changed(self.study, self._plain[number], str(self.study.tune), rate, self._files)
            tried[rate] = (one, None)
            self._waiting.append(Order(self._first(one)))

    def _go_on(self, number: int) -> None:
        """Try one more rate where the best is at an end; else train the best with the other seeds."""
        tried = self._tried[number]
        rates = sorted(tried)
        values = {rate: math.nan if known is None else known for rate, (_, known) in tried.items()}
        best = min(rates, key=lambda rate: (score([values[rate]], self._bigger), rate))
        before = len(tried)
        if before < MOST and math.isfinite(score([values[best]], self._bigger)):
            if best == rates[0]:
                self._try(number, best / STEP)
            elif best == rates[-1]:
                self._try(number, best * STEP)
        if len(tried) == before:
            self._settled.add(number)
            self.configurations[number] = tried[best][0]
            rest = trials.trials_of(self.study, tried[best][0])[1:]
            self._waiting.extend(Order(trial) for trial in rest)

    def trials(self, configuration: Configuration) -> list[Trial]:
        return super().trials(configuration) if configuration.number in self._settled else []

    def others(self, configuration: Configuration) -> list[Trial]:
        found = self._tried.get(configuration.number, {})
        return [self._first(one) for _, (one, _) in sorted(found.items()) if one != configuration]

    @property
    def total(self) -> int:
        """All trials: those of rates still to be tried are counted as three."""
        tried = sum(len(some) for some in self._tried.values())
        untried = len(self.configurations) - len(self._tried)
        return tried + 3 * untried + (trials.repeats(self.study) - 1) * len(self.configurations)


def usual_rate(document: Any) -> float:
    """The learning rate of a preset's tables, or its optimizer's usual one: where a range test found none."""
    training = document.get("training") or {}
    given = training.get("learning_rate")
    if isinstance(given, int | float) and given > 0:
        return float(given)
    try:
        return optimizers.read(training.get("optimizer", SGD.name)).rate
    except ValueError:
        return SGD.rate


# -- the range test ---------------------------------------------------------------------------------------


def _rate_file(folder: Path, trial: Trial) -> Path:
    return folder / f"rate-{trials.content(trial.document)}.json"


def write_rate(folder: Path, trial: Trial, rate: float, why: str = "") -> None:
    """Keep a range test's rate, NaN for none.

    Raises:
        OSError: it cannot be written.
    """
    known = {"rate": rate if math.isfinite(rate) else None, "why": why}
    write_whole(_rate_file(folder, trial), json.dumps(known) + "\n")


def read_rate(folder: Path, trial: Trial) -> float | None:
    """The rate of a range test, NaN where it suggested none; ``None`` where it was not run."""
    try:
        known = json.loads(read_regular(_rate_file(folder, trial), _MOST_BYTES))
        rate = known["rate"]
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        return None
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        return math.nan
    return float(rate) if 0 < rate <= HIGHEST else math.nan
