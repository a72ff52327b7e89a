"""TPE, the tree-structured Parzen estimator, through Optuna's ask-and-tell. Needs Optuna.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl (2011), "Algorithms for Hyper-Parameter Optimization", section 4;
T. Akiba et al. (2019), "Optuna", KDD. Configurations are asked for a few at a time and told in their order:
what comes next does not depend on which worker was done first.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection
from optuna.trial import TrialState

from tuiml.data.own.entries import DataFiles
from tuiml.studies import trials
from tuiml.studies.results import Trial
from tuiml.studies.search import Order, Search, bigger_is_better, score, seed_by_seed
from tuiml.studies.study import Study, Vary

TOGETHER = 4
"""Configurations that are asked for at a time: so many trials, times the seeds, can train side by side."""
VARIANT = "variant"


class Tpe(Search):
    """The first ten configurations are drawn at random, the others where good ones were found."""

    def __init__(self, study: Study, files: DataFiles | None = None) -> None:
        super().__init__(study, [])
        self._files = files
        self._bigger = bigger_is_better(study.search.metric or "")
        self._bases = trials.bases(study)
        self._left = study.search.trials
        self._values: dict[int, list[float]] = {}
        self._numbers: dict[tuple[int | str, ...], int] = {}
        """Of configurations, by their variant and values."""
        self._asked: list[tuple[optuna.Trial, int]] = []
        """Those of Optuna that were not told, each with the number of its configuration."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # With constant_liar those that are asked for together are not all alike.
            sampler = optuna.samplers.TPESampler(seed=study.search.seed, constant_liar=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        direction = StudyDirection.MAXIMIZE if self._bigger else StudyDirection.MINIMIZE
        self._optuna = optuna.create_study(sampler=sampler, direction=direction)
        self._space = _space(study)
        self._go_on()

    def _go_on(self) -> None:
        """Ask for some more, until one of them is new."""
        while self._left and not self._waiting:
            some = min(TOGETHER, self._left)
            self._left -= some
            new = []
            for one in [self._optuna.ask(self._space) for _ in range(some)]:
                number = self._configured(one.params)
                self._asked.append((one, number))
                if number not in self._values:
                    self._values[number] = []
                    new.append(self.configurations[number])
            self._waiting.extend(Order(trial) for trial in seed_by_seed(self.study, new))
            if not new:
                self._tell_optuna()

    def _configured(self, params: dict[str, Any]) -> int:
        """The number of the configuration that Optuna's parameters mean; a new one if there is none."""
        base = self._bases[params.get(VARIANT, 0)]
        values = tuple(_value(vary, params[vary.path]) for vary in self.study.vary)
        key = (params.get(VARIANT, 0), *map(repr, values))
        if key not in self._numbers:
            self._numbers[key] = len(self.configurations)
            made = trials.configure(self.study, len(self.configurations), base, values, self._files)
            self.configurations.append(made)
        return self._numbers[key]

    def _take(self, trial: Trial, epochs: int, value: float) -> None:
        self._values[trial.configuration.number].append(value)
        if self.over:
            self._tell_optuna()
            self._go_on()

    def _tell_optuna(self) -> None:
        for one, number in self._asked:
            bad = score(self._values[number], self._bigger)
            if math.isfinite(bad):
                self._optuna.tell(one, -bad if self._bigger else bad)
            else:
                self._optuna.tell(one, state=TrialState.PRUNED)  # worse than any that has a value
        self._asked.clear()

    @property
    def total(self) -> int:
        return super().total + self._left * trials.repeats(self.study)


def _space(study: Study) -> dict[str, BaseDistribution]:
    """What Optuna draws from: values by their place, since they may be tables."""
    found: dict[str, BaseDistribution] = {}
    if len(study.variant) > 1:
        found[VARIANT] = CategoricalDistribution(range(len(study.variant)))
    for vary in study.vary:
        if vary.low is None or vary.high is None:
            found[vary.path] = CategoricalDistribution(range(len(vary.values)))
        elif vary.integer:
            found[vary.path] = IntDistribution(int(vary.low), int(vary.high), log=vary.scale == "log")
        else:
            found[vary.path] = FloatDistribution(vary.low, vary.high, log=vary.scale == "log")
    return found


def _value(vary: Vary, drawn: Any) -> Any:
    return vary.values[drawn] if vary.low is None else trials.rounded(vary, drawn)
