"""Plays many plans, and makes those that fail small."""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulator.clock import real_time
from tests.simulator.plan import Broken, Step, draw, shrink
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


def undisturbed() -> dict[int, dict[str, bytes]]:
    """The final weights of the presets' runs to which nothing happens."""
    found = {}
    for number in range(len(PRESETS)):
        world = World(_new_folder())
        world.play([["run", number, False]])
        found[number] = world.final
    return found


def played(plan: list[Step], whole: dict[int, dict[str, bytes]], into: Statistics | None = None) -> str:
    """Play a plan; the rule that was broken with what was seen, empty if none was."""
    world = World(_new_folder(), whole)
    try:
        world.play(plan)
    except Broken as error:
        return str(error)
    except Exception as error:  # whatever tuiml raises is a fault of its own
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.name}, {last.filename}:{last.lineno}"
        return f"nothing raises what nobody expects: {type(error).__name__}: {error} ({where})"
    finally:
        shutil.rmtree(world.root, ignore_errors=True)
        if into is not None:
            into.plans += 1
            into.counted += world.counted
            into.counted["file operations"] += world.disk.operations
            into.counted["refused operations"] += world.disk.faults
    return ""


def play(seeds: Iterable[int], *, until: Callable[[], bool] = lambda: False, most: int = 5) -> Statistics:
    """Play the plans of seeds until ``until``, or ``most`` of them failed."""
    found, began = Statistics(), real_time()
    try:
        whole = undisturbed()
    except Broken as error:
        found.failures.append({"seed": None, "seen": str(error), "plan": []})
        return found
    for seed in seeds:
        if until() or len(found.failures) >= most:
            break
        plan = draw(seed)
        seen = played(plan, whole, found)
        if seen:
            rule = seen.partition(":")[0]
            small = shrink(plan, lambda shorter, rule=rule: played(shorter, whole).startswith(rule))
            found.failures.append({"seed": seed, "seen": played(small, whole) or seen, "plan": small})
    found.seconds = real_time() - began
    return found
