"""``tuiml probe``: every layer at its initial values, and what is wrong with them."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tuiml.cli.output import NONE, figure, note, print_json, print_table, whole
from tuiml.cli.parser import Commands, add_json, add_settings, command
from tuiml.runs import threads

if TYPE_CHECKING:
    from tuiml.nn.network import Network, Node
    from tuiml.spec.preset import Preset
    from tuiml.training.layer_statistics import LayerStatistics
    from tuiml.training.probe import Probe
    from tuiml.training.verdicts import Verdict

BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 10
"""Characters of a histogram."""


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(commands, "probe", probe, "look at every layer at its initial values, untrained")
    parser.add_argument("preset", metavar="PRESET", help="a name that 'tuiml presets' lists, or a TOML file")
    add_settings(parser, "change the preset first: layers[*].initializer=he_normal")
    add_json(parser, "print one JSON object")


def probe(chosen: argparse.Namespace) -> int:
    """``tuiml probe``."""
    threads.limit()  # before numpy is imported, by what follows
    from tuiml.cli.training import read_preset

    preset = read_preset(chosen.preset, chosen.settings)
    from tuiml.runs.preset_prober import Prober

    network, found = Prober().probe(preset)
    told = found.verdicts(preset, network)
    if chosen.json:
        print_json(as_json(preset, network, found, told))
        return 0
    print_layers(network, found)
    print_verdicts(told)
    if found.note:
        note(found.note)
    return 0


def as_json(preset: Preset, network: Network, found: Probe, told: Sequence[Verdict]) -> dict[str, Any]:
    """Everything that the screen shows, as plain data."""
    from tuiml.training.codec import plain

    layers = [
        {**_named(node), **plain(statistics)}
        for node, statistics in zip(network.nodes, found.picture.layers, strict=True)
    ]
    return {
        "preset": preset.name,
        "seed": preset.training.seed,
        "inputs": found.inputs,
        "examples": found.examples,
        "input_mean": found.input_mean,
        "input_std": found.input_std,
        **(
            {}
            if math.isnan(found.target_std)
            else {k: getattr(found, k) for k in ("target_mean", "target_std")}
        ),
        "note": found.note,
        "parameters": network.size,
        "layers": layers,
        "verdicts": [_verdict(verdict) for verdict in told],
    }


def _named(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"index": node.index, "type": node.layer.name}
    for field in ("activation", "initializer"):
        entry = getattr(node.layer, field, None)
        found[field] = entry.name if entry is not None else None
    return found | {"output_shape": list(node.output_shape), "parameters": node.size}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    found = dataclasses.asdict(verdict)
    edits = [{"path": path, "value": value} for path, value in verdict.remedy.edits]
    return found | {
        "layers": list(verdict.layers),
        "follows": list(verdict.follows),
        "remedy": {"words": verdict.remedy.words, "edits": edits},
    }


# -- for reading ------------------------------------------------------------------------------------------


def print_layers(network: Network, found: Probe) -> None:
    """The layer table: a batch's outputs and gradients."""
    header = ("#", "layer", "output", "params", "mean", "std", "idle", "‖g‖", "outputs")
    rows = [
        _cells(node, statistics) for node, statistics in zip(network.nodes, found.picture.layers, strict=True)
    ]
    print_table(header, rows, right=("#", "params", "mean", "std", "idle", "‖g‖"))
    words = f"{found.examples} examples, mean {figure(found.input_mean)}, std {figure(found.input_std)}"
    print(f"\ninputs: {words}; nothing was trained")
    if not math.isnan(found.target_std):
        print(f"targets: mean {figure(found.target_mean)}, std {figure(found.target_std)}")


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
        whole(node.size),
        number(found.mean),
        number(found.std),
        idle(found),
        number(found.gradient_norm),
        blocks(found.activations.counts, WIDTH) if found.activations else "",
    ]


def number(value: float) -> str:
    """Two digits: ``0.29``, ``3e-09``."""
    return NONE if math.isnan(value) else f"{value:.2g}"


def idle(found: LayerStatistics) -> str:
    """The share of outputs saturated, or of units dead: ``78 % sat``."""
    for share, word in ((found.saturated, "sat"), (found.dead, "dead")):
        if not math.isnan(share):
            return f"{100 * share:.0f} % {word}"
    return ""


def blocks(counts: Sequence[int], width: int) -> str:
    """A histogram as ``width`` characters, the highest bar full; whatever was counted is seen."""
    sums = [0] * width
    for place, count in enumerate(counts):
        sums[place * width // len(counts)] += count
    top = max(sums, default=0) or 1
    return "".join(BLOCKS[math.ceil(8 * s / top)] for s in sums)


def print_verdicts(told: Sequence[Verdict]) -> None:
    """What is wrong, each with what helps."""
    print()
    if not told:
        print("nothing is wrong with these numbers")
    for verdict in told:
        print(f"▲ {verdict.name}: {verdict.evidence[:1].lower()}{verdict.evidence[1:]}")
        print(f"  {verdict.meaning} ({verdict.source})")
        print(f"  try {verdict.remedy.words}")
        for line in verdict.remedy.lines():
            print(f"    {line}")
