"""The simulated machine: plays a plan against the real trainer, run folders and app model.

After every step :class:`World` checks what must hold whatever happens (:class:`Broken` is raised where it
does not): every checkpoint is sound or passed over; what was acknowledged as saved is there after a kill or a
power cut; one process at a time writes to a run; what the app's model shows is what the folder tells; what
waits in memory is bounded; and, when all is over, the run has the bits of one that was never disturbed.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.simulator.apps import Apps
from tests.simulator.clock import clock
from tests.simulator.disk import Disk, Process
from tests.simulator.plan import Broken, Step
from tests.simulator.simulated_session import SimulatedSession
from tuiml.runs import checkpoints, library, session
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.folder import PRESET, runs_folder
from tuiml.runs.replay import replay
from tuiml.runs.run_lines import surviving
from tuiml.runs.writer import is_held
from tuiml.spec import Preset, check, network_of
from tuiml.training.events import End, Epoch, Event, Intervention, Replayed, Start
from tuiml.training.run_control import RunControl
from tuiml.tui.model.past_run import load_run, resumed
from tuiml.tui.model.run_model import RunModel

NAME = "run"


def _preset(number: int) -> Preset:
    training: list[dict[str, Any]] = [
        {"optimizer": "adam", "learning_rate": 0.05, "epochs": 3},
        {"optimizer": {"name": "sgd", "momentum": 0.9}, "learning_rate": 0.1, "epochs": 4,
         "schedule": {"name": "step", "every": 2}},
        {"optimizer": "rmsprop", "epochs": 5,
         "early_stopping": {"name": "val_loss", "patience": 1}},
    ]  # fmt: skip
    layers: list[dict[str, Any]] = [{"type": "dense", "units": 3, "activation": "tanh"}]
    layers += [[], [{"type": "dropout", "rate": 0.2}], [{"type": "batch_norm"}]][number]
    document = {
        "version": 1,
        "name": "simulated",
        "data": {"name": "moons", "size": 40},
        "layers": [*layers, {"type": "dense", "activation": "softmax"}],
        "training": training[number] | {"batch_size": 8},
    }
    found, problems = check(document)
    assert found, problems
    return found


PRESETS = [_preset(number) for number in range(3)]


class World(SimulatedSession[Event]):
    """One run, two apps, and whoever disturbs them.

    Args:
        root: an empty folder, in memory if possible.
        whole: the final weights of the three presets' runs that were never disturbed.
    """

    def __init__(self, root: Path, whole: Mapping[int, Mapping[str, bytes]] | None = None) -> None:
        os.environ["TUIML_HOME"] = str(root)
        clock.reset()
        super().__init__(Disk(root))
        self.root, self._whole = root, whole
        self.preset, self.number, self.single = PRESETS[0], 0, False
        self._control = RunControl()
        self._over = self._disturbed = self._untold = False
        self._acknowledged: dict[int, int] = {}
        """Steps of checkpoints that are said to survive a power cut, with the interventions until then."""
        self._begun = False
        """The run's folder was created, as the session said by its first event."""
        self._name, self._rotten = NAME, False
        self.model = RunModel()
        self.apps = Apps(self)
        self.final: dict[str, bytes] = {}
        """The final weights."""
        self._epochs: dict[int, tuple[int, float]] = {}
        """The epochs that were reported in this line of the run: step and training loss."""

    # -- a plan --------------------------------------------------------------------------------------------

    def play(self, plan: list[Step]) -> None:
        """Play a plan to its end, then let the run end undisturbed and compare it.

        Raises:
            Broken: a rule does not hold.
        """
        write = checkpoints.write
        checkpoints.write = self._acknowledging(write)  # type: ignore[assignment]  # for this plan
        with self.disk:
            try:
                for kind, *arguments in plan:
                    self.counted[kind] += 1
                    getattr(self, f"do_{kind}")(*arguments)
                    self._look_at_folder(kind)
                self._finish()
            finally:
                checkpoints.write = write
                self._die()
                self.apps.end_all()

    def _acknowledging(self, write: Callable[..., bool]) -> Callable[..., bool]:
        def written(path: Path, tensors: Any, step: int, position: Any, details: Any) -> bool:
            sure = write(path, tensors, step, position, details)
            if sure and path.name.startswith("checkpoint"):
                self._acknowledged = {
                    s: n for s, n in self._acknowledged.items() if n == position.interventions or s <= step
                }
                self._acknowledged[step] = position.interventions
            return sure

        return written

    # -- the run -------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return runs_folder() / self._name

    def do_run(self, number: int, single: bool = False) -> None:
        """Which preset is trained, and whether it pauses after each batch."""
        self.number, self.preset, self.single = number, PRESETS[number], single

    def do_go(self, events: int) -> None:
        """Let the session go on, or begin one, for some events."""
        if not self._over:
            self._go(events)

    def _begin(self) -> None:
        self.process, self._control = Process("trainer"), RunControl()
        self._control.wait = self._go_on_after_pause  # type: ignore[method-assign]  # as the user would
        if self.single:
            self._control.pause()
        options: dict[str, Any] = {
            "backend": "numpy",
            "shards": 1,
            "control": self._control,
            "save_every": 0.0,
        }
        there = (self.path / PRESET).exists()
        if self._begun and not there:
            raise Broken("a run that has begun is there", f"no {PRESET}")
        if self._begun:
            self.model = load_run(self.path)
            self.model.resume()
        else:  # it was cut off before there was a run
            shutil.rmtree(self.path, ignore_errors=True)
            self.model = RunModel()
        self._untold, self._anew = False, not self._begun
        if self._begun:
            self._events = session.resume(self.path, **options)
        else:
            self._events = session.run(self.preset, name=NAME, **options)
        self.counted["sessions"] += 1

    def _go_on_after_pause(self) -> None:
        """What the user does while the run waits."""
        self._control.step() if self.single else self._control.resume()

    def _heard(self, event: Event) -> None:
        if isinstance(event, Start):
            if self._anew:
                self.model.begin(self.preset.document(), NAME)
            self.model = resumed(self.model, event)
            self._begun = True
            self._forget_epochs(event.step)
            self._epochs = self._lines() | self._epochs  # it was killed before it told what it wrote
        if isinstance(event, Epoch):
            self._epochs[event.epoch] = event.step, event.train_loss
        if isinstance(event, Intervention):
            self._disturbed = True
            if event.what == "rewind":
                self._forget_epochs(int(event.value))
        if isinstance(event, End):
            unsaved = self.disk.faults and all(one.step != event.step for one in self._sound())
            self._over = event.reason in ("completed", "early_stopped", "diverged") and not unsaved
        self.model.feed([event])

    def _refused(self, error: RunError, failing: bool) -> None:
        """A session that could not begin or go on: only a disk that fails is a reason."""
        over = "are done" in str(error)
        self._end_process()
        if over:
            self._over = True
        elif not failing:
            raise Broken("a run can be resumed", str(error))
        else:
            self.counted["refused"] += 1

    def _die(self) -> None:
        """The process is gone, with all that it had not written."""
        self._kill()
        self.counted["deaths"] += 1
        self._untold = True

    def _forget_epochs(self, step: int) -> None:
        """The run goes on from a step: what was reported of later ones is done again."""
        self._epochs = {number: found for number, found in self._epochs.items() if found[0] <= step}

    # -- what happens to it --------------------------------------------------------------------------------

    def do_pause(self) -> None:
        """The user pauses; the world goes on after each pause."""
        self._control.pause()

    def do_rate(self, rate: float) -> None:
        """The user changes the learning rate."""
        self._control.set_rate(rate)

    def do_optimizer(self, name: str) -> None:
        """The user changes the optimizer."""
        self._control.change({"optimizer": {"name": name}})

    def do_batch(self, size: int) -> None:
        """The user changes the batch size."""
        self._control.change({"batch_size": size})

    def do_rewind(self, part: float) -> None:
        """The user goes back, to a part of the steps done."""
        if self._events is not None and self.model.start and self.model.step:
            self._control.rewind(int(self.model.step * part))

    def do_stop(self) -> None:
        """The user stops the run."""
        if self._events is None:
            return
        self._control.stop()
        self._go_on()

    def do_close(self) -> None:
        """The process ends with an error: what it runs is closed."""
        error = self._close()
        if error and not self.disk.failing:
            raise Broken("a session that is closed saves", str(error)) from error

    def do_kill(self, fuse: int, torn: float) -> None:
        if not self._over:
            super().do_kill(fuse, torn)

    def do_power(self, fuse: int, torn: float, seed: int) -> None:
        """The power fails, while the process writes."""
        self.do_kill(fuse, torn)
        self._end_process()
        self.apps.end_all()
        self.disk.heal()
        self.disk.power_cut(random.Random(seed))
        self.counted["power cuts"] += 1
        self._find_again()

    def do_full(self, kind: str, after: int, number: int) -> None:
        """The disk is full for a while."""
        self.disk.refuse(kind, after, number, errno.ENOSPC)

    def do_error(self, kind: str, after: int) -> None:
        """The disk fails once."""
        self.disk.refuse(kind, after, 1, errno.EIO)

    def do_clock(self, jump: float, passed: float) -> None:
        """The time of day jumps; the machine sleeps."""
        clock.jumped += jump
        clock.passed += passed

    def do_second(self) -> None:
        """Another process wants to train the run."""
        if not self._begun or self._over:
            return
        alive, other = self.process is not None, Process("second")
        failing, self.disk.acting = self.disk.failing, other
        events = session.resume(self.path, backend="numpy", shards=1, control=RunControl())
        try:
            next(events)
        except RunError as error:
            if not alive and not failing and "are done" not in str(error):
                raise Broken("a run can be resumed", str(error)) from error
        else:
            if alive:
                raise Broken("one process writes to a run", "two do")
            self._disturbed_by_second(events)
        finally:
            self.disk.release(other)
            self.disk.acting = Process()

    def _disturbed_by_second(self, events: Generator[Event]) -> None:
        with suppress(RunError):
            events.close()

    def do_move(self) -> None:
        """Somebody gives the folder another name."""
        if self._begun and self.path.exists() and not self.disk.failing:
            other = "moved" if self._name == NAME else NAME
            os.rename(self.path, runs_folder() / other)
            self._name = other

    def do_trash(self) -> None:
        """The user deletes the run, and undoes that."""
        if not self._begun or self.process is not None:
            return
        with suppress(RunError):
            library.delete(self.path).restore()
        if not self.path.exists():
            if not self.disk.failing and not self.disk.faults:
                raise Broken("a deleted run can be put back", "it is gone")
            self.disk.heal()
            (trashed,) = (runs_folder() / ".trash").iterdir()
            trashed.rename(self.path)

    def do_rot(self, seed: int) -> None:
        """A byte of the newest checkpoint changes."""
        if not self._begun or self.process is not None or self._rotten or self._over:
            return
        steps = checkpoints.newest_first(self.path)
        if len(steps) < 2:
            return
        self._rotten = True
        self.disk.rot(checkpoints.path_of(self.path, steps[0]), random.Random(seed))
        # What was removed in favour of newer ones, before the run went back behind these, is no loss.
        self._acknowledged = {s: n for s, n in self._acknowledged.items() if s in steps[1:]}

    def do_look(self) -> None:
        """The app opens the run."""
        self._compare_models()

    def do_edit(self, app: int, path: str, value: int) -> None:
        """A setting is changed in an app."""
        self.apps.edit(app, path, value)

    def do_undo(self, app: int) -> None:
        self.apps.undo(app)

    def do_save(self, app: int) -> None:
        self.apps.save(app)

    def do_keep(self, app: int) -> None:
        self.apps.keep(app)

    def do_crash(self, app: int, fuse: int, torn: float) -> None:
        """An app is killed while it saves."""
        self.apps.save(app, fuse, torn)

    def do_reopen(self, app: int) -> None:
        """An app is closed; what it said is saved is there."""
        self.apps.end(app)
        self.apps.look("opened again")

    # -- rules ---------------------------------------------------------------------------------------------

    def _look_at_folder(self, when: str) -> None:
        """After each step: what was said to be saved is there, and a process that trains holds the lock."""
        if self.process is not None and self._begun and not self.model.end and not is_held(self.path):
            raise Broken("one process writes to a run", f"{when}: nobody holds the lock")
        if when in ("kill", "power", "close", "stop", "rot") and self._begun:
            self._look_at_checkpoints(when)
        if when in ("power", "crash"):
            self.apps.look(when)

    def _look_at_checkpoints(self, when: str) -> None:
        newest = max(((one.position.interventions, one.step) for one in self._sound()), default=(-1, -1))
        wanted = max(((n, step) for step, n in self._acknowledged.items()), default=(-1, -1))
        if newest < wanted:
            raise Broken("no state that was saved is lost", f"{when}: {newest} of {wanted} is left")

    def _sound(self) -> Iterator[Checkpoint]:
        """The sound checkpoints, the newest first."""
        network, optimizer = network_of(self.preset), self.preset.training.optimizer
        for step in checkpoints.newest_first(self.path):
            with suppress(CheckpointError):  # it is passed over
                yield checkpoints.load(checkpoints.path_of(self.path, step), network, optimizer)

    def _compare_models(self) -> None:
        """What the app was told is what the folder tells."""
        if not self._begun or self._untold or self.disk.failing or self.disk.faults:
            return  # what a killed process wrote last, it told nobody
        told, found = self.model, load_run(self.path)
        for name in ("epochs", "bests", "step", "epoch"):
            one, other = getattr(told, name), getattr(found, name)
            if name in ("step", "epoch") and self.process is not None:
                continue  # not all batches are written
            if name in ("epochs", "bests"):  # one that is closed again is shown meanwhile
                again = told.start.step if told.start and self.process is not None else -1
                one = [epoch for epoch in one if epoch.step != again or epoch in other]
            if _plain(one) != _plain(other):
                raise Broken("the app shows what the folder tells", f"{name}: {_differing(one, other)}")

    def _find_again(self) -> None:
        """After a power cut the folder may have its former name."""
        for trashed in (runs_folder() / ".trash").glob("*"):  # it was deleted, and put back only in memory
            trashed.rename(runs_folder() / NAME)
        there = [name for name in (NAME, "moved") if (runs_folder() / name / PRESET).exists()]
        if self._begun and not there:
            raise Broken("a run that has begun is there", "its folder is gone")
        self._name = there[0] if there else NAME
        end = self.model.end
        if end and not checkpoints.path_of(self.path, end.step).exists():
            self._over = False  # its last state was not sure to survive

    def _finish(self) -> None:
        """Let the run end undisturbed; then it is as it would be had nothing happened."""
        self.disk.heal()
        if self._events is not None:
            self._go_on()
        for _ in range(5):
            if self._over:
                break
            self._begin()
            self._go_on()
        if not self._over:
            raise Broken("a run comes to its end", "it does not")
        self._look_at_checkpoints("the end")
        self.apps.look("the end")
        self._compare_lines()
        self._compare_models()
        self._compare_bits()
        left = [path.name for path in self.path.iterdir() if path.name.endswith(".part")]
        if (left and not self.disk.faults) or is_held(self.path):
            raise Broken("a run that has ended leaves nothing behind", str(left or "its lock is held"))

    def _compare_lines(self) -> None:
        found = self._lines()
        if found != self._epochs and not self.disk.faults:
            raise Broken("each epoch is in the metrics once", f"{found} of {self._epochs}")
        if skipped := load_run(self.path, snapshots=False).skipped:
            raise Broken("every line can be read", f"{skipped} cannot")

    def _lines(self) -> dict[int, tuple[int, float]]:
        """The epochs in the metrics: step and training loss."""
        lines = surviving(self.path, Epoch)
        return {line["epoch"]: (line["step"], line["train_loss"]) for line in lines}

    def _compare_bits(self) -> None:
        # A process that was killed before it told of a change may have saved it.
        self._disturbed |= any(surviving(self.path, Intervention))
        newest = next(self._sound(), None)
        if newest is None:
            raise Broken("a run that has ended has its weights", "no sound checkpoint")
        self.final = {name: values.tobytes() for name, values in newest.tensors.items()}
        if self._whole is None or self._disturbed:
            same, differs = self._replayed()
        else:
            whole = self._whole[self.number]
            differs = [name for name in whole if self.final.get(name) != whole[name]]
            same = not differs
        if not same:
            raise Broken("a disturbed run has the bits of an undisturbed one", ", ".join(differs))

    def _replayed(self) -> tuple[bool, list[str]]:
        self.disk.acting = Process("replay")
        *_, last = replay(self.path, name="again")
        self.disk.release(self.disk.acting)
        self.disk.acting = Process()
        assert isinstance(last, Replayed)
        self.counted["replays"] += 1
        return last.same, list(last.differs)


def _differing(one: Any, other: Any) -> str:
    if not hasattr(one, "__iter__"):
        return f"{one} but {other}"
    pairs = itertools.zip_longest(one, other)
    return next(f"{a} but {b}" for a, b in pairs if repr(a) != repr(b))


def _plain(value: Any) -> Any:
    """Comparable even where it has NaN."""
    return repr(list(value)) if hasattr(value, "__iter__") else value
