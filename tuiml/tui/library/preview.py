"""The preview of a preset or a run, in lines of ``width`` cells; text from files is made safe to show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.data.datasets import datasets
from tuiml.evaluation.intervals import LEVEL, wilson
from tuiml.formatting import Format, compact, duration
from tuiml.nn.layers import dimensions
from tuiml.nn.losses import losses
from tuiml.nn.optimizers import optimizers
from tuiml.nn.pretraining import pretrainings
from tuiml.runs.columns import what
from tuiml.runs.library import RunSummary, passed_over
from tuiml.runs.watched import WatchedModel
from tuiml.spec.preset import Preset
from tuiml.tui.chart_views.curves import HIGH
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.lines import LineChart
from tuiml.tui.charts.palette import QUIET, TRAIN, TROUBLE, VALIDATION, VARIED, Look, layer_colour
from tuiml.tui.charts.text import PLAIN, Line, blank, clean, fit, strip
from tuiml.tui.charts.text import wrap as wrap_words
from tuiml.tui.model.document import Document
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.metric import accuracy_or_r2, metric_of
from tuiml.tui.model.module_tree import Tree, module_rows
from tuiml.tui.model.run_data import TROUBLE as TROUBLES
from tuiml.tui.model.run_model import RunModel

Part: TypeAlias = tuple[str, Style]
MOST_PROBLEMS = 6
NOTE_LINES = 12
CHART_ROWS = (6, 14)
"""Least and most rows of a chart."""
SIDE_BY_SIDE = 88
"""Minimum width for two charts side by side, in cells."""
WIDEST = 92
"""Maximum width of text and tables, in cells: longer lines are hard to read."""
MOST_ROWS = 200
"""Modules that are listed at most."""
TALL = 30
"""Minimum height of a preview with blank lines, in rows."""


class Page:
    """Strips of one width, written from the top."""

    def __init__(self, width: int, look: Look) -> None:
        self.width, self.look = width, look
        self.tight = False
        """True if gaps are left out."""
        self.strips: list[Line] = []

    def line(self, *parts: Part) -> None:
        self.strips.append(strip(parts, self.width))

    def gap(self) -> None:
        if self.strips and not self.tight:
            self.strips.append(blank(self.width))

    def ends(self, left: str, right: str, colour: str = QUIET) -> None:
        """A bold text at the left and a word at the right."""
        words = clean(right, self.look)
        room = self.width - (cell_len(words) + 2 if words else 0)
        name = fit(clean(left, self.look), room, self.look.glyphs.more)
        self.line((name, self.look.style(bold=True)), ("  ", PLAIN), (words, self.look.style(colour)))

    def text(self, text: str, style: Style = PLAIN, *, indent: str = "", most: int = 0) -> None:
        """Wrapped text; ``indent`` begins the first line, and the others are indented by its width."""
        lines = wrap(text, min(WIDEST, self.width) - cell_len(indent), self.look)
        if most and len(lines) > most:
            lines = [*lines[: most - 1], lines[most - 1] + self.look.glyphs.more]
        for index, line in enumerate(lines):
            self.line((indent if not index else " " * cell_len(indent), style), (line, style))

    def fact(self, word: str, value: str) -> None:
        """A label and its value: ``data   mnist, 8,000 to train``."""
        quiet, lead = self.look.style(QUIET), f"{word:<11}"
        for line in wrap(value, self.width - len(lead), self.look):
            self.line((lead, quiet), (line, PLAIN))
            lead = " " * len(lead)


def wrap(text: str, width: int, look: Look) -> list[str]:
    """``text`` in lines of at most ``width`` cells, with its own line breaks."""
    paragraphs = text.expandtabs(4).splitlines()
    return [line for part in paragraphs for line in wrap_words(clean(part, look), width) or [""]]


def preset_strips(document: Document, kind: str, width: int, _height: int, look: Look) -> list[Line]:
    """A preset: name, ``kind`` (``bundled``), note, problems, layers, data and training."""
    page = Page(width, look)
    page.ends(document.name, kind)
    note = document.raw.get("note")
    if isinstance(note, str) and note.strip():
        page.text(note, most=NOTE_LINES)
    _problems(page, document)
    return _ending(page, document)


def broken_strips(name: str, problem: str, width: int, _height: int, look: Look) -> list[Line]:
    """The name of something that cannot be read, and the reason."""
    page = Page(width, look)
    page.ends(name, "")
    page.gap()
    page.text(problem, look.style(TROUBLE), indent=look.glyphs.up + " ")
    return page.strips


def _problems(page: Page, document: Document) -> None:
    found = document.problems
    if found:
        page.gap()
    for problem in found[:MOST_PROBLEMS]:
        page.text(str(problem), page.look.style(TROUBLE), indent=page.look.glyphs.up + " ")
    if len(found) > MOST_PROBLEMS:
        page.text(f"and {len(found) - MOST_PROBLEMS} more", page.look.style(TROUBLE), indent="  ")


def _layers(page: Page, rows: Sequence[LayerRow], parameters: int | None) -> None:
    """The table of layers, with the number of ``parameters`` of all, if it is known."""
    look = page.look
    shapes = ["" if row.output_shape is None else dimensions(row.output_shape) for row in rows]
    sizes = [look.glyphs.missing if row.parameters is None else f"{row.parameters:,}" for row in rows]
    total = "" if parameters is None else f"{parameters:,}"
    out = max(map(cell_len, [*shapes, "out"]))
    many = max(map(cell_len, [*sizes, total, "parameters"]))
    numbers = len(str(len(rows)))
    names = min(WIDEST, page.width) - numbers - out - many - 7
    wide = names >= 42
    quiet = look.style(QUIET)
    more = look.glyphs.more
    head = fit("layer", names - 18) + fit("initializer", 18) if wide else fit("layer", names, more)
    page.line((" " * (numbers + 3) + head + f"  {'out':>{out}}  {'parameters':>{many}}", quiet))
    for row, shape, size in zip(rows, shapes, sizes, strict=True):
        page.line(
            (f"{row.index:>{numbers}} ", quiet),
            ("▌" if look.unicode else "|", look.style(layer_colour(row.index))),
            (" ", PLAIN),
            *_title(row, names, wide, look),
            (f"  {clean(shape, look):>{out}}  {size:>{many}}", PLAIN),
        )
    if total:
        page.line((f"{total:>{numbers + 3 + names + out + many + 4}}", look.style(bold=True)))


def _title(row: LayerRow, width: int, wide: bool, look: Look) -> Iterable[Part]:
    style = look.style(TROUBLE) if row.problem else PLAIN
    mark = look.glyphs.up + " " if row.problem else ""
    room = width - 18 if wide else width
    yield mark, style
    yield fit(clean("  " * row.depth + row.title, look), room - cell_len(mark), look.glyphs.more), style
    if wide:
        yield fit(clean(row.initializer, look), 18, look.glyphs.more), look.style(QUIET)


def _settings(page: Page, preset: Preset) -> None:
    data, training = preset.data, preset.training
    train, validation, test = data.sizes()
    page.fact("data", _options(datasets.table(data), ("train", "validation", "normalize")))
    outputs = (
        f"{len(data.classes)} classes" if data.classes else f"{data.outputs} number{'s' * (data.outputs > 1)}"
    )
    page.fact("", f"{dimensions(data.shape)} inputs, {outputs}, normalized: {data.normalize}")
    page.fact("", f"{train:,} train, {validation:,} validation, {test:,} test examples")
    if preset.pretraining is not None:
        page.fact("pretrained", _options(pretrainings.table(preset.pretraining)))
    page.fact("loss", _options(losses.table(training.loss)))
    page.fact("optimizer", f"{_options(optimizers.table(training.optimizer))}, lr {training.rate:g}")
    epochs = f"{training.epochs:,} epoch{'s' if training.epochs != 1 else ''}"
    page.fact("training", f"{epochs}, batches of {training.batch_size:,}, seed {training.seed}")


def _options(table: dict[str, Any], without: Sequence[str] = ()) -> str:
    """``sgd, momentum 0.9``."""
    name, *options = ((k, v) for k, v in table.items() if k not in without)
    return ", ".join([str(name[1]), *(f"{k} {_value(v)}" for k, v in options)])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def run_strips(run: RunSummary, model: RunModel | None, width: int, height: int, look: Look) -> list[Line]:
    """A run: how it ended, last and best metrics, curves, note, layers; ``model``: None until it is read."""
    page = Page(width, look)
    page.tight = height < TALL
    trouble = TROUBLE if run.reason in TROUBLES or run.problem else QUIET
    page.ends(run.name, run.reason.replace("_", " "), trouble)
    page.text(_origin(run, model), look.style(QUIET), most=2)
    if said := what(run):
        page.text(said, look.style(VARIED), most=3)
    if run.problem:
        page.text(run.problem, look.style(TROUBLE), indent=look.glyphs.up + " ")
    if said := passed_over(max(run.skipped, model.skipped if model else 0), run.unread):
        page.text(said, look.style(TROUBLE), indent=look.glyphs.up + " ")
    if model is None:
        return page.strips
    if model.sampled:
        page.text("the curves are drawn from a sample of its metrics", look.style(QUIET))
    if model.end and model.message:
        page.text(model.message, look.style(trouble))
    page.gap()
    _figures(page, run, model)
    page.gap()
    _curves(page, model, height - len(page.strips))
    page.tight = False
    if model.watched:
        return _watched_ending(page, model.watched)
    document = Document(model.document, files=model.files)
    note = document.raw.get("note")
    if isinstance(note, str) and note.strip():
        page.gap()
        page.text(note, most=NOTE_LINES)
    return _ending(page, document)


def _ending(page: Page, document: Document) -> list[Line]:
    """The layers and the settings, at the end of each preview."""
    page.gap()
    rows = document.rows()
    known = [row.parameters for row in rows if row.parameters is not None]
    _layers(page, rows, sum(known) if len(known) == len(rows) else None)
    if document.preset:
        page.gap()
        _settings(page, document.preset)
    return page.strips


def _watched_ending(page: Page, watched: WatchedModel) -> list[Line]:
    """The modules of a loop of the user's own, folded to a few, and what it is trained with."""
    page.gap()
    tree = Tree(module_rows(watched))
    total = sum(row.parameters or 0 for row in tree.rows)
    _layers(page, [tree.row(index) for index in tree.visible[:MOST_ROWS]], total)
    page.gap()
    page.fact("model", ", ".join(filter(None, (watched.type, f"{len(tree.rows):,} modules"))))
    page.fact("framework", " ".join(filter(None, (watched.framework, watched.framework_version))))
    if watched.optimizer:
        page.fact("optimizer", _options({"name": watched.optimizer, **watched.optimizer_settings}))
    for sentence in watched.limits:
        page.fact("not seen", sentence)
    return page.strips


def _origin(run: RunSummary, model: RunModel | None) -> str:
    """Preset, date and backend in one line."""
    of = {"own": "your preset", "bundled": "bundled preset"}.get(run.origin, "")
    words = [f"{of} {run.preset}".strip()] if of or not run.name.startswith(run.preset) else []
    words = ["a loop of your own"] if run.framework else words
    try:
        words.append(f"{datetime.fromtimestamp(run.when):%Y-%m-%d %H:%M}")
    except (ValueError, OverflowError, OSError):
        words.append("at an unknown time")
    start = model.start if model else None
    if start:
        threads = f"{start.threads} thread{'s' if start.threads != 1 else ''}"
        words.append(f"on {start.device}" if run.framework else f"{start.backend}, {threads}")
    return ", ".join(words)


def _figures(page: Page, run: RunSummary, model: RunModel) -> None:
    look, epochs = page.look, model.epochs
    planned = f" of {model.epochs_planned:,}" if model.epochs_planned else ""
    took = f", {duration(model.seconds)} of training" if math.isfinite(model.seconds) else ""
    done = f"{model.step:,} steps" if model.watched else f"{run.epochs:,}{planned} epochs"
    page.line((done + took, PLAIN))
    if not epochs:
        return
    page.gap()
    lead = max(14, page.width // 3 if page.width < 60 else 20)
    word = clean(model.metric.word, look)
    page.line((f"{'':<{lead}}{'loss':>9}  {word:>9}", look.style(QUIET)))
    last, best, end = epochs[-1], model.best, model.end
    _figure(page, "train", last.train_loss, (last.train_accuracy, last.train_r2), lead, TRAIN)
    if math.isfinite(last.val_loss):
        _figure(page, "validation", last.val_loss, (last.val_accuracy, last.val_r2), lead, VALIDATION)
        if best and best.epoch != last.epoch:
            word = f"best, epoch {best.epoch:,}" if lead >= 18 else f"best at {best.epoch:,}"
            _figure(page, word, best.val_loss, (best.val_accuracy, best.val_r2), lead, VALIDATION)
    if end and math.isfinite(end.test_loss):
        _figure(page, "test", end.test_loss, (end.test_accuracy, end.test_r2), lead)
        tested = model.start.test_examples if model.start else 0
        if tested and math.isfinite(end.test_accuracy):
            found = wilson(round(end.test_accuracy * tested), tested)
            text = f"{100 * found.low:.1f} to {100 * found.high:.1f} %"
            page.line((f"{f'{100 * LEVEL:g} % interval':<{lead}}{text:>20}", look.style(QUIET)))


def _figure(
    page: Page, word: str, loss: float, score: tuple[float, float], lead: int, colour: str = ""
) -> None:
    """A row of the table of metrics; ``score`` is accuracy or R²."""
    look, missing = page.look, page.look.glyphs.missing
    second = metric_of(*score).text(accuracy_or_r2(*score), missing)
    numbers = f"{compact(loss, 4, missing):>9}  {second:>9}"
    page.line((fit(word, lead, look.glyphs.more), look.style(colour)), (numbers, PLAIN))


def _curves(page: Page, model: RunModel, room: int) -> None:
    if not len(model.loss.train):
        return
    least, most = CHART_ROWS
    if page.width >= SIDE_BY_SIDE:
        width = (page.width - 2) // 2
        rows = max(least, min(most, room))
        loss = _chart(model, "loss", width, rows, page.look)
        accuracy = _chart(model, "score", width, rows, page.look)
        space = " " * (page.width - 2 * width)
        page.strips += [Line.of([*a, Segment(space), *b]) for a, b in zip(loss, accuracy, strict=True)]
        return
    rows = max(least, min(most, (room - (not page.tight)) // 2))
    page.strips += _chart(model, "loss", page.width, rows, page.look)
    page.gap()
    page.strips += _chart(model, "score", page.width, rows, page.look)


def _chart(model: RunModel, kind: str, width: int, height: int, look: Look) -> list[Line]:
    curves = model.loss if kind == "loss" else model.accuracy
    drawn = [Curve("train", curves.raw, TRAIN)]
    if math.isfinite(curves.validation.last):
        drawn.append(Curve("val", curves.validation, VALIDATION, "dashed"))
    unit: Format = "number" if kind == "loss" else model.metric.unit
    log = kind == "loss" and model.loss.first > HIGH  # as Train shows it
    title = "loss, log" if log else "loss" if kind == "loss" else clean(model.metric.word, look)
    x_label = "step" if model.watched else "epoch"
    return LineChart(drawn, title=title, x_label=x_label, y_format=unit, log=log, look=look).lines(
        width, height
    )
