"""The simulator finds planted faults, and none in tuiml.

``python -m tests.simulator --hours 1`` hunts for longer; a plan that fails is kept in ``plans/``, made small.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulator import plan

PLANS, PARTS = 2000, 8
FOUND_FROM = {"torn_lines": 250, "no_study_lock": 60, "any_trial": 60}
"""Seeds near the first plan that finds a fault, for those that few find: it took 274, 59 and 58 from 7 on."""


def simulated(*arguments: str) -> dict[str, Any] | str:
    """What the simulator printed, in a process of its own, whose clocks it replaces."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulator", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    last = done.stdout.splitlines()[-1]
    return json.loads(last) if last.startswith("{") else last


def fresh_seed() -> int:
    """Another one after each change of tuiml, the same for the same code, so that a failure comes again."""
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parents[2] / "tuiml").rglob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:4], "big")


@pytest.mark.parametrize("part", range(PARTS))
def test_fresh_plans_break_no_rule(part: int) -> None:
    number = PLANS // PARTS
    found = simulated("--plans", str(number), "--seed", str(fresh_seed() + part * number))
    assert isinstance(found, dict)
    assert found["failures"] == [], found["seed"]
    assert found["plans"] == number
    counted = found["counted"]
    assert min(counted[kind] for kind in ("power cuts", "deaths", "refused operations", "replays")) > 10
    assert min(counted[f"{kind} of studies"] for kind in ("plans", "workers killed", "power cuts")) > 2


def test_what_once_failed_does_not_again() -> None:
    found = simulated("--kept")
    assert isinstance(found, dict)
    assert found == {name: "" for name, _ in plan.kept()}
    assert len(found) > 10


@pytest.mark.parametrize(
    ("kind", "about", "rule"),
    [
        ("no_sync", "run", "no state that was saved is lost"),
        ("no_folder_sync", "run", "no state that was saved is lost"),
        ("rename_first", "run", "no state that was saved is lost"),
        ("no_lock", "run", "one process writes to a run"),
        ("dropped_event", "run", "each epoch is in the metrics once"),
        ("torn_lines", "run", "every line can be read"),
        ("lost_moments", "run", "a disturbed run has the bits of an undisturbed one"),
        ("lost_draft", "run", "no edit that was saved is lost"),
        ("unsynced_end", "study", "no result that was accepted is lost"),
        ("dead_is_done", "study", "a trial that is over is done"),
        ("no_study_lock", "study", "one process runs a study"),
        ("unsynced_decision", "study", "no decision that was kept is lost"),
        ("any_trial", "study", "a trial fails for a reason"),
    ],
)
def test_a_planted_fault_is_found_within_a_thousand_plans(kind: str, about: str, rule: str) -> None:
    seed = str(FOUND_FROM.get(kind, 7))
    found = simulated("--plans", "1000", "--seed", seed, "--sabotage", kind, "--only", about)
    assert isinstance(found, dict)
    (failure,) = found["failures"]
    assert failure["seen"].startswith(rule)
    assert len(failure["plan"]) <= 8, "it was made small"


def test_a_plan_is_made_small() -> None:
    steps: list[plan.Step] = [["run", 0, False], *([kind] for kind in "abcdefgh")]
    tried: list[int] = []

    def fails(shorter: list[plan.Step]) -> bool:
        tried.append(len(shorter))
        return ["c"] in shorter and ["g"] in shorter

    assert plan.shrink(steps, fails) == [["run", 0, False], ["c"], ["g"]]
    assert len(tried) < 40


def test_a_seed_draws_the_same_plan() -> None:
    seed = random.Random(5).randrange(10**6)
    assert plan.draw(seed) == plan.draw(seed) != plan.draw(seed + 1)
