"""``tuiml probe``: statistics of every layer at its initial values, and verdicts."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import note, print_json, print_table, say, say_wrapped
from tuiml.cli.parser import PRESET, Command, json_option, set_option
from tuiml.formatting import count_text, figure, percent
from tuiml.runs import threads

if TYPE_CHECKING:
    from tuiml.nn.network import Network, Node
    from tuiml.spec.preset import Preset
    from tuiml.training.layer_statistics import LayerStatistics
    from tuiml.training.probe import Probe
    from tuiml.training.remedies import Remedy
    from tuiml.training.verdicts import Verdict

BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 10
"""Characters of a histogram."""


def run(chosen: argparse.Namespace) -> int:
    """Print statistics of every layer at its initial values, and verdicts."""
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.cli.preset_argument import read_preset

    preset = read_preset(chosen.preset, chosen.settings)
    from tuiml.runs.preset_prober import Prober

    network, found = Prober().probe(preset)
    verdicts = found.verdicts(preset, network)
    if chosen.json:
        print_json(as_json(preset, network, found, verdicts))
        return 0
    print_layers(network, found)
    print_verdicts(verdicts)
    if found.note:
        note(found.note)
    return 0


def as_json(preset: Preset, network: Network, found: Probe, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """All findings, as plain data."""
    from tuiml.training.codec import plain

    layers = [
        {**_named(node), **plain(statistics)}
        for node, statistics in zip(network.nodes, found.snapshot.layers, strict=True)
    ]
    measured = ["inputs", "examples", "input_mean", "input_std"]
    if not math.isnan(found.target_std):
        measured += ["target_mean", "target_std"]
    return {
        "preset": preset.name,
        "seed": preset.training.seed,
        **{key: getattr(found, key) for key in measured},
        "note": found.note,
        "parameters": network.size,
        "layers": layers,
        "verdicts": [_verdict(verdict) for verdict in verdicts],
    }


def _named(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"index": node.index, "type": node.layer.name}
    for field in ("activation", "initializer"):
        entry = getattr(node.layer, field, None)
        found[field] = entry.name if entry is not None else None
    return found | {"output_shape": list(node.output_shape), "parameters": node.size}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    found = dataclasses.asdict(verdict)
    return found | {
        "layers": list(verdict.layers),
        "follows": list(verdict.follows),
        "remedy": _remedy(verdict.remedy),
        "others": [_remedy(remedy) for remedy in verdict.others],
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    edits = [{"path": path, "value": value} for path, value in remedy.edits]
    return {"words": remedy.words, "edits": edits, "why": remedy.why}


# -- as text ---------------------------------------------------------------------------------------------


def print_layers(network: Network, found: Probe) -> None:
    """Print the layer table: outputs and gradients of one batch."""
    header = ("#", "layer", "output", "params", "mean", "std", "idle", "‖g‖", "outputs")
    rows = [
        _cells(node, statistics)
        for node, statistics in zip(network.nodes, found.snapshot.layers, strict=True)
    ]
    print_table(header, rows, right=("#", "params", "mean", "std", "idle", "‖g‖"))
    words = f"{found.examples} examples, mean {figure(found.input_mean)}, std {figure(found.input_std)}"
    say()
    say(f"inputs: {words}; nothing was trained")
    if not math.isnan(found.target_std):
        say(f"targets: mean {figure(found.target_mean)}, std {figure(found.target_std)}")


def _cells(node: Node, found: LayerStatistics) -> list[str]:
    from tuiml.nn.layers import dimensions

    layer = node.layer
    words = [layer.name]
    for field in ("activation", "initializer"):
        entry = getattr(layer, field, None)
        words += [entry.name] if entry is not None else []
    return [
        str(node.index),
        " ".join(words),
        dimensions(node.output_shape),
        count_text(node.size),
        figure(found.mean, 2),
        figure(found.std, 2),
        idle(found),
        figure(found.gradient_norm, 2),
        blocks(found.activations.counts, WIDTH) if found.activations else "",
    ]


def idle(found: LayerStatistics) -> str:
    """The fraction of saturated outputs or of dead units: ``78 % sat``."""
    for fraction, word in ((found.saturated, "sat"), (found.dead, "dead")):
        if not math.isnan(fraction):
            return f"{percent(fraction, 0)} {word}"
    return ""


def blocks(counts: Sequence[int], width: int) -> str:
    """A histogram as ``width`` characters; the highest bar is full and no bar with counts is empty."""
    sums = [0] * width
    for place, count in enumerate(counts):
        sums[place * width // len(counts)] += count
    top = max(sums, default=0) or 1
    return "".join(BLOCKS[math.ceil(8 * s / top)] for s in sums)


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Print verdicts with their remedies."""
    say()
    if not verdicts:
        say("nothing is wrong with these numbers")
    for verdict in verdicts:
        say_wrapped(f"▲ {verdict.name}: {verdict.evidence[:1].lower()}{verdict.evidence[1:]}", 2)
        say_wrapped(f"  {verdict.meaning} ({verdict.source})", 2)
        for at, remedy in enumerate((verdict.remedy, *verdict.others)):
            why = f": {remedy.why}" if remedy.why else ""
            say_wrapped(f"  {'or' if at else 'try'} {remedy.words}{why}", 2)
            for line in remedy.lines():
                say_wrapped(f"    {line}", 6)


COMMAND = Command(
    "probe",
    "look at every layer at its initial values, untrained",
    run,
    [
        PRESET,
        set_option("change the preset first: layers[*].initializer=he_normal"),
        json_option("print one JSON object"),
    ],
)
