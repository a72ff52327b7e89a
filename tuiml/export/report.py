"""What a report says of a run, as plain text: figures, settings, layers, verdicts, what happened."""

from __future__ import annotations

import contextlib
import math
from datetime import datetime

from tuiml import __version__
from tuiml.export.exported_run import Source
from tuiml.formatting import NONE, accuracy_text, compact, count_text, duration, loss, rate
from tuiml.registry import value_text
from tuiml.runs.run_lines import number
from tuiml.runs.watched import settings_of
from tuiml.spec.problems import SpecError
from tuiml.training.events import End, Epoch, Intervention, Notice, Progress, Start
from tuiml.training.verdicts import Verdict, verdicts

Pairs = list[tuple[str, str]]


def why(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, SpecError):
        return "; ".join(map(str, error.problems))
    return (str(error).splitlines() or [type(error).__name__])[0]


def subtitle(source: Source) -> str:
    """The preset, the time of the start, how it ended and who wrote the report."""
    start, end = source.last(Start), source.last(End)
    when = ""
    with contextlib.suppress(ValueError):
        when = f"{datetime.fromisoformat(str(start.get('time'))):%Y-%m-%d %H:%M} UTC"
    reason = str(end.get("reason", "not ended")).replace("_", " ")
    backend = f"{start.get('backend', '')} {start.get('device', '')}".strip()
    own = f"{source.model.framework} {source.model.type}" if source.model else ""
    parts = [source.preset.name if source.preset else own, when, reason, backend, f"tuiml {__version__}"]
    return " · ".join(filter(None, parts))


def figures(source: Source) -> Pairs:
    """What the run came to."""
    start, end, epoch = map(source.last, (Start, End, Epoch))
    found: Pairs = []
    for part, line in (("test", end), ("val", epoch), ("train", epoch)):
        name = {"val": "validation", "train": "training"}.get(part, part)
        accuracy, r2 = number(line, f"{part}_accuracy"), number(line, f"{part}_r2")
        if not math.isnan(accuracy):
            found.append((f"{name} accuracy", accuracy_text(accuracy)))
        elif not math.isnan(r2):
            found.append((f"{name} R²", loss(r2)))
        if not math.isnan(number(line, f"{part}_loss")):
            found.append((f"{name} loss", loss(number(line, f"{part}_loss"))))
    epochs = compact(int(number(epoch, "epoch"))) if epoch else NONE
    found += [("epochs", epochs), ("parameters", count_text(number(start, "parameters")))]
    seconds = number(end or epoch, "seconds")
    found.append(("of training", duration(seconds, NONE)))
    speed = number(end or epoch, "examples_per_second")
    return [*found, ("examples", rate(speed, NONE))]


def rate_changes(source: Source) -> bool:
    """Whether the learning rate was not the same throughout."""
    return len({line.get("learning_rate") for line in source.lines(Progress, Epoch)}) > 1


def settings(source: Source) -> Pairs:
    """The settings of the training and the data, each by its path."""
    preset = source.preset
    if preset is None:
        own = settings_of(source.model) if source.model else {}
        return [(key, value_text(value)) for key, value in own.items()]
    document = preset.document()
    train, validation, test = preset.data.sizes()
    found = [("examples", f"{train:,} training, {validation:,} validation, {test:,} test")]
    for table in ("data", "pretraining", "training"):
        found += [(f"{table}.{key}", value_text(value)) for key, value in document.get(table, {}).items()]
    return found


def preset_text(source: Source) -> str:
    """The preset as TOML."""
    from tuiml.spec import dumps

    return dumps(source.preset.document()) if source.preset else ""


def verdicts_of(source: Source) -> list[Verdict]:
    """What is wrong with the network by its newest snapshot, as the app says it of a run that is over."""
    preset, network = source.preset, source.network
    if preset is None or network is None or not source.snapshots:
        return []
    losses = [number(line, "train_loss") for line in source.lines(Progress, Epoch)]
    losses = [value for value in losses if not math.isnan(value)]
    epoch, end = source.last(Epoch), source.last(End)
    score = number(epoch, "train_accuracy")
    snapshot = source.snapshots[-1]
    return verdicts(
        preset,
        network,
        snapshot.layers,
        snapshot.step,
        losses=(losses[0], losses[-1]) if losses else None,
        diverged=end.get("reason") == "diverged",
        rate=number(epoch, "learning_rate") if preset.training.schedule.name == "constant" else math.nan,
        score=number(epoch, "train_r2") if math.isnan(score) else score,
    )


# -- what happened ----------------------------------------------------------------------------------------


def happened(source: Source) -> list[str]:
    """Changes by hand, notices and why it ended, a line each, in their order."""
    found = []
    for line in source.lines(Start, Intervention, Notice, End):
        event, step = line.get("event"), number(line, "step")
        at = f"step {step:,.0f}: " if not math.isnan(step) else ""
        if event == "intervention":
            found.append(f"{at}{line.get('what')} changed to {value_text(line.get('value'))}")
        elif event == "notice" and line.get("text"):
            found.append(f"{at}{line['text']}")
        elif event == "start" and line.get("note"):
            found.append(f"{at}{line['note']}")
        elif event == "end" and line.get("message"):
            found.append(f"{at}{line['message']}")
    return found
