"""A run that is slowed down: the same bits, its orders obeyed while it waits."""

import threading
import time

from tests.helpers import preset, run_parts, trainer_of
from tuiml.training.events import End
from tuiml.training.run_control import RunControl


def weights(trainer):
    return [view.weights.tobytes() for view in trainer.engine.views() if view.weights is not None]


def reaches(condition):
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.001)


def test_a_slow_run_computes_the_same():
    fast, slow = (trainer_of(chosen := preset(), *run_parts(chosen)) for _ in range(2))
    list(fast.events())
    slow.control.set_pace(500.0)
    start = time.monotonic()
    end = list(slow.events())[-1]
    assert isinstance(end, End)
    assert time.monotonic() - start > (end.step - 10) / 500.0  # the first 10 steps, of 0.02 s, need not wait
    assert weights(slow) == weights(fast)
    assert slow.state.position.totals == fast.state.position.totals


def test_orders_are_obeyed_while_it_waits():
    control = RunControl()
    control.set_pace(0.001)  # a step in a quarter of an hour
    events: list[object] = []
    chosen = preset()
    trainer = trainer_of(chosen, *run_parts(chosen), control=control, live=True)
    thread = threading.Thread(target=lambda: events.extend(trainer.events()), daemon=True)
    thread.start()
    reaches(lambda: trainer.state.position.step >= 1)
    control.step()  # the next one by itself would come in a quarter of an hour
    reaches(lambda: trainer.state.position.step >= 2)
    control.set_pace(None)
    control.resume()
    thread.join(20)
    assert not thread.is_alive()
    assert isinstance(events[-1], End)
    assert events[-1].reason == "completed"
