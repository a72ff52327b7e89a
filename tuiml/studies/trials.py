"""From a study to its configurations and trials: products, draws, names."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tuiml.data.own.entries import DataFiles
from tuiml.data.own.reading import DataFiles as FilesOnDisk
from tuiml.registry import value_text
from tuiml.spec import library
from tuiml.spec.check import check
from tuiml.spec.edit import put
from tuiml.spec.preset import Training
from tuiml.spec.problems import Problem, SpecError
from tuiml.studies.results import Configuration, Trial
from tuiml.studies.study import Study, Variant, Vary
from tuiml.text import plain_text

_FILES = FilesOnDisk()
_DRAW = 0x5354
"""Keeps what a study draws apart from other uses of the same seed."""
_MISSES = 1000
"""Draws one after the other of what was drawn before, after which a space counts as used up."""
DIGITS = 4
"""Significant digits of a number that is drawn: as many as one can type again."""
SEED = "training.seed"


@dataclass(frozen=True)
class Base:
    """What the varied settings of a study are put into: its preset, or a variant's."""

    variant: Variant | None
    document: Mapping[str, Any]


def bases(study: Study) -> list[Base]:
    """The preset of the study, or one for each variant, with what they set.

    Raises:
        SpecError: there is no such preset, or a path leads nowhere.
    """
    return [base_of(study, variant) for variant in study.variant or (None,)]


def base_of(study: Study, variant: Variant | None) -> Base:
    """One of :func:`bases`.

    Raises:
        SpecError: as there.
    """
    source = variant.preset if variant and variant.preset is not None else study.preset
    if source is None:
        raise SpecError([Problem("preset", "is missing")])
    document = source if isinstance(source, dict) else library.find(source).document()
    for path, value in {**study.set, **(variant.set if variant else {})}.items():
        document = put(document, path, value)
    return Base(variant, document)


def size(study: Study) -> int | None:
    """How many configurations a grid has; ``None`` where a setting has a range."""
    if any(vary.low is not None for vary in study.vary):
        return None
    return max(len(study.variant), 1) * math.prod(len(vary.values) for vary in study.vary)


def repeats(study: Study) -> int:
    """Trials of a configuration: one for each seed or fold."""
    return study.folds or len(study.seeds)


def grid(study: Study, files: DataFiles | None = None) -> list[Configuration]:
    """The product of the variants and all values, the last setting changing fastest.

    Raises:
        SpecError: as :func:`bases`.
    """
    values = list(itertools.product(*(vary.values for vary in study.vary)))
    pairs = list(itertools.product(bases(study), values))
    return _distinct(configure(study, n, base, some, files) for n, (base, some) in enumerate(pairs))


def drawn(study: Study, files: DataFiles | None = None) -> list[Configuration]:
    """``search.trials`` different configurations drawn from the space, or all if it has no more.

    The same seed gives the same ones, and a greater number of trials the same ones first.

    Raises:
        SpecError: as :func:`bases`.
    """
    whole = size(study)
    if whole is not None and whole <= study.search.trials:
        return grid(study, files)
    found = enumerate(choices(study))
    return _distinct(configure(study, n, one.base, one.values, files) for n, one in found)


class Choice(NamedTuple):
    """What was drawn for a configuration."""

    base: Base
    values: tuple[Any, ...]


def choices(study: Study, wanted: int | None = None) -> list[Choice]:
    """Different draws from the space, ``search.trials`` of them by default; fewer if it has no more.

    Raises:
        SpecError: as :func:`bases`.
    """
    wanted = study.search.trials if wanted is None else wanted
    places = bases(study)
    found: dict[str, Choice] = {}
    number = misses = 0
    while len(found) < wanted and misses < _MISSES:
        unit = _uniform([study.search.seed, _DRAW, number], len(study.vary) + 1)
        base = places[min(int(unit[0] * len(places)), len(places) - 1)]
        values = tuple(at(vary, u) for vary, u in zip(study.vary, unit[1:], strict=True))
        key = _text([base.variant and base.variant.name, values])
        misses = misses + 1 if key in found else 0
        found.setdefault(key, Choice(base, values))
        number += 1
    return list(found.values())


def _uniform(seed: Sequence[int], count: int) -> list[float]:
    """Numbers in [0, 1)."""
    import numpy as np

    return [float(u) for u in np.random.Generator(np.random.PCG64(seed)).random(count)]


def at(vary: Vary, unit: float) -> Any:
    """The value of a varied setting at a place in [0, 1): of a range, rounded to :data:`DIGITS`."""
    if vary.low is None or vary.high is None:
        return vary.values[min(int(unit * len(vary.values)), len(vary.values) - 1)]
    low, high = vary.low, vary.high
    if vary.integer:
        low, high = low - 0.5, high + 0.5  # so that the ends are as likely as the rest
    if vary.scale == "log":
        value = math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
    else:
        value = low + unit * (high - low)
    return rounded(vary, value)


def rounded(vary: Vary, value: float) -> float | int:
    """A value in a range as it is tried."""
    assert vary.low is not None
    assert vary.high is not None
    value = round(value) if vary.integer else float(f"{value:.{DIGITS}g}")
    return min(max(value, int(vary.low) if vary.integer else vary.low), vary.high)


# -- configurations ---------------------------------------------------------------------------------------


def configure(
    study: Study, number: int, base: Base, values: Sequence[Any], files: DataFiles | None = None
) -> Configuration:
    """A configuration: a value for each varied setting, in their order.

    Its document is as a checked preset's is written, so that it does not matter how a setting was spelled.

    Raises:
        SpecError: a path leads nowhere.
    """
    varied = {vary.path: value for vary, value in zip(study.vary, values, strict=True)}
    settings = {**(base.variant.set if base.variant else {}), **varied}
    words = [base.variant.name] if base.variant else []
    words += [_named(path, value) for path, value in varied.items()]
    name = plain_text(" · ".join(words) or study.name)
    return _configuration(study, number, name, settings, base.document, varied, files)


def changed(
    study: Study, configuration: Configuration, path: str, value: Any, files: DataFiles | None = None
) -> Configuration:
    """The same configuration with one more setting, such as its own learning rate."""
    settings = {**configuration.settings, path: value}
    document = configuration.document
    return _configuration(
        study, configuration.number, configuration.name, settings, document, {path: value}, files
    )


def _configuration(
    study: Study,
    number: int,
    name: str,
    settings: Mapping[str, Any],
    document: Mapping[str, Any],
    put_in: Mapping[str, Any],
    files: DataFiles | None,
) -> Configuration:
    found = dict(document)
    for path, value in put_in.items():
        found = put(found, path, value)
    found["name"] = f"{study.name} {name}"[:80].strip()
    found.pop("note", None)
    preset, _ = check(found, files or _FILES)
    found = preset.document() if preset else found
    if study.folds is None and isinstance(found.get("training"), dict):
        found["training"] = {key: v for key, v in found["training"].items() if key != "seed"}
    return Configuration(number, name, settings, found)


def _distinct(configurations: Iterable[Configuration]) -> list[Configuration]:
    """The configurations with different names: equal ones are numbered."""
    seen: dict[str, int] = {}
    found = []
    for one in configurations:
        seen[one.name] = seen.get(one.name, 0) + 1
        found.append(replace(one, name=f"{one.name} ({seen[one.name]})") if seen[one.name] > 1 else one)
    return found


def _named(path: str, value: Any) -> str:
    """What a value is called in a configuration's name: ``relu``, ``0.01``, ``sgd (momentum 0.9)``."""
    if isinstance(value, bool):
        return f"{path.rpartition('.')[2]} {'on' if value else 'off'}"
    return value_text(value)


# -- trials -----------------------------------------------------------------------------------------------


def trials_of(study: Study, configuration: Configuration) -> list[Trial]:
    """The trials of a configuration: one for each seed, or each fold."""
    if study.folds is None:
        return [trial_of(study, configuration, seed) for seed in study.seeds]
    training = configuration.document.get("training")
    seed = training.get("seed", 0) if isinstance(training, dict) else 0
    return [trial_of(study, configuration, seed, fold) for fold in range(study.folds)]


def trial_of(study: Study, configuration: Configuration, seed: int, fold: int | None = None) -> Trial:
    """A trial of a configuration; the seed may be one that the study does not have."""
    if (seed, fold) in configuration.made:
        return configuration.made[seed, fold]
    document = put(dict(configuration.document), SEED, seed)
    if fold is not None and study.folds is not None:
        document = with_fold(document, study.folds, fold)
    part = f"s{seed}" if fold is None else f"f{fold}"
    stem = library.slug(configuration.name)[:40].rstrip("-.")
    folder = f"{configuration.number:03}-{stem}-{part}-{content(document)}"
    found = configuration.made[seed, fold] = Trial(configuration, seed, fold, folder, document)
    return found


def with_fold(document: dict[str, Any], folds: int, fold: int) -> dict[str, Any]:
    """A preset's tables with one fold of its data as the validation part."""
    document = put(put(document, "data.folds", folds), "data.fold", fold)
    document["data"].pop("validation", None)
    if fold == 0:
        document["data"].pop("fold")  # as a checked preset is written
    return document


def content(document: Mapping[str, Any]) -> str:
    """A hash of what a preset trains: of everything but its name and its note; 12 hexadecimal digits."""
    kept = {key: value for key, value in document.items() if key not in ("name", "note")}
    return hashlib.sha256(_text(kept).encode()).hexdigest()[:12]


def located(names: Iterable[str]) -> dict[str, str]:
    """The names of trials' folders by the hash that they end with: a trial of an edited study may have had
    another number."""
    return {name.rpartition("-")[2]: name for name in names}


def planned(document: Mapping[str, Any]) -> int:
    """The epochs of a preset's document."""
    training = document.get("training")
    epochs = training.get("epochs") if isinstance(training, dict) else None
    return epochs if isinstance(epochs, int) else int(Training.model_fields["epochs"].default)


def _text(value: Any) -> str:
    """A value as text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, default=str, allow_nan=True)


def paths_varied(study: Study) -> Iterator[str]:
    """The dotted paths that differ among configurations, in the order of the study."""
    seen = dict.fromkeys(path for variant in study.variant for path in variant.set)
    yield from dict.fromkeys([*seen, *(vary.path for vary in study.vary)])
