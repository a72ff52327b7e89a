"""``tuiml choices``: everything that a preset can choose from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import print_json, print_table, say, say_wrapped
from tuiml.cli.parser import JSON, Command, argument

if TYPE_CHECKING:
    from tuiml.registry import Entry, Option, Registry


def kinds() -> dict[str, Registry[Any]]:
    """What there is to choose from, by its kind."""
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
        "class_weights": nn.class_weights,
        "pretraining": nn.pretrainings,
        "data": datasets,
        "files": own_files,
    }


def run(chosen: argparse.Namespace) -> int:
    """List kinds, choices of a kind, or the options of a choice."""
    from tuiml.registry import closest, short
    from tuiml.runs.errors import RunError

    known = kinds()
    if chosen.kind is None:
        rows = {kind: registry.names() for kind, registry in known.items()}
        if chosen.json:
            print_json(rows)
        else:
            table = [[kind, ", ".join(names)] for kind, names in rows.items()]
            print_table(("kind", "choices"), table, wrap=True)
        return 0
    if chosen.kind not in known:
        near = closest(chosen.kind, known)
        hint = f"did you mean '{near}'?" if near else f"choose from {', '.join(known)}"
        raise RunError(f"{short(chosen.kind)} is not a kind of choice; {hint}")
    registry = known[chosen.kind]
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
        print_table(("name", "formula", "when to use it"), rows, wrap=True)
    return 0


def _print_entry(entry: type[Entry], json: bool) -> int:
    from tuiml.registry import options_of

    if json:
        print_json(_entry(entry))
        return 0
    names = " or ".join([entry.name, *entry.aliases])
    say_wrapped(f"{names}: {entry.formula}")
    if entry.advice:
        say_wrapped(entry.advice)
    if entry.source:
        say_wrapped(f"source: {entry.source}")
    options = options_of(entry)
    if options:
        say()
        rows = [[o.name, _default(o), o.allowed(), o.help] for o in options]
        print_table(("option", "default", "allowed", "what it is"), rows, wrap=True)
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

    said = ("name", "kind", "default", "required", "low", "high", "low_open", "high_open", "words", "help")
    options = [
        {key: getattr(o, key) for key in said} | {"default": _plain_default(o), "words": list(o.words)}
        for o in options_of(entry)
    ]
    found = {key: getattr(entry, key) for key in ("name", "aliases", "formula", "advice", "source")}
    return found | {"aliases": list(entry.aliases), "options": options}


COMMAND = Command(
    "choices",
    "list what a preset can choose from, with formulas",
    run,
    [
        argument("kind", nargs="?", metavar="KIND", help="such as activations; absent: the kinds"),
        argument("name", nargs="?", metavar="NAME", help="such as leaky_relu: its options and source"),
        JSON,
    ],
)
