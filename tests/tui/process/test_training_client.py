"""The app's end of the training process: a real one, and ones that misbehave."""

import asyncio
import importlib.util
import signal

import pytest

from tests import helpers
from tests.tui.bench import until
from tests.tui.process.conftest import LIMIT, Ear
from tuiml.runs import session
from tuiml.training.events import RateFound, RateTried
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.process import child
from tuiml.tui.process.child import TrainingEvents, TrainingProblems, TrainingProcessEnded
from tuiml.tui.process.training_client import TrainingClient


class TrainingEar(Ear):
    """Starts runs and takes what the client posts."""

    def __init__(self):
        super().__init__()
        self.client = TrainingClient(self.posted.put_nowait)

    def start(self, document=None):
        assert self.client.start(document or helpers.document())
        self.note(self.client._worker)

    @property
    def process(self):
        return self.processes[-1]


@pytest.fixture
async def ear():
    found = TrainingEar()
    yield found
    found.client.close()
    found.assert_no_zombies()


@pytest.fixture
def worker(program):
    """Let another program be the training process."""
    state = {"event": "state", "state": "running", "step": 1, "learning_rate": 0.1}
    return lambda body: program(f"order = hear()\nstate = {state!r}\n{body}")


async def test_a_real_run_from_start_to_end(ear):
    run = RunModel()
    run.begin(helpers.document())
    ear.start()
    assert ear.client.active
    while run.alive:
        run.feed((await ear.until(TrainingEvents)).events)
    assert run.status == "completed"
    assert len(run.loss.validation) == 3
    assert run.snapshot is not None
    assert not ear.client.active


@pytest.mark.parametrize(
    "backend",
    [
        "numpy",
        pytest.param(
            "mlx",
            marks=pytest.mark.skipif(importlib.util.find_spec("mlx") is None, reason="MLX is an extra"),
        ),
    ],
)
async def test_a_resumed_run_keeps_its_backend_and_threads(ear, monkeypatch, backend):
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)  # MLX would call a compiler
    chosen = helpers.preset(training={"epochs": 1})
    *_, end = session.run(chosen, name="old", backend=backend, shards=3)
    assert ear.client.resume_run(end.path, ["training.epochs=2"])
    run = RunModel()
    run.begin(helpers.document(training={"epochs": 2}))
    while run.alive:
        run.feed((await ear.until(TrainingEvents)).events)
    assert (run.start.backend, run.start.threads) == (backend, 3)
    assert (run.status, run.start.note) == ("completed", "")


async def test_pause_step_rate_and_stop_reach_the_run(ear):
    ear.start(helpers.document(training={"epochs": 1_000_000}))
    run = RunModel()
    run.begin(helpers.document())

    async def fed_until(condition):
        while not condition():
            run.feed((await ear.until(TrainingEvents)).events)

    await fed_until(lambda: run.step > 0)
    ear.client.pause()
    assert ear.client.paused
    await fed_until(lambda: run.status == "paused")
    stood = run.step
    ear.client.step()
    await fed_until(lambda: run.step > stood and run.status == "paused")
    assert run.step == stood + 1
    ear.client.set_rate(0.5)
    await fed_until(lambda: run.rate == 0.5)
    ear.client.resume()
    assert not ear.client.paused
    await fed_until(lambda: run.step > stood + 1)
    ear.client.stop()
    await fed_until(lambda: not run.alive)
    assert run.status == "stopped"


async def test_one_run_at_a_time(ear, worker):
    worker("line.sendall(pack({'events': [state]})); wait()")
    ear.start()
    assert not ear.client.start(helpers.document())
    await ear.until(TrainingEvents)
    assert ear.client.active


async def test_another_run_may_follow_at_once(ear, worker):
    end = dict.fromkeys(("run", "path", "message"), "") | {"event": "end", "reason": "completed"}
    end |= {"epochs": 1, "step": 1, "best_epoch": 1, "test_loss": 0.0, "test_accuracy": 1.0}
    end |= {"seconds": 1.0, "examples_per_second": 1.0}
    worker(f"line.sendall(pack({{'events': [{end!r}]}})); wait()")
    for _ in range(3):
        ear.start()
        await ear.until(TrainingEvents)
        assert not ear.client.active


async def test_a_learning_rate_is_found_in_a_process_that_keeps_nothing(ear, own_folders):
    reported = asyncio.Queue()
    assert ear.client.find_rate(helpers.document(), reported.put_nowait)
    assert not ear.client.active
    process, events = ear.client._finder._process, []
    while not events or not isinstance(events[-1], RateFound):
        events += (await asyncio.wait_for(reported.get(), LIMIT)).events
    tried = [event for event in events if isinstance(event, RateTried)]
    assert [t.number for t in tried] == list(range(1, len(tried) + 1))
    assert events[-1].tried == len(tried) > 30
    assert ear.posted.empty(), "nothing is reported to the app"
    assert not list(own_folders.glob("runs/*"))
    ear.start()  # a run may follow at once
    await ear.until(TrainingEvents)
    await until(lambda: process.poll() is not None)
    assert process.returncode == 0


async def test_a_search_that_is_left_ends_and_reports_nothing_more(ear, worker):
    worker("wait()")
    reported = asyncio.Queue()
    assert ear.client.find_rate(helpers.document(), reported.put_nowait)
    process = ear.client._finder._process
    ear.client.stop_finding()
    await until(lambda: process.poll() is not None)
    assert reported.empty()


async def test_while_a_run_is_on_no_rate_is_looked_for(ear, worker):
    worker("line.sendall(pack({'events': [state]})); wait()")
    ear.start()
    assert not ear.client.find_rate(helpers.document(), print)
    assert ear.client._finder is None


async def test_a_search_that_cannot_begin_says_why(ear):
    reported = asyncio.Queue()
    assert ear.client.find_rate(helpers.document(training={"epochs": 0}), reported.put_nowait)
    message = await asyncio.wait_for(reported.get(), LIMIT)
    assert isinstance(message, TrainingProblems)
    assert [p.path for p in message.problems] == ["training.epochs"]


async def test_a_preset_that_cannot_be_used_is_reported_by_its_problems(ear):
    ear.start(helpers.document(training={"epochs": 0}))
    message = await ear.next()
    assert isinstance(message, TrainingProblems)
    assert [p.path for p in message.problems] == ["training.epochs"]
    assert not ear.client.active


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.kill(os.getpid(), 9)", "signal 9 (SIGKILL); perhaps memory ran out"),
        ("os.kill(os.getpid(), 11)", "signal 11 (SIGSEGV)"),
        ("sys.exit(3)", "exit code 3"),
        (
            "raise MemoryError('no room\\x1b[31m for 7 GB')",
            "exit code 1): MemoryError: no room�[31m for 7 GB",
        ),
        ("line.sendall(pack({'event': 'failed', 'message': 'no space left'}))", "no space left"),
        ("line.sendall(b'\\xff' * 64); wait()", "cannot be understood"),
        ("line.sendall(pack({'what': 1})); wait()", "cannot be understood"),
        ("line.sendall(pack({'events': [{'event': 'state'}, 3]})); wait()", "cannot be understood"),
        ("state['step'] = 'x'; line.sendall(pack({'events': [state]})); wait()", "cannot be understood"),
        ("line.sendall(pack({'event': 'problems', 'problems': [3]})); wait()", "cannot be understood"),
    ],
)
async def test_a_process_that_dies_or_babbles_ends_the_run_with_a_reason(ear, worker, body, reason):
    worker(body)
    ear.start()
    message = await ear.until(TrainingProcessEnded)
    assert reason in message.reason
    assert "\n" not in message.reason
    assert not ear.client.active
    assert not message.stop_requested


async def test_a_process_that_hangs_up_and_stays_is_killed(ear, worker, monkeypatch):
    monkeypatch.setattr(child, "GRACE", 0.0)
    worker("line.close(); time.sleep(600)")
    ear.start()
    assert "SIGKILL" in (await ear.until(TrainingProcessEnded)).reason


async def test_a_stop_while_loading_is_reported_as_asked_for(ear, worker):
    worker("hear(); line.sendall(pack({'event': 'failed', 'message': 'stopped meanwhile'}))")
    ear.start()
    ear.client.stop()
    message = await ear.until(TrainingProcessEnded)
    assert (message.reason, message.stop_requested) == ("stopped meanwhile", True)


async def test_kinds_of_events_that_are_not_known_are_passed_over(ear, worker):
    worker("line.sendall(pack({'events': [{'event': 'newer'}, state]})); wait()")
    ear.start()
    assert [e.event for e in (await ear.until(TrainingEvents)).events] == ["state"]


async def test_closing_ends_a_process_that_does_not_listen(ear, worker):
    worker("line.sendall(pack({'events': [state]})); time.sleep(600)")
    ear.start()
    await ear.until(TrainingEvents)
    ear.client.close(timeout=0.0)
    assert ear.process.returncode == -signal.SIGKILL
    assert not ear.client.active


async def test_closing_lets_a_run_save_and_posts_nothing_more(ear, own_folders):
    ear.start(helpers.document(training={"epochs": 1_000_000}))
    while not any(e.event == "batch" for e in (await ear.until(TrainingEvents)).events):
        pass
    ear.client.close(timeout=LIMIT)
    assert ear.process.returncode == 0
    while not ear.posted.empty():
        ear.posted.get_nowait()
    await asyncio.sleep(0)
    assert ear.posted.empty()
    (run,) = (own_folders / "runs").iterdir()
    assert list(run.glob("checkpoint-*.safetensors"))


async def test_a_large_order_to_a_slow_reader_arrives_whole(ear, worker):
    worker("line.sendall(pack({'events': [state | {'step': len(order['document']['note'])}]})); wait()")
    ear.start(helpers.document(note="x" * 5_000_000))
    assert (await ear.until(TrainingEvents)).events[0].step == 5_000_000


async def test_what_is_asked_without_a_run_is_passed_over(ear):
    for ask in (ear.client.pause, ear.client.resume, ear.client.step, ear.client.stop, ear.client.close):
        ask()
    ear.client.set_rate(0.1)
    assert not ear.client.paused
    with pytest.raises(ValueError, match="learning rate"):
        ear.client.set_rate(float("nan"))


async def test_a_process_that_cannot_be_started_is_reported(ear, monkeypatch):
    monkeypatch.setattr(child, "command", lambda descriptor, module: ["/nonexistent/python"])
    assert ear.client.start(helpers.document())
    assert "could not be started: No such file" in (await ear.next()).reason
    assert not ear.client.active


def test_modules_in_the_current_folder_do_not_pass_for_the_librarys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "-P" in child.command(3, "tuiml.runs.training_process")
