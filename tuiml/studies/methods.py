"""The methods of search: one entry each."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import ClassVar

from tuiml import installation
from tuiml.data.own.entries import DataFiles
from tuiml.registry import Entry, Registry
from tuiml.spec.problems import Problem, SpecError
from tuiml.studies.halving import Halving
from tuiml.studies.results import Configuration
from tuiml.studies.search import All, Search
from tuiml.studies.study import Study
from tuiml.studies.trials import drawn, grid
from tuiml.studies.tuning import Tuned


class Method(Entry):
    """A method of search."""

    draws: ClassVar[bool] = True
    """True if it can draw from a range; else every setting needs its values."""
    tunes: ClassVar[bool] = True
    """True if each configuration can have its own learning rate found (``tune``)."""
    learns: ClassVar[bool] = False
    """True if what is tried depends on what was found."""

    @classmethod
    def missing(cls) -> str:
        """What is not installed, and how to install it; empty if nothing is missing."""
        return ""

    def known(self, study: Study, files: DataFiles | None = None) -> list[Configuration]:
        """The configurations that are known before anything is trained.

        Raises:
            SpecError: there is no such preset, a path leads nowhere, or a package is missing.
        """
        return drawn(study, files)

    def start(self, study: Study, known: Sequence[Configuration], files: DataFiles | None) -> Search:
        """A search from its beginning.

        Args:
            known: the configurations of :meth:`known`.
        """
        return All(study, known) if study.tune is None else Tuned(study, known, files)


methods: Registry[Method] = Registry("a method of search")


@methods.add
class Grid(Method):
    name = "grid"
    formula = "every combination of the values"
    advice = "a few values each: all are compared"
    draws = False

    def known(self, study: Study, files: DataFiles | None = None) -> list[Configuration]:
        return grid(study, files)


@methods.add
class Random(Method):
    name = "random"
    formula = "combinations drawn from values and ranges"
    advice = "more than two settings, or ranges: it finds more than a grid in the same time"
    source = "Bergstra & Bengio 2012, JMLR 13"


@methods.add
class SuccessiveHalving(Method):
    name = "halving"
    formula = "all train a little, the best third more, …, the best all epochs"
    advice = "many combinations, most of them bad"
    source = "Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar 2018, JMLR 18(185), algorithm 1"
    tunes = False

    def start(self, study: Study, known: Sequence[Configuration], files: DataFiles | None) -> Search:
        return Halving(study, known)


@methods.add
class Tpe(Method):
    name = "tpe"
    formula = "more draws where good ones were found (tree-structured Parzen estimator)"
    advice = "few trials that each take long; needs Optuna (the extra optuna)"
    source = "Bergstra, Bardenet, Bengio & Kégl 2011; Optuna's TPESampler"
    tunes = False
    learns = True

    @classmethod
    def missing(cls) -> str:
        found = importlib.util.find_spec("optuna")
        return "" if found else f"tpe needs Optuna: {installation.hint('optuna')}"

    def known(self, study: Study, files: DataFiles | None = None) -> list[Configuration]:
        missing = self.missing()
        if missing:
            raise SpecError([Problem("search.method", missing)])
        return []

    def start(self, study: Study, known: Sequence[Configuration], files: DataFiles | None) -> Search:
        from tuiml.studies import tpe

        return tpe.Tpe(study, files)


def start(
    study: Study, files: DataFiles | None = None, known: Sequence[Configuration] | None = None
) -> Search:
    """The search of a checked study, from its beginning.

    Args:
        files: finds what a file of the user's holds; by default read from the disk.
        known: the configurations of an earlier search of the same study, before it was told anything.

    Raises:
        SpecError: a preset is missing or a path leads nowhere, as when the study was not checked.
    """
    chosen = methods[study.search.method]()
    return chosen.start(study, chosen.known(study, files) if known is None else known, files)


def known(study: Study, files: DataFiles | None = None) -> list[Configuration]:
    """The configurations of a checked study that are known before anything is trained.

    Raises:
        SpecError: as :func:`start`.
    """
    return methods[study.search.method]().known(study, files)
