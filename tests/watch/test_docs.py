"""The loop that docs/watch.md has a newcomer copy: its fault is found, and mended as it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.watch.reading import events, verdicts

pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]
PROGRAM = (ROOT / "docs" / "watch.md").read_text().split("```python\n")[1].split("```")[0]


OFTEN = """
import tuiml.watch.run
from tuiml.runs.folder import RunFolder
tuiml.watch.run.GAP, tuiml.watch.run.FRACTION, RunFolder.takes_snapshot = 0.0, 0.3, True
"""
"""Snapshots that do not depend on how fast the machine is."""


@pytest.mark.parametrize(("rate", "found"), [("1.0", "learning rate far too high"), ("0.01", "")])
def test_watch_see_fix(rate, found, own_folders):
    assert "range(2000)" in PROGRAM
    program = OFTEN + PROGRAM.replace("range(2000)", "range(8)").replace("lr=1.0", f"lr={rate}")
    words = [sys.executable, "-c", program]
    said = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    assert "'tuiml my-net' shows it" in said.stderr
    path = own_folders / "runs" / "my-net"
    assert [verdict.name for verdict in verdicts(path)][:1] == [found] * bool(found)
    now = events(path, "epoch")[-1].train_loss
    assert (now < 0.1) == (rate == "0.01")
