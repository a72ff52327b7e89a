"""From a document to a study, or to everything that is wrong with it at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from tuiml.data.own.entries import DataFiles
from tuiml.registry import short
from tuiml.spec.check import MAX_PROBLEMS
from tuiml.spec.problems import Problem, join, translate
from tuiml.studies import preset_check, trials
from tuiml.studies.methods import methods
from tuiml.studies.study import MAX_TRIALS, Reference, Study, Vary

_PARTS = re.compile(r"\d+|\D+")


def check(document: Any, files: DataFiles | None = None) -> tuple[Study | None, list[Problem]]:
    """The study that a document describes, or ``None``, and every problem it has.

    Every trial of a study that is returned can train: the preset of each configuration was checked. Its
    metric is filled in where it was left out.

    Args:
        document: its tables, as :func:`tuiml.studies.library.read` returns them.
        files: finds what a file of the user's holds; without it such a file is a problem.
    """
    try:
        study = Study.model_validate(document)
    except ValidationError as error:
        found = [translate(dict(d), document, Study) for d in error.errors(include_url=False)]
        return None, _bounded(found)
    problems = [*_whole(study, document), *_settings(study), *_variants(study), *_search(study)]
    if not problems:
        problems = [*_count(study)]
    if not problems:
        study, problems = preset_check.check(study, files)
    if not problems:
        problems = [*_references(study)]
    return (None if problems else study), _bounded(problems)


def count_text(study: Study) -> str:
    """How many runs a checked study has: ``12 configurations × 3 seeds = 36 runs``."""
    some, each = configurations(study), trials.repeats(study)
    kind = "fold" if study.folds else "seed"
    text = f"{some:,} configuration{'s' * (some != 1)} × {each:,} {kind}{'s' * (each != 1)}"
    return f"{text} = {some * each:,} run{'s' * (some * each != 1)}"


def configurations(study: Study) -> int:
    """How many configurations a study has: all of a grid, of a search those that it draws at most."""
    whole = trials.size(study)
    if study.search.method == "grid" and whole is not None:
        return whole
    return study.search.trials if whole is None else min(whole, study.search.trials)


def _bounded(problems: list[Problem]) -> list[Problem]:
    """The problems once each, in the order of the study, and not more than can be read."""
    found = sorted(dict.fromkeys(problems), key=lambda problem: [*map(_number, _PARTS.findall(problem.path))])
    if len(found) > MAX_PROBLEMS:
        found[MAX_PROBLEMS:] = [Problem("", f"and {len(found) - MAX_PROBLEMS:,} more problems")]
    return found


def _number(part: str) -> tuple[int, str]:
    return int(part) if part.isdecimal() and len(part) < 10 else -1, part


def _whole(study: Study, document: Any) -> Iterator[Problem]:
    """Seeds, folds and tuning."""
    if study.folds is not None and isinstance(document, dict) and "seeds" in document:
        yield Problem("folds", "is given beside seeds; give one of the two")
    for seed, times in Counter(study.seeds).items():
        if times > 1:
            yield Problem("seeds", f"{seed} is there {times} times; give each seed once")
    if study.tune is None:
        return
    if study.tune != "training.learning_rate":
        text = f"{short(study.tune)} cannot be tuned, only training.learning_rate; vary it instead"
        yield Problem("tune", text)
    for where, path in _paths(study):
        if path == study.tune:
            yield Problem("tune", f"{path} is given by {where} as well; leave one of the two out")


def _paths(study: Study) -> Iterator[tuple[str, str]]:
    """The paths that the study sets for some trials or all, and where."""
    yield from ((join(["set", path]), path) for path in study.set)
    for index, variant in enumerate(study.variant):
        yield from ((join(["variant", index, "set", path]), path) for path in variant.set)
    yield from ((f"vary[{index}].path", vary.path) for index, vary in enumerate(study.vary))


def _settings(study: Study) -> Iterator[Problem]:
    """The settings that are varied, and those that the study has keys of its own for."""
    seen: dict[str, int] = {}
    for index, vary in enumerate(study.vary):
        where = f"vary[{index}]"
        if vary.path in seen:
            text = f"{vary.path} is varied by vary[{seen[vary.path]}] already; put all values into one list"
            yield Problem(f"{where}.path", text)
        seen.setdefault(vary.path, index)
        yield from (replace(problem, path=f"{where}{problem.path}") for problem in _vary(study, vary))
    for where, path in _paths(study):
        if path == trials.SEED and study.folds is None:
            yield Problem(where, "the seeds of a study are its own: seeds = [0, 1, 2]")
        if path in ("data.folds", "data.fold"):
            yield Problem(where, "the folds of a study are its own: folds = 5")
        if path in ("version", "name", "note"):
            yield Problem(where, f"{path} is no setting of a run")


def _vary(study: Study, vary: Vary) -> Iterator[Problem]:
    """One setting that is varied; paths begin where the problem is in it."""
    ranged = vary.low is not None or vary.high is not None
    if vary.values and ranged:
        yield Problem("", "has values and a range; give one of the two")
    elif not vary.values and not ranged:
        yield Problem("", "has neither values nor a range; give values = […], or low and high")
    for name, missing in (("low", vary.low is None), ("high", vary.high is None)):
        if ranged and missing:
            yield Problem(f".{name}", "is missing: a range has low and high")
    if vary.low is not None and vary.high is not None:
        if vary.low >= vary.high:
            yield Problem(".high", f"{vary.high:g} is not above low, {vary.low:g}")
        if vary.scale == "log" and vary.low <= 0:
            yield Problem(".low", f"{vary.low:g} is not allowed on a log scale; give a number above 0")
        if vary.integer and not (vary.low.is_integer() and vary.high.is_integer()):
            yield Problem(".low", "a range of whole numbers begins and ends with one")
    method = study.search.method
    if ranged and method in methods and not methods[method].draws:
        drawing = ", ".join(one.name for one in methods if one.draws)
        yield Problem("", f"has a range, which {method} cannot search: give values, or a method of {drawing}")
    for index, value in enumerate(vary.values):
        first = next(i for i, other in enumerate(vary.values) if same(other, value))
        if first < index:
            yield Problem(f".values[{index}]", f"{short(value)} is values[{first}] again")


def same(one: Any, other: Any) -> bool:
    """True if two values of a setting are the same: ``1`` and ``1.0`` are, ``1`` and ``true`` are not."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _variants(study: Study) -> Iterator[Problem]:
    names: dict[str, int] = {}
    for index, variant in enumerate(study.variant):
        if variant.name in names:
            text = f"{short(variant.name)} is the name of variant[{names[variant.name]}] already"
            yield Problem(f"variant[{index}].name", text)
        names.setdefault(variant.name, index)
        if variant.preset is None and study.preset is None:
            yield Problem(f"variant[{index}].preset", "is missing, and the study has no preset")
    if not study.variant and study.preset is None:
        yield Problem("preset", "is missing: the preset that the study starts from")
    varied = {vary.path for vary in study.vary}
    for index, variant in enumerate(study.variant):
        for path in varied.intersection(variant.set):
            yield Problem(
                join(["variant", index, "set", path]), "is varied as well; leave one of the two out"
            )


def _search(study: Study) -> Iterator[Problem]:
    """The method, and what it needs."""
    search = study.search
    if search.method not in methods:
        yield Problem("search.method", methods.complaint(search.method))
        return
    method = methods[search.method]
    if study.tune is not None and not method.tunes:
        yield Problem("tune", f"cannot be used with {method.name}, which compares before a rate is found")
    missing = method.missing()
    if missing:
        yield Problem("search.method", missing)


def _count(study: Study) -> Iterator[Problem]:
    """Whether the study has so few trials that it can end; counted before any is made."""
    total = configurations(study) * trials.repeats(study)
    if total > MAX_TRIALS:
        yield Problem("vary" if study.vary else "variant", f"{count_text(study)}; at most {MAX_TRIALS:,}")


def _references(study: Study) -> Iterator[Problem]:
    """Whether each reference is about one configuration."""
    known = trials.grid(study) if study.search.method == "grid" and study.reference else None
    for index, reference in enumerate(study.reference):
        where = f"reference[{index}]"
        if reference.figure() is None:
            yield Problem(where, "has no figure; give test_accuracy, val_accuracy or test_loss")
        if not reference.set and reference.variant is None and configurations(study) > 1:
            yield Problem(where, "says of no configuration that it is its own; give set or variant")
        names = [variant.name for variant in study.variant]
        if reference.variant is not None and reference.variant not in names:
            yield Problem(f"{where}.variant", preset_check.not_among(reference.variant, "a variant", names))
        elif known is not None:
            found = sum(matches(reference, one.name, one.settings, study) for one in known)
            if found != 1:
                many = "no configuration" if not found else f"{found:,} configurations; say which"
                yield Problem(where, f"matches {many}")


def matches(reference: Reference, name: str, settings: Any, study: Study) -> bool:
    """True if a reference is about a configuration."""
    variant = reference.variant
    if variant is not None and name != variant and not name.startswith(f"{variant} · "):
        return False
    return all(path in settings and same(settings[path], value) for path, value in reference.set.items())
