"""The pictures of the README and of docs/: the app itself, training for real, as it stands on the screen.

    python -m tests.pictures [NAME ...]

Writes ``assets/pictures/NAME.svg``, all of :data:`PICTURES` unless some are named.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

OUT = Path(__file__).parent.parent / "assets" / "pictures"
SIZE = (120, 36)
RUNS = {
    "baseline": (),
    "wider": ("layers[1].units=128",),
    "adam": ("training.optimizer=adam", "training.learning_rate=0.001"),
    "tanh": ("layers[1].activation=tanh", "layers[2].activation=tanh"),
    "small-rate": ("training.learning_rate=0.0001", "training.epochs=30"),
}
"""Runs in the picture of the Library: their names and settings."""
STUDY = "study-optimizers-digits"


class Picture(NamedTuple):
    """Keys to press in the app; ``ctrl+r`` waits for the end of the run."""

    keys: Sequence[str] = ()
    study: str = ""
    language: str = "en"


PICTURES = {
    "train": Picture(("ctrl+r", "down", "o")),
    "build": Picture(("down",)),
    "diagnosis": Picture(("ctrl+l", "ctrl+l", "w")),  # the first lesson is about a stack of sigmoid
    "lesson": Picture(("ctrl+l", "ctrl+r"), language="ko"),
    "library": Picture(("3",)),
    "study": Picture(study=STUDY),
}


async def save(name: str, picture: Picture) -> None:
    """Press the keys and write the picture."""
    from tuiml.tui.app.app import TuimlApp
    from tuiml.tui.app.main import study_of
    from tuiml.tui.app.pictures import save_screen
    from tuiml.tui.model.preferences import Preferences
    from tuiml.tui.model.preset_files import default_document

    study = study_of(picture.study) if picture.study else None
    preferences = Preferences(pace="full", language=picture.language)
    app = TuimlApp(None if study else default_document(), study=study, preferences=preferences)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(3.0)
        for key in picture.keys:
            await pilot.press(key)
            while key == "ctrl+r" and not app.model.end:
                await pilot.pause(0.1)
            await pilot.pause(5.0 if key == "ctrl+r" else 1.5)  # what is said in the top bar goes
        written = save_screen(app, name).read_bytes()
    (OUT / f"{name}.svg").write_bytes(written)
    print(f"{name}: {len(written):,} bytes")


def tuiml(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "tuiml", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    chosen = parser.parse_args().names or list(PICTURES)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, TUIML_HOME=f"{home}/tuiml")
        if "library" in chosen:
            for name, settings in RUNS.items():
                sets = [word for setting in settings for word in ("--set", setting)]
                tuiml("train", "digits-quickstart", "--quiet", "--run", name, *sets)
        if "study" in chosen:
            tuiml("study", STUDY)
        for name in chosen:
            asyncio.run(save(name, PICTURES[name]))


if __name__ == "__main__":
    main()
