"""A search under way: it is asked for trials to train, and told their values.

What is asked for is a function of the study and of what was told, in whatever order it was told: a study that
was cut off replays the values in its folder and goes on, and the number of workers changes nothing.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tuiml.studies.results import Configuration, Trial
from tuiml.studies.study import Study
from tuiml.studies.trials import planned, trials_of

NAN = math.nan


@dataclass(frozen=True)
class Order:
    """A trial that is to be trained."""

    trial: Trial
    until: int | None = None
    """Epochs after which it waits for the others; ``None``: all."""
    find_rate: bool = False
    """True: nothing is trained; a learning rate is to be found for it (:mod:`tuiml.studies.tuning`)."""

    @property
    def epochs(self) -> int:
        """Epochs that it has when it is done; 0 where a rate is to be found."""
        return 0 if self.find_rate else self.until or planned(self.trial.document)


@dataclass(frozen=True)
class Cut:
    """How far a trial came in successive halving."""

    rung: int
    """The last one that it reached, from 0."""
    lost_by: float | None = None
    """By how much its configuration missed the next one, in the metric; ``None``: it did not."""


class Search(ABC):
    """A search under way; not for several threads at once.

    Args:
        study: a checked one.
        configurations: those known from the beginning.
    """

    def __init__(self, study: Study, configurations: Sequence[Configuration]) -> None:
        self.study = study
        self.configurations: list[Configuration] = list(configurations)
        """Those known so far, in their order; of each that is tuned, with the rate chosen so far."""
        self._waiting: deque[Order] = deque()
        self._open: set[tuple[str, int]] = set()

    def ask(self) -> Order | None:
        """The next order; ``None``: there is none before more values are told."""
        if not self._waiting:
            return None
        order = self._waiting.popleft()
        self._open.add((order.trial.folder, order.epochs))
        return order

    def tell(self, trial: Trial, epochs: int, value: float) -> None:
        """Report the value of an order that was asked for; of any other it is passed over.

        Args:
            epochs: :attr:`Order.epochs` of the order.
            value: the metric, the best until that epoch; of an order to find a rate, the rate. NaN: there is
                none, since the trial failed or diverged before.
        """
        if (trial.folder, epochs) in self._open:
            self._open.discard((trial.folder, epochs))
            self._take(trial, epochs, value)

    @property
    def over(self) -> bool:
        """True once all values were told and nothing more will be asked for."""
        return not self._waiting and not self._open

    @abstractmethod
    def _take(self, trial: Trial, epochs: int, value: float) -> None:
        """A value was told; new orders are put into ``_waiting``."""

    def trials(self, configuration: Configuration) -> list[Trial]:
        """The trials of a configuration that count in its row."""
        return trials_of(self.study, configuration)

    def others(self, configuration: Configuration) -> list[Trial]:
        """Trials of a configuration that do not count: with rates that were tried and not chosen."""
        return []

    def cut(self, trial: Trial) -> Cut | None:
        """How far a trial came; ``None`` where nothing is cut."""
        return None

    @property
    def total(self) -> int:
        """Trials in all, as far as is known."""
        return sum(len(self.trials(one)) for one in self.configurations)


class All(Search):
    """Every trial of the given configurations: all with the first seed, then all with the second, …"""

    def __init__(self, study: Study, configurations: Sequence[Configuration]) -> None:
        super().__init__(study, configurations)
        self._waiting.extend(Order(trial) for trial in seed_by_seed(study, configurations))

    def _take(self, trial: Trial, epochs: int, value: float) -> None:
        pass


def seed_by_seed(study: Study, configurations: Sequence[Configuration]) -> list[Trial]:
    """The trials of configurations, those with the first seed of all of them first: so that they can be
    compared early."""
    return [
        trial for some in zip(*(trials_of(study, c) for c in configurations), strict=True) for trial in some
    ]


def replay(
    search: Search, value: Callable[[Order], float | None], waiting: Iterable[Order] = ()
) -> list[Order]:
    """Ask and tell as far as values are known; returns the orders that are to be trained now.

    Args:
        value: of an order as :meth:`Search.tell` takes it; ``None``: it has to be trained.
        waiting: orders that were asked for earlier, and not told.
    """
    left = []
    for order in itertools.chain(waiting, iter(search.ask, None)):
        known = value(order)
        if known is None:
            left.append(order)
        else:
            search.tell(order.trial, order.epochs, known)
    return left


def score(values: Sequence[float], bigger_is_better: bool) -> float:
    """The mean of a configuration's values as a number that is the smaller the better; infinite where one is
    missing, since a configuration that diverges with one seed is not the best."""
    if not values or any(math.isnan(value) for value in values):
        return math.inf
    mean = math.fsum(values) / len(values)
    return -mean if bigger_is_better else mean


def bigger_is_better(metric: str) -> bool:
    """True for accuracies and R²."""
    return not metric.endswith("loss")
