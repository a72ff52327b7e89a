"""``tuiml presets``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import note, print_json, print_table
from tuiml.cli.parser import JSON, Command

if TYPE_CHECKING:
    from tuiml.spec.library import PresetFile


def run(chosen: argparse.Namespace) -> int:
    """List the presets."""
    from tuiml.spec import library

    trouble = library.why_unlisted()
    if trouble:
        note(f"tuiml: {library.own_folder()} {trouble}")
    rows = [_preset_row(file) for file in (*library.own(), *library.bundled())]
    if chosen.json:
        print_json(rows)
        return 0
    header = ("preset", "from", "data", "layers", "optimizer", "epochs", "note")
    table = [[str(row[key]) for key in header] for row in _brief(rows)]
    print_table(header, table, right=("layers", "epochs"), spare=("layers", "epochs", "optimizer", "from"))
    return 0


def _preset_row(file: PresetFile) -> dict[str, Any]:
    """A preset file as plain data, with its problems."""
    from tuiml.data.own.reading import DataFiles
    from tuiml.spec import SpecError, check

    row: dict[str, Any] = {"preset": file.name, "path": str(file.path), "bundled": file.bundled}
    try:
        preset, problems = check(file.document(), DataFiles())
    except SpecError as error:
        preset, problems = None, error.problems
    if preset is not None:
        row |= {
            "data": preset.data.title,
            "layers": len(preset.layers),
            "optimizer": preset.training.optimizer.name,
            "epochs": preset.training.epochs,
            "note": preset.note,
        }
    return row | {"problems": [{"path": p.path, "message": p.message} for p in problems]}


def _brief(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the table, with the first sentence of a note, or the first problem."""
    brief = []
    for row in rows:
        text = row.get("note", "").partition(". ")[0].partition("\n")[0]
        if row["problems"]:
            first = row["problems"][0]
            text = f"broken: {first['path']} {first['message']}"
        text = text if len(text) <= 60 else f"{text[:59]}…"
        empty = dict.fromkeys(("data", "layers", "optimizer", "epochs"), "–")
        brief.append(empty | row | {"note": text, "from": "tuiml" if row["bundled"] else "own"})
    return brief


COMMAND = Command("presets", "list the presets: bundled ones and your own", run, [JSON])
