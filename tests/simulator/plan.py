"""Plans: what is done to a run, the app or a study, drawn from a seed; and the smallest part that fails."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Step = list[Any]
"""What is done, and its arguments: JSON's types, so that a plan can be kept in a file."""
STUDIES = 10
"""One plan in so many is about a study."""
PLANS = Path(__file__).parent / "plans"
OPTIMIZERS = ("sgd", "adam", "rmsprop")
EDITS = ("training.learning_rate", "training.epochs", "training.batch_size", "training.seed")


class Broken(Exception):
    """Something that must hold does not: the name of the rule, and what was seen."""

    def __init__(self, rule: str, seen: str) -> None:
        super().__init__(f"{rule}: {seen}")
        self.rule = rule


def draw(seed: int, only: str = "") -> list[Step]:
    """The plan of a seed.

    Args:
        only: ``run`` or ``study``; otherwise every :data:`STUDIES`-th seed has a plan about a study.
    """
    rng = random.Random(seed)
    if only == "study" or (not only and seed % STUDIES == 0):
        return _drawn(rng, _STUDY_STEPS, lambda: ["study", rng.randrange(3), rng.randint(1, 3)], 14)
    return _drawn(rng, _STEPS, lambda: ["run", rng.randrange(3), rng.random() < 0.5], 24)


def _drawn(rng: random.Random, steps: _Steps, first: Callable[[], Step], most: int) -> list[Step]:
    kinds = rng.sample(list(steps), rng.randint(2, len(steps)))
    if "go" not in kinds:
        kinds.append("go")
    weights = [steps[kind][0] for kind in kinds]
    plan = [first()]
    for _ in range(rng.randint(3, most)):
        kind = rng.choices(kinds, weights)[0]
        plan.append([kind, *steps[kind][1](rng)])
    return plan


_Draw = Callable[[random.Random], Sequence[Any]]
_Steps = dict[str, tuple[float, _Draw]]
_STEPS: _Steps = {
    "go": (8, lambda r: [r.randint(1, 12)]),
    "pause": (2, lambda r: []),
    "rate": (2, lambda r: [round(10 ** r.uniform(-3, -0.5), 4)]),
    "optimizer": (1, lambda r: [r.choice(OPTIMIZERS)]),
    "batch": (1, lambda r: [r.choice([4, 8, 12])]),
    "rewind": (2, lambda r: [round(r.random(), 3)]),
    "stop": (1, lambda r: []),
    "close": (1, lambda r: []),
    "kill": (4, lambda r: [r.randint(0, 60), round(r.random(), 2)]),
    "power": (4, lambda r: [r.randint(0, 60), round(r.random(), 2), r.getrandbits(32)]),
    "full": (2, lambda r: [r.choice(["any", "write"]), r.randint(0, 20), r.randint(1, 40)]),
    "error": (2, lambda r: [r.choice(["write", "fsync", "replace", "open"]), r.randint(0, 20)]),
    "clock": (1, lambda r: [r.choice([-1e6, -60.0, 60.0, 1e7]), r.choice([0.0, 5.0, 3600.0])]),
    "second": (2, lambda r: []),
    "move": (1, lambda r: []),
    "trash": (1, lambda r: []),
    "rot": (1, lambda r: [r.getrandbits(32)]),
    "look": (2, lambda r: []),
    "edit": (4, lambda r: [r.randrange(2), r.choice(EDITS), r.randint(1, 99)]),
    "undo": (1, lambda r: [r.randrange(2)]),
    "save": (4, lambda r: [r.randrange(2)]),
    "keep": (1, lambda r: [r.randrange(2)]),
    "crash": (2, lambda r: [r.randrange(2), r.randint(0, 9), round(r.random(), 2)]),
    "reopen": (2, lambda r: [r.randrange(2)]),
}
"""What may be done, with how often and its arguments; :class:`tests.simulator.world.World` does it."""
FATES: dict[str, Callable[[random.Random], float]] = {
    "slow": lambda r: r.choice([1.0, 5.0, 30.0]),
    "late": lambda r: r.choice([0.1, 3.0, 30.0]),
    "twice": lambda r: r.choice([0.0, 0.1, 3.0]),
    "die": lambda r: r.randint(0, 14),
    "exit": lambda r: r.randint(0, 14),
    "fuse": lambda r: r.randint(0, 50),
    "mute": lambda r: 0.0,
    "torn": lambda r: 0.0,
    "after": lambda r: 0.0,
}
"""What may become of a worker: slow, its lines late, its last one twice, dead or ended after so many events
or file operations, dead before, in the midst of or after its last line; with the seconds or the number."""


def _fate(rng: random.Random) -> Sequence[Any]:
    kind = rng.choice(list(FATES))
    return [kind, FATES[kind](rng), round(rng.random(), 2), rng.randint(0, 3)]


_ORDERS = ("pause", "resume", "stop_trial", "resume_trial", "more_seeds")
_STUDY_STEPS: _Steps = {
    "go": (8, lambda r: [r.randint(1, 12)]),
    "wait": (1, lambda r: [r.choice([0.5, 5.0, 60.0])]),
    "fate": (8, _fate),
    "murder": (3, lambda r: [r.randrange(4)]),
    "kill": (3, lambda r: [r.randint(0, 12), round(r.random(), 2)]),
    "power": (3, lambda r: [r.randint(0, 120), round(r.random(), 2), r.getrandbits(32)]),
    "stop": (1, lambda r: []),
    "close": (1, lambda r: []),
    "second": (2, lambda r: []),
    "order": (3, lambda r: [r.choice(_ORDERS), r.randrange(8)]),
    "full": (1, lambda r: [r.choice(["any", "write"]), r.randint(0, 60), r.randint(1, 40)]),
    "error": (2, lambda r: [r.choice(["write", "fsync", "replace", "open", "mkdir"]), r.randint(0, 60)]),
    "clock": (1, lambda r: [r.choice([-1e6, -60.0, 60.0, 1e7])]),
    "look": (3, lambda r: []),
}
"""The same of a study; :class:`tests.simulator.study_world.StudyWorld` does it."""


def shrink(plan: Sequence[Step], fails: Callable[[list[Step]], bool]) -> list[Step]:
    """A shorter plan that still fails: steps are left out, many at a time first."""
    found, size = list(plan), max(1, len(plan) // 2)
    while size:
        at = 1
        while at < len(found):
            shorter = found[:at] + found[at + size :]
            if fails(shorter):
                found = shorter
            else:
                at += size
        size //= 2
    return found


def kept() -> Iterator[tuple[str, list[Step]]]:
    """The plans that once failed, by their names."""
    for path in sorted(PLANS.glob("*.json")):
        yield path.stem, json.loads(path.read_text())
