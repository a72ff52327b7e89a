"""Folders and settings that tuiml 0.2 wrote, copied to where a test may read and change them."""

from __future__ import annotations

import shutil
from pathlib import Path

DATA = Path(__file__).parent / "data" / "written_by_0_2"
HOME = "/tmp/tuiml-home"
"""``TUIML_HOME`` when the files were written."""
IN_APP = "small-20261127-222733"
"""The run that was started, paused, changed and taken back in the app."""
RUNS = {
    "digits-tiny",
    "steered",
    "stopped",
    "lengthened",
    "diverged",
    "regression",
    "rbm",
    "rbm-cut",
    "layers",
    "killed",
    "own-data",
    IN_APP,
}


def copy_to(home: Path) -> Path:
    """Copy everything to ``home``; presets and settings then name files there. Returns ``home``.

    The runs stay as they were written: a run folder may be moved.
    """
    shutil.copytree(DATA, home, dirs_exist_ok=True)
    for path in (*home.glob("*.json"), *home.glob("presets/*.toml")):
        path.write_text(path.read_text().replace(HOME, str(home)))
    return home
