"""``tuiml presets``, ``tuiml show`` and ``tuiml choices``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import note, print_json, print_table
from tuiml.cli.parser import Commands, add_json, add_settings, command

if TYPE_CHECKING:
    from tuiml.registry import Entry, Option, Registry
    from tuiml.spec.library import PresetFile


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parser = command(commands, "presets", presets, "list the presets: bundled ones and your own")
    add_json(parser)
    parser = command(commands, "show", show, "print a preset's layers, settings and problems")
    parser.add_argument("preset", metavar="PRESET", help="a name that 'tuiml presets' lists, or a TOML file")
    add_settings(parser, "change the preset first, as training.epochs=5")
    add_json(parser)
    parser = command(commands, "choices", choices, "list what a preset can choose from, with formulas")
    parser.add_argument("kind", nargs="?", metavar="KIND", help="such as activations; absent: the kinds")
    parser.add_argument("name", nargs="?", metavar="NAME", help="such as leaky_relu: its options and source")
    add_json(parser)


# -- presets ----------------------------------------------------------------------------------------------


def presets(chosen: argparse.Namespace) -> int:
    """``tuiml presets``."""
    from tuiml.spec import library

    rows = [_preset_row(file) for file in (*library.own(), *library.bundled())]
    if chosen.json:
        print_json(rows)
        return 0
    header = ("preset", "from", "data", "layers", "optimizer", "epochs", "note")
    table = [[str(row[key]) for key in header] for row in _brief(rows)]
    print_table(header, table, right=("layers", "epochs"))
    return 0


def _preset_row(file: PresetFile) -> dict[str, Any]:
    """A preset file as plain data; what is wrong with it in ``problems``."""
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
    """The rows as a table shows them: of a note its first sentence, or the first problem."""
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


# -- show -------------------------------------------------------------------------------------------------


def show(chosen: argparse.Namespace) -> int:
    """``tuiml show``."""
    from tuiml.cli.show import describe, print_outline
    from tuiml.cli.training import read_document

    document, problems = read_document(chosen.preset, chosen.settings)
    outline = describe(document, problems)
    if chosen.json:
        print_json(outline)
    else:
        print_outline(outline)
        for problem in outline["problems"]:
            note(": ".join(filter(None, (problem["path"], problem["message"]))))
    return 2 if outline["problems"] else 0


# -- choices ----------------------------------------------------------------------------------------------


def _kinds() -> dict[str, Registry[Any]]:
    from tuiml import nn
    from tuiml.data.datasets import datasets, own_files
    from tuiml.spec.stopping import stoppings

    return {
        "layers": nn.layers,
        "activations": nn.activations,
        "initializers": nn.initializers,
        "optimizers": nn.optimizers,
        "losses": nn.losses,
        "schedules": nn.schedules,
        "stoppings": stoppings,
        "pretraining": nn.pretrainings,
        "data": datasets,
        "files": own_files,
    }


def choices(chosen: argparse.Namespace) -> int:
    """``tuiml choices``."""
    from tuiml.registry import closest, short
    from tuiml.runs.errors import RunError

    kinds = _kinds()
    if chosen.kind is None:
        rows = {kind: registry.names() for kind, registry in kinds.items()}
        if chosen.json:
            print_json(rows)
        else:
            print_table(("kind", "choices"), [[kind, ", ".join(names)] for kind, names in rows.items()])
        return 0
    if chosen.kind not in kinds:
        near = closest(chosen.kind, kinds)
        hint = f"did you mean '{near}'?" if near else f"choose from {', '.join(kinds)}"
        raise RunError(f"{short(chosen.kind)} is not a kind of choice; {hint}")
    registry = kinds[chosen.kind]
    if chosen.name is None:
        return _list_kind(registry, chosen.json)
    if chosen.name not in registry:
        raise RunError(registry.complaint(chosen.name))
    return _print_entry(registry[chosen.name], chosen.json)


def _list_kind(registry: Registry[Any], json: bool) -> int:
    if json:
        print_json([_entry(entry) for entry in registry])
    else:
        rows = [[entry.name, entry.formula, entry.advice] for entry in registry]
        print_table(("name", "formula", "when to use it"), rows)
    return 0


def _print_entry(entry: type[Entry], json: bool) -> int:
    from tuiml.registry import options_of

    if json:
        print_json(_entry(entry))
        return 0
    names = " or ".join([entry.name, *entry.aliases])
    print(f"{names}: {entry.formula}")
    if entry.advice:
        print(entry.advice)
    if entry.source:
        print(f"source: {entry.source}")
    options = options_of(entry)
    if options:
        print()
        rows = [[o.name, _default(o), o.allowed(), o.help] for o in options]
        print_table(("option", "default", "allowed", "what it is"), rows)
    return 0


def _default(option: Option) -> str:
    if option.required:
        return "must be given"
    if option.default is None or option.default == ():
        return "left out"
    return str(_plain_default(option)).lower() if option.kind == "bool" else str(_plain_default(option))


def _plain_default(option: Option) -> Any:
    if option.registry is not None and option.default is not None:
        return option.registry.write(option.default)
    return list(option.default) if isinstance(option.default, tuple) else option.default


def _entry(entry: type[Entry]) -> dict[str, Any]:
    from tuiml.registry import options_of

    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "formula": entry.formula,
        "advice": entry.advice,
        "source": entry.source,
        "options": [
            {
                "name": o.name,
                "kind": o.kind,
                "default": _plain_default(o),
                "required": o.required,
                "low": o.low,
                "high": o.high,
                "low_open": o.low_open,
                "high_open": o.high_open,
                "words": list(o.words),
                "help": o.help,
            }
            for o in options_of(entry)
        ],
    }
