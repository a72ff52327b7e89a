"""Runs that are killed: nothing is lost, nothing mixed, and they end with the bits of one never killed.

``TUIML_KILLS=200 pytest tests/runs/test_crash.py`` kills as many at random moments, on each backend;
``TUIML_KILL_EVERY=1`` kills at every single thing that a run does to its files.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from tests.runs.crash import MEMORY

needs_mlx = pytest.mark.skipif(
    importlib.util.find_spec("mlx") is None, reason="MLX is an extra; CI runs these with it"
)
KILLS = os.environ.get("TUIML_KILLS")
EVERY = os.environ.get("TUIML_KILL_EVERY")
NOTHING = {"lost": 0, "mixed": 0, "unequal": 0, "failed": 0, "problems": []}


def crash(*arguments: str) -> dict[str, Any]:
    """What the harness counted, in a process of its own: it forks, so it must have no threads."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as path:
        done = subprocess.run(
            [sys.executable, "-m", "tests.runs.crash", path, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("backend", "kills"), [("numpy", KILLS or "200"), pytest.param("mlx", KILLS or "6", marks=needs_mlx)]
)
def test_runs_killed_at_random_moments(backend: str, kills: str) -> None:
    found = crash("--backend", backend, "--kills", kills)
    assert found["kills"] == int(kills)
    assert found["runs"] >= 1
    assert {key: found[key] for key in NOTHING} == NOTHING


def test_a_run_killed_before_within_and_after_what_it_does_to_its_files() -> None:
    found = crash("--every", EVERY or "23")
    assert found["kills"] > 45
    assert found["runs"] == found["kills"] + 4  # and one of each kind that got through
    assert {key: found[key] for key in NOTHING} == NOTHING
