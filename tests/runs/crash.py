"""Kill a run, again and again, and see whether anything of it is lost: ``python -m tests.runs.crash --help``.

A process that has imported what a run needs forks one child for each try, which costs a few milliseconds; so
hundreds of kills are cheap. The last line it prints is a JSON object with what it counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.runs import failing_disk
from tuiml.runs import checkpoints, folder, session
from tuiml.runs.errors import CheckpointError
from tuiml.runs.last_session import last_session
from tuiml.spec import Preset, check, network_of
from tuiml.spec.library import read
from tuiml.training.events import State
from tuiml.training.run_control import RunControl

DOCUMENT: dict[str, Any] = {
    "version": 1,
    "name": "killed",
    "data": {"name": "moons", "size": 140},
    "layers": [
        {"type": "dense", "units": 6, "activation": "rrelu"},
        {"type": "batch_norm"},
        {"type": "dropout", "rate": 0.2},
        {"type": "dense", "activation": "softmax"},
    ],
    "training": {"optimizer": "adam", "learning_rate": 0.05, "batch_size": 32, "epochs": 4},
}
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""A folder in memory, where this system has one."""
BATCHES = 4
"""126 training examples, 32 at a time."""
STEPS = 4 * BATCHES


@dataclass
class Count:
    """What was found."""

    kills: int = 0
    runs: int = 0
    """Finished, however often they were killed."""
    lost: int = 0
    """Checkpoints that were there before a kill and have no equal or newer one after it."""
    mixed: int = 0
    """Files that are not whole, or do not fit together."""
    unequal: int = 0
    """Runs that ended with other bits than the one that was never killed."""
    failed: int = 0
    """Tries that ended with an error."""
    problems: list[str] = field(default_factory=list)

    def add(self, kind: str, what: str) -> None:
        """Count a problem."""
        setattr(self, kind, getattr(self, kind) + 1)
        self.problems = [*self.problems, f"{kind}: {what}"][:10]


def preset() -> Preset:
    """What is trained."""
    found, problems = check(DOCUMENT)
    assert found, problems
    return found


def train(name: str, backend: str, single: bool) -> None:
    """Begin or go on with a run, to its end, saving whenever there is something to save.

    Args:
        single: halt after each batch, and save there.
    """
    control = RunControl()
    if single:
        control.pause()
    path = folder.runs_folder() / name
    options: dict[str, Any] = {"backend": backend, "control": control, "save_every": 0.0}
    begun = (path / folder.PRESET).exists()
    if begun and last_session(path).ended:
        return
    if not begun:  # killed before there was a run
        shutil.rmtree(path, ignore_errors=True)
    events = session.resume(name, **options) if begun else session.run(preset(), name=name, **options)
    for event in events:
        if isinstance(event, State) and event.state == "paused":
            control.step()


def child(name: str, backend: str, single: bool, disk: failing_disk.Disk | None = None) -> tuple[int, int]:
    """Fork a process that trains; its id, and a descriptor that ends when it does."""
    ends, held = os.pipe()
    pid = os.fork()
    if pid:
        os.close(held)
        return pid, ends
    code = 1
    try:
        os.close(ends)
        if disk:
            with disk:
                train(name, backend, single)
        else:
            train(name, backend, single)
        code = 0
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(f"{name}: {type(error).__name__}: {error} ({where.name})", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def killed(pid: int, ends: int, delay: float | None = None) -> bool:
    """Wait for a child, kill it after a delay; whether it was killed.

    Raises:
        ChildProcessError: it ended with an error.
    """
    if not select.select([ends], [], [], delay)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(ends)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise ChildProcessError(f"exit code {status}")
    return status == -signal.SIGKILL


class Watch:
    """Looks at a run's folder after each kill."""

    def __init__(self, name: str, count: Count) -> None:
        self._path = folder.runs_folder() / name
        self._count = count
        self._newest, self._most = -1, 0
        self._network, self._optimizer = network_of(preset()), preset().training.optimizer

    def look(self, when: str) -> None:
        """Count what is wrong."""
        if not (self._path / folder.PRESET).exists():
            return
        if read(self._path / folder.PRESET) != preset().document():
            self._count.add("mixed", f"{when}: preset.toml")
        sound: dict[int, checkpoints.Checkpoint] = {}
        for step in checkpoints.steps_in(self._path):
            try:
                found = checkpoints.load_of(self._path, step, self._network, self._optimizer, BATCHES)
                sound[step] = found
            except CheckpointError as error:
                self._count.add("mixed", f"{when}: {error}")
        newest = max(sound, default=-1)
        if newest < self._newest or len(sound) < min(self._most, 2):
            self._count.add("lost", f"{when}: of {self._most} {sorted(sound)} left, not {self._newest}")
        if sound:
            best = sound[newest].position.best_epoch * BATCHES
            if best and best not in sound and best != newest:
                self._count.add("lost", f"{when}: the best, step {best}, of {sorted(sound)}")
        self._newest, self._most = max(newest, self._newest), max(self._most, len(sound))


def outcome(name: str) -> dict[str, Any]:
    """What a finished run has come to: its last weights as bytes, the figures of its epochs, its end."""
    path = folder.runs_folder() / name
    last = checkpoints.load(
        checkpoints.path_of(path, STEPS), network_of(preset()), preset().training.optimizer
    )
    lines = folder.read_metrics(path, snapshots=False)
    epochs = [(line["epoch"], line["val_loss"]) for line in lines if line["event"] == "epoch"]
    end = lines[-1]
    return {
        "weights": {name: values.tobytes() for name, values in last.tensors.items()},
        "initial": (path / folder.INITIAL).exists(),
        "epochs": epochs,
        "end": [end.get(key) for key in ("event", "reason", "step", "best_epoch", "test_loss")],
        "parts": [file.name for file in path.glob(".*.part")],
    }


def compare(name: str, whole: dict[str, Any], count: Count, when: str) -> None:
    """Count a finished run, and what is not as in the one that was never killed."""
    count.runs += 1
    found = outcome(name)
    different = [key for key in whole if found[key] != whole[key]]
    if different:
        count.add("unequal", f"{when}: {different}")
    shutil.rmtree(folder.runs_folder() / name)


def at_random(backend: str, kills: int, seed: int, whole: dict[str, Any], took: dict[bool, float]) -> Count:
    """Kill runs at random moments, each some times; then it may end."""
    rng, count = random.Random(seed), Count()
    while count.kills < kills:
        name, single = f"run-{count.runs}", rng.random() < 0.5
        watch, again, left = Watch(name, count), True, min(rng.randrange(1, 7), kills - count.kills)
        while again:
            delay = rng.random() * took[single] if left else None
            try:
                again = killed(*child(name, backend, single), delay)
            except ChildProcessError as error:
                count.add("failed", f"{name}: {error}")
                break
            count.kills += again
            left -= again
            watch.look(f"{name}, after {delay}")
        else:
            compare(name, whole, count, name)
    return count


def everywhere(backend: str, whole: dict[str, Any], stride: int) -> Count:
    """Kill a run before, within and after each single thing that it does to its files; then go on with it."""
    count = Count()
    for single in (False, True):
        for how in (failing_disk.die, failing_disk.die_after):
            at, again = 1 + (stride > 1 and single), True
            while again:
                name = f"{how.__name__}-{single}-{at}"
                watch = Watch(name, count)
                try:
                    again = killed(
                        *child(name, backend, single, failing_disk.Disk(folder.runs_folder(), at, how))
                    )
                    count.kills += again
                    watch.look(name)
                    if again:
                        killed(*child(name, backend, single))
                    compare(name, whole, count, name)
                except ChildProcessError as error:
                    count.add("failed", f"{name}: {error}")
                at += stride
    return count


def main(arguments: list[str]) -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.runs.crash", description=__doc__)
    parser.add_argument("folder", type=Path, help="an empty folder for the runs")
    parser.add_argument("--backend", default="numpy")
    parser.add_argument("--kills", type=int, default=200, help="at random moments")
    parser.add_argument("--every", type=int, metavar="N", help="at each n-th thing done to a file instead")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    os.environ["TUIML_HOME"] = str(chosen.folder)
    took = {}
    for single in (False, True):
        killed(*child("whole", chosen.backend, single))  # what is compiled once is compiled
        whole = outcome("whole")
        shutil.rmtree(folder.runs_folder() / "whole")
        began = time.monotonic()
        killed(*child("whole", chosen.backend, single))
        took[single] = time.monotonic() - began
        shutil.rmtree(folder.runs_folder() / "whole")
    if chosen.every:
        count = everywhere(chosen.backend, whole, chosen.every)
    else:
        count = at_random(chosen.backend, chosen.kills, chosen.seed, whole, took)
    print(json.dumps(asdict(count)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
