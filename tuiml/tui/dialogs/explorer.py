"""The screen of the activation explorer: f and f′, and the layer's inputs under them."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult

from tuiml.formatting import percent
from tuiml.nn.activations import Activation
from tuiml.text import plain_text
from tuiml.training.activation_curve import FLAT, flat_fraction
from tuiml.tui.charts.functions import function_chart, slope_name
from tuiml.tui.charts.palette import QUIET, TROUBLE, VALIDATION, Look, layer_colour
from tuiml.tui.charts.text import PLAIN, Line, clean, fit, strip
from tuiml.tui.dialogs.explorer_model import Explorer, Inputs
from tuiml.tui.keys import action
from tuiml.tui.widgets.chart_view import Pacer, View
from tuiml.tui.widgets.dialogs import Modal
from tuiml.tui.widgets.picker import Part

LIVE = 0.2
"""Seconds between two updates of the layer's inputs."""
DYING = 0.5
"""Fraction of inputs without gradient from which it is shown as trouble."""


class ExplorerView(View):
    """The curves, and below them the words."""

    DEFAULT_CSS = "ExplorerView { padding: 0 1; }"

    def __init__(
        self, model: Explorer, layer: str, index: int, inputs: Callable[[], Inputs], take: str
    ) -> None:
        super().__init__(id="explorer")
        self._model, self._layer, self._index, self._inputs, self._take = model, layer, index, inputs, take

    def stamp(self) -> Hashable:
        m = self._model
        return (
            m.activation,
            m.span,
            m.cursor,
            m.parameter,
            m.typed,
            m.problem,
            m.others,
            m.added,
            self._inputs(),
        )

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        model, inputs = self._model, self._inputs()
        words = [self._input_words(inputs, look), *self._about(look), *self._parameters(look)]
        words.append([(self._keys(width), look.style(QUIET))])
        below = [strip([(clean(text, look), style) for text, style in line], width) for line in words]
        chart = function_chart(
            model.activation,
            model.span,
            model.cursor,
            inputs.histogram,
            width,
            max(1, height - 1 - len(below)),
            look,
            layer_colour(self._index),
            model.others,
        )
        return [self._title(width, look), *chart, *below][:height]

    def _title(self, width: int, look: Look) -> Line:
        model = self._model
        right = clean(f"{model.at + 1} of {len(model.entries)}  {self._layer}", look)
        name = clean(f"{model.activation.name}   y = {model.activation.formula}", look)
        left = fit(name, max(0, width - cell_len(right) - 2), look.glyphs.more)
        return strip([(left, look.style(bold=True)), ("  ", PLAIN), (right, look.style(QUIET))], width)

    def _input_words(self, inputs: Inputs, look: Look) -> list[Part]:
        """The fraction of inputs where the gradient vanishes."""
        dying = f"|{slope_name(look)}| < {FLAT:g} {look.glyphs.shades[1]}"
        if inputs.histogram is None:
            return [(f"{dying}   {inputs.when}", look.style(QUIET))]
        fraction = flat_fraction(self._model.activation, inputs.histogram)
        sign = f"{look.glyphs.up} " if fraction >= DYING else ""
        text = f"{sign}{percent(fraction)} of the inputs lie where {dying}"
        style = look.style(TROUBLE if fraction >= DYING else "")
        return [(text, style), (f"   {inputs.when}", look.style(QUIET))]

    def _about(self, look: Look) -> list[list[Part]]:
        entry = self._model.activation
        lines = [[(entry.advice, PLAIN)]]
        if self._model.left_out:
            text = f"the layer's {self._model.left_out} is not here: it is no function of one value"
            lines.insert(0, [(text, look.style(VALIDATION))])
        if entry.source:
            lines.append([(f"source: {entry.source}", look.style(QUIET))])
        return lines

    def _parameters(self, look: Look) -> list[list[Part]]:
        """Values of the hyper-parameters, and the allowed values of the one that the keys change."""
        model, option = self._model, self._model.option
        if option is None:
            return [[("no parameter", look.style(QUIET))]]
        line: list[Part] = []
        for each in model.options:
            value = f"{getattr(model.activation, each.name):.4g}"
            here = each is option or each == option
            if here and model.typed is not None:
                value = f"{model.typed}_"
            pointer = f"{look.pointer()} " if here else "  "
            line.append((f"{pointer}{each.name} {value}   ", look.style("blue" if here else "", bold=here)))
        if model.problem:
            return [[(model.problem, look.style(TROUBLE))]]
        return [[*line, (f"{option.help}; {option.allowed()}", look.style(QUIET))]]

    def _keys(self, width: int) -> str:
        if self._model.typed is not None:
            return "enter set   esc cancel"
        words = [
            "esc back",
            "↑↓ activation",
            "a take out" if self._model.added else "a add",
            "←→ x",
            "+- range",
        ]
        if self._model.option is not None:
            words.append("[ ] or digits value")
        if len(self._model.options) > 1:
            words.append("tab other value")
        if self._take:
            words.insert(0, self._take)
        while sum(map(len, words)) + 3 * len(words) > width + 3:
            words.pop()
        return "   ".join(words)


class ExplorerScreen(Modal[Activation | None]):
    """Explores activations; answers with the one to apply, or ``None``."""

    DEFAULT_CSS = "ExplorerScreen { background: $background; }"

    def __init__(
        self, start: Activation | None, layer: str, index: int, inputs: Callable[[], Inputs], takes: bool
    ) -> None:
        super().__init__()
        self.model = Explorer(start)
        self._inputs, self._fitted = inputs, False
        self._fit()
        self._takes = takes
        self.view = ExplorerView(self.model, plain_text(layer), index, inputs, "enter apply" if takes else "")
        self._pacer = Pacer(self, (self.view,))

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.set_interval(LIVE, self._live)

    def _live(self) -> None:
        self._fit()
        self._pacer.kick()

    def _fit(self) -> None:
        """A range that holds the inputs, the first time that they are known."""
        found = self._inputs().histogram
        if found is not None and not self._fitted:
            self._fitted = True
            self.model.fit(found)

    def on_key(self, event: events.Key) -> None:
        typed = event.character or ""
        if typed.isascii() and (typed.isdigit() or typed == "."):
            self.model.type(typed)
        elif event.key == "backspace":
            self.model.rub_out()
        else:
            return
        event.stop()
        self._shown()

    def _shown(self) -> None:
        self._pacer.now(self.view)

    @action("enter", "take it", "Take the activation for the layer.", "explorer")
    def action_take_activation(self) -> None:
        if self.model.typed is not None:
            self.model.enter()
            self._shown()
        elif self._takes:
            self.dismiss(self.model.activation)

    @action("escape q", "back", "Leave everything as it is.", "explorer")
    def action_leave_explorer(self) -> None:
        if self.model.typed is not None:
            self.model.stop_typing()
            self._shown()
        else:
            self.dismiss(None)

    @action("up k", "before", "The activation before.", "explorer", "activation_back", -1, shown=False)
    @action("down j", "next", "The next activation.", "explorer", "activation_next", 1, shown=False)
    def _turn(self, by: int) -> None:
        self.model.turn(by)
        self._shown()

    @action(
        "a",
        "add",
        "Keep this activation in the drawing beside the next ones (up to four), or take it out.",
        "explorer",
        shown=False,
    )
    def action_activation_add(self) -> None:
        self.model.add()
        self._shown()

    @action("left h", "left", "Look at a smaller x.", "explorer", "x_left", -1, shown=False)
    @action("right l", "right", "Look at a greater x.", "explorer", "x_right", 1, shown=False)
    def _move_x(self, by: int) -> None:
        self.model.move(by)
        self._shown()

    @action("plus", "narrower", "A narrower range of x.", "explorer", shown=False)
    def action_narrower(self) -> None:
        self.model.zoom(-1)
        self._shown()

    @action("minus", "wider", "A wider range of x; the sign of a value being typed.", "explorer", shown=False)
    def action_wider(self) -> None:
        if self.model.typed is not None:
            self.model.type("-")
        else:
            self.model.zoom(1)
        self._shown()

    @action(
        "left_square_bracket",
        "less",
        "The parameter smaller; digits type it.",
        "explorer",
        "value_down",
        -1,
        shown=False,
    )
    @action(
        "right_square_bracket",
        "more",
        "The parameter greater; digits type it.",
        "explorer",
        "value_up",
        1,
        shown=False,
    )
    def _change_value(self, by: int) -> None:
        self.model.change(by)
        self._shown()

    @action("tab", "other", "The other parameter, where there are two.", "explorer", shown=False)
    def action_parameter_next(self) -> None:
        self.model.next_parameter()
        self._shown()
