"""Plays many plans, and makes those that fail small."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.simulator.clock import real_time
from tests.simulator.plan import Broken, Step, draw, shrink
from tests.simulator.small_studies import STUDIES
from tests.simulator.study_rules import Whole
from tests.simulator.study_world import StudyWorld
from tests.simulator.world import PRESETS, World

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass
class Statistics:
    """What was played and found."""

    plans: int = 0
    seconds: float = 0.0
    counted: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"counted": dict(sorted(self.counted.items()))}


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(dir=MEMORY, prefix="tuiml-simulated-"))


class Undisturbed:
    """What is left of that to which nothing happens."""

    @cached_property
    def runs(self) -> dict[int, dict[str, bytes]]:
        """The final weights of the presets' runs."""
        found = {}
        for number in range(len(PRESETS)):
            world = World(_new_folder())
            _play(world, [["run", number, False]])
            found[number] = world.final
        return found

    @cached_property
    def studies(self) -> dict[int, Whole]:
        """The trials and tables of the studies."""
        found = {}
        for number in range(len(STUDIES)):
            for more in ([["more"]], []):  # the trials with all seeds, the table with those of the study
                world = StudyWorld(_new_folder())
                _play(world, [["study", number, 1], *more])
                found[number] = world.rules.whole.with_trials(found.get(number))
        return found


def _play(world: World | StudyWorld, plan: list[Step]) -> None:
    try:
        world.play(plan)
    finally:
        shutil.rmtree(world.root, ignore_errors=True)


def played(plan: list[Step], whole: Undisturbed, into: Statistics | None = None) -> str:
    """Play a plan; the rule that was broken with what was seen, empty if none was."""
    study = plan[0][0] == "study"
    try:
        world = StudyWorld(_new_folder(), whole.studies) if study else World(_new_folder(), whole.runs)
    except Broken as error:
        return str(error)
    try:
        _play(world, plan)
    except Broken as error:
        return str(error)
    except Exception as error:  # whatever tuiml raises is a fault of its own
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.name}, {last.filename}:{last.lineno}"
        return f"nothing raises what nobody expects: {type(error).__name__}: {error} ({where})"
    finally:
        if into is not None:
            kind = "of studies" if study else "of runs"
            into.plans += 1
            into.counted += Counter({f"plans {kind}": 1})
            into.counted += Counter(
                {f"{name} {kind}" if study else name: n for name, n in world.counted.items()}
            )
            into.counted["file operations"] += world.disk.operations
            into.counted["refused operations"] += world.disk.faults
    return ""


def play(
    seeds: Iterable[int], *, until: Callable[[], bool] = lambda: False, most: int = 5, only: str = ""
) -> Statistics:
    """Play the plans of seeds until ``until``, or ``most`` of them failed."""
    found, began, whole = Statistics(), real_time(), Undisturbed()
    for seed in seeds:
        if until() or len(found.failures) >= most:
            break
        plan = draw(seed, only)
        seen = played(plan, whole, found)
        if seen:
            rule = seen.partition(":")[0]
            small = shrink(plan, lambda shorter, rule=rule: played(shorter, whole).startswith(rule))
            found.failures.append({"seed": seed, "seen": played(small, whole) or seen, "plan": small})
    found.seconds = real_time() - began
    return found
