"""What is told, on a budget, to whoever wants to see what the network has learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tuiml.backends.engine import Engine
from tuiml.nn.network import Network
from tuiml.training.budget import Budget
from tuiml.training.inspection_records import Inspection, InspectionRequest
from tuiml.training.inspector import AT_LEISURE, AT_ONCE, Inspector
from tuiml.training.run_control import RunControl

SHARE = 0.01
"""Of the time that training takes: half of what pictures and these may take together."""


class Answers:
    """Answers the wishes a control was given; the engine is used in the thread that asks for answers."""

    def __init__(
        self, control: RunControl, network: Network, engine: Engine, clock: Callable[[], float]
    ) -> None:
        self._control = control
        self._inspector = Inspector(network, engine)
        self._budget = Budget(SHARE, 0.1, clock)

    def due(self, now: float) -> bool:
        """Whether what is wished for may be shown again, while the network learns."""
        return bool(self._control.wishes) and self._budget.due(now)

    def again(self) -> Iterator[Inspection]:
        """Everything that is wished for, as it is now."""
        return self._found(self._control.wishes, AT_ONCE)

    def asked(self, most: int = AT_ONCE, *, again: bool = False) -> Iterator[Inspection]:
        """What was asked for since the last call.

        Args:
            most: examples that are judged for it.
            again: everything that is wished for, new or not.
        """
        wishes, drawn = self._control.take_asked()
        guess = self._inspector.guess(drawn) if drawn else None
        if guess:
            yield guess
        yield from self._found(self._control.wishes if again else wishes, most)

    def linger(self) -> Iterator[Inspection]:
        """After the end of a run: what is asked for, until nobody is there any more to ask."""
        yield from self.asked(AT_LEISURE, again=True)
        while self._control.wait_asked():
            yield from self.asked(AT_LEISURE)

    def _found(self, wishes: Sequence[InspectionRequest], most: int) -> Iterator[Inspection]:
        if not wishes:
            return
        with self._budget:
            answers = [self._inspector.answer(wish, most) for wish in wishes]
        yield from (answer for answer in answers if answer)
