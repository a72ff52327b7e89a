"""Checks the preset of every configuration of a study, and says which line of the study a problem is from."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuiml.data.own.entries import DataFiles
from tuiml.registry import closest, short
from tuiml.spec.check import MAX_PROBLEMS
from tuiml.spec.check import check as check_preset
from tuiml.spec.edit import put
from tuiml.spec.preset import Preset
from tuiml.spec.problems import Problem, SpecError, join
from tuiml.studies import trials
from tuiml.studies.methods import methods
from tuiml.studies.search import bigger_is_better
from tuiml.studies.study import Study, Vary

MOST_CHECKED = 200
"""Of a search that draws as it learns: combinations that are checked beforehand."""
_LEADS_NOWHERE = "--set "
"""How the path of a problem begins whose setting is not in the preset."""
METRICS = {
    "val_accuracy": "classes",
    "train_accuracy": "classes",
    "val_r2": "regression",
}


@dataclass(frozen=True)
class Case:
    """A combination that is checked: a variant, and a value for each varied setting."""

    variant: int
    values: tuple[Any, ...] = field(compare=False)
    names: tuple[str, ...]
    """Where each value is in the study: ``vary[0].values[3]``."""
    drawn: int = -1
    """The number of a combination with numbers that were drawn."""

    def __str__(self) -> str:
        return " with ".join(self.names) or f"variant[{self.variant}]"


def check(study: Study, files: DataFiles | None) -> tuple[Study, list[Problem]]:
    """The study with its metric, and the problems of its configurations' presets, each once."""
    places, problems = _bases(study)
    if problems:
        return study, problems
    failed: dict[Problem, list[Case]] = defaultdict(list)
    checked: list[Preset] = []
    cases = list(dict.fromkeys(_cases(study)))
    known: dict[str, Case] = {}
    for case in cases:
        preset, wrong = _preset(study, places[case.variant], case, files)
        for problem in wrong:
            failed[problem].append(case)
        if preset is None:
            continue
        checked.append(preset)
        if trials.size(study) is None:
            continue  # what is drawn differs
        same = known.setdefault(trials.content(preset.document()), case)
        if same is not case:
            problems.append(Problem(str(case), f"trains the same as {same}: leave one of the two out"))
    totals = _counted(cases)
    for problem, some in failed.items():
        problems += _blamed(study, problem, some, totals, len(some) == len(cases))
    return _with_metric(study, checked, problems)


def not_among(name: str, kind: str, known: Sequence[str]) -> str:
    """What is wrong with a name, with the nearest known one."""
    near = closest(name, known)
    hint = (
        f"did you mean '{near}'?" if near else f"choose from {', '.join(known)}" if known else "there is none"
    )
    return f"{short(name)} is not {kind}; {hint}"


def _bases(study: Study) -> tuple[list[trials.Base], list[Problem]]:
    """The presets that the values are put into; a problem of one has the path of where it is named."""
    found: list[trials.Base] = []
    problems: list[Problem] = []
    for index, variant in enumerate(study.variant or (None,)):
        own = variant is not None and variant.preset is not None
        where = f"variant[{index}].preset" if own else "preset"
        bare = study.model_copy(update={"set": {}})
        try:
            base = trials.base_of(bare, variant.model_copy(update={"set": {}}) if variant else None)
        except SpecError as error:
            problems += [Problem(where, str(problem)) for problem in error.problems]
            continue
        settings: list[tuple[list[str | int], str, Any]] = []
        settings += [(["set", path], path, value) for path, value in study.set.items()]
        for path, value in variant.set.items() if variant else ():
            settings.append((["variant", index, "set", path], path, value))
        document = dict(base.document)
        for place, path, value in settings:
            try:
                document = put(document, path, value)
            except SpecError as error:
                problems += [Problem(join(place), _without(path, error))]
        found.append(trials.Base(variant, document))
    return found, problems


def _cases(study: Study) -> Iterator[Case]:
    """The combinations to check: all that a grid has, all that are drawn beforehand; of ranges their ends."""
    variants = range(len(study.variant) or 1)
    whole = trials.size(study)
    if whole is not None and (study.search.method == "grid" or whole <= MOST_CHECKED):
        options = [_options(index, vary) for index, vary in enumerate(study.vary)]
        for variant, *some in itertools.product(variants, *options):
            yield Case(variant, tuple(value for value, _ in some), tuple(name for _, name in some))
        return
    firsts = [_options(index, vary) for index, vary in enumerate(study.vary)]
    for variant in variants:  # each value, and each end of a range, once
        for index, some in enumerate(firsts):
            for one in some:
                row = [one if index == other else first[0] for other, first in enumerate(firsts)]
                yield Case(variant, tuple(value for value, _ in row), tuple(name for _, name in row))
    names = [variant.name for variant in study.variant]
    learns = methods[study.search.method].learns
    for number, found in enumerate(trials.choices(study, MOST_CHECKED if learns else None)):
        places = [
            _place(i, vary, v) for i, (vary, v) in enumerate(zip(study.vary, found.values, strict=True))
        ]
        variant = names.index(found.base.variant.name) if found.base.variant else 0
        drawn = number if any(vary.low is not None for vary in study.vary) else -1
        yield Case(variant, found.values, tuple(places), drawn)


def _options(index: int, vary: Vary) -> list[tuple[Any, str]]:
    """The values of a varied setting, of a range its ends, with where they are."""
    if vary.low is None or vary.high is None:
        return [(value, f"vary[{index}].values[{i}]") for i, value in enumerate(vary.values)]
    ends = (("low", vary.low), ("high", vary.high))
    return [(trials.rounded(vary, value), f"vary[{index}].{name}") for name, value in ends]


def _place(index: int, vary: Vary, value: Any) -> str:
    return next((name for known, name in _options(index, vary) if known == value), f"vary[{index}]")


def _preset(
    study: Study, base: trials.Base, case: Case, files: DataFiles | None
) -> tuple[Preset | None, list[Problem]]:
    """The preset of a case, and its problems."""
    document = dict(base.document)
    for vary, value in zip(study.vary, case.values, strict=True):
        try:
            document = put(document, vary.path, value)
        except SpecError as error:
            return None, [Problem(f"{_LEADS_NOWHERE}{vary.path}", _without(vary.path, error))]
    if study.folds is None:
        return check_preset(document, files)
    document = trials.with_fold(document, study.folds, study.folds - 1)
    preset, problems = check_preset(document, files)  # the smallest fold, and the largest
    if problems:
        return preset, problems
    return check_preset(trials.with_fold(document, study.folds, 0), files)


def _without(path: str, error: SpecError) -> str:
    """What is wrong with a path, which whoever shows it names by its place in the study."""
    return error.problems[0].message.removeprefix(f"{path}: ")


# -- where a problem comes from ---------------------------------------------------------------------------


def _blamed(
    study: Study, problem: Problem, failed: list[Case], totals: Mapping[str, int], everywhere: bool
) -> Iterator[Problem]:
    """A problem of some configurations' presets as problems of the study.

    It is a value's where every configuration with that value has it; the preset's where all have; else of the
    values together.

    Args:
        totals: how many cases there are with each value, and with each variant.
        everywhere: all cases have it.
    """
    if problem.path.startswith(_LEADS_NOWHERE):
        path = problem.path.removeprefix(_LEADS_NOWHERE)
        index = next(i for i, vary in enumerate(study.vary) if vary.path == path)
        yield Problem(f"vary[{index}].path", problem.message)
        return
    mine = _counted(failed)
    whole = [name for name, count in mine.items() if count == totals[name] and "vary" in name]
    close = [name for name in whole if _about(study, name, problem.path)]
    named = close or ([] if everywhere else whole)
    if named:
        for name in dict.fromkeys(named):
            inner = _within(study, name, problem.path) if name in close else problem.path
            yield Problem(name, str(Problem(inner, problem.message)))
        return
    variants = [name for name, count in mine.items() if count == totals[name] and "variant" in name]
    if everywhere or variants:
        for place in variants or ["preset"]:
            yield Problem(_where_set(study, place, problem.path), str(problem))
        return
    for case in failed[:MAX_PROBLEMS]:
        yield Problem(str(case), str(problem))


def _counted(cases: Iterable[Case]) -> dict[str, int]:
    """How many cases there are with each value, and with each variant."""
    found: dict[str, int] = defaultdict(int)
    for case in cases:
        for name in (*case.names, f"variant[{case.variant}]"):
            found[name] += 1
    return found


def _about(study: Study, name: str, path: str) -> bool:
    """True if a problem's path in a preset is that of a varied setting, or within it."""
    return covers(study.vary[int(re.findall(r"\d+", name)[0])].path, path)


def _within(study: Study, name: str, path: str) -> str:
    """The part of a problem's path that is within the varied setting."""
    setting = study.vary[int(re.findall(r"\d+", name)[0])].path
    return ".".join(_parts(path)[len(_parts(setting)) :])


def _parts(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", path)


def covers(setting: str, path: str) -> bool:
    """True if a path in a preset is a setting's, or within it: ``layers[2].activation`` of
    ``layers[*].activation``."""
    mine, its = _parts(setting), _parts(path)
    return len(mine) <= len(its) and all(a in ("*", b) for a, b in zip(mine, its, strict=False))


def _where_set(study: Study, variant: str, path: str) -> str:
    """Which of the study's own settings a problem in a preset is about; else where the preset is named."""
    index = int(re.findall(r"\d+", variant)[0]) if study.variant and "[" in variant else None
    if index is not None:
        for setting in study.variant[index].set:
            if covers(setting, path):
                return join(["variant", index, "set", setting])
    for setting in study.set:
        if covers(setting, path):
            return join(["set", setting])
    own = index is not None and study.variant[index].preset is not None
    return f"variant[{index}].preset" if own else "preset"


# -- the metric -------------------------------------------------------------------------------------------


def _with_metric(study: Study, presets: list[Preset], problems: list[Problem]) -> tuple[Study, list[Problem]]:
    """The study with its metric, and what the metric needs that a preset lacks."""
    if problems or not presets:
        return study, problems
    first, given = presets[0], study.search.metric
    metric = given or default_metric(first)
    found = [text for preset in presets for text in _metric_problems(metric, preset, first)]
    if study.search.method == "halving" and len({preset.training.epochs for preset in presets}) > 1:
        text = "halving compares after equal epochs, and training.epochs differs among configurations"
        return study, [Problem("search.method", text)]
    if found:
        return study, [Problem("search.metric", text) for text in dict.fromkeys(found)]
    return study.model_copy(update={"search": study.search.model_copy(update={"metric": metric})}), []


def _metric_problems(metric: str, preset: Preset, first: Preset) -> Iterator[str]:
    """Why a metric cannot rank a preset beside the first one."""
    validation, target, title = preset.data.sizes()[1], preset.data.target, preset.data.title
    if metric.startswith("val_") and not validation:
        yield f"{metric} needs validation examples; give data.validation at least 1, or use train_loss"
    if METRICS.get(metric, target) != target and target == "regression":
        yield f"{metric} is for classification, and {title} is a regression; use val_r2 or val_loss"
    elif METRICS.get(metric, target) != target:
        yield f"{metric} is for regression, and {title} has classes; use val_accuracy or val_loss"
    if not bigger_is_better(metric) and preset.training.loss != first.training.loss:
        names = f"{first.training.loss.name} and {preset.training.loss.name}"
        yield f"{metric} of different losses cannot be compared ({names}); use another metric"


def default_metric(preset: Preset) -> str:
    """What is ranked where a study does not say: accuracy or R² of the validation part, if there is one."""
    if not preset.data.sizes()[1]:
        return "train_loss"
    return "val_r2" if preset.data.target == "regression" else "val_accuracy"
