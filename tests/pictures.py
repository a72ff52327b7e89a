"""The README's picture: the app itself, training for real, saved as it stands on the screen.

    python -m tests.pictures [PRESET] [--epochs 30] [--size 120x40]

Writes ``assets/pictures/train.svg``. With ``TUIML_DATA`` set, PRESET may be one that trains on MNIST.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

OUT = Path(__file__).parent.parent / "assets" / "pictures" / "train.svg"


async def picture(preset: str, epochs: int, size: tuple[int, int]) -> str:
    """The screen, as SVG, once ``epochs`` epochs are done."""
    from tuiml.tui.app.app import TuimlApp
    from tuiml.tui.model.preset_files import named

    app = TuimlApp(named(preset))
    async with app.run_test(size=size) as pilot:
        await pilot.press("ctrl+r")
        while app.model.status in ("empty", "loading", "running") and app.model.epoch <= epochs:
            await pilot.pause(0.05)
        await pilot.press("ctrl+r", "j", "j")
        while app.model.status == "running":
            await pilot.pause(0.05)
        await pilot.pause(0.3)
        svg = app.export_screenshot(title="tuiml")
        app.client.stop()
    return svg


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures")
    parser.add_argument("preset", nargs="?", default="digits-quickstart")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--size", default="120x40")
    chosen = parser.parse_args()
    columns, lines = map(int, chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as home:
        os.environ["TUIML_HOME"] = home
        svg = asyncio.run(picture(chosen.preset, chosen.epochs, (columns, lines)))
    OUT.write_text(svg)
    print(f"{OUT}: {len(svg):,} bytes")


if __name__ == "__main__":
    main()
