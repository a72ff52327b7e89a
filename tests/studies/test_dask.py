"""Studies on Dask's workers: real processes on this machine, some of which are killed."""

import contextlib
import importlib.util
import json
import signal
import socket
import subprocess
import sys

import pytest

from tests.studies.running import comparable, document, run, study, table, weights
from tuiml.runs.errors import RunError
from tuiml.spec import toml

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="Dask is an extra; CI runs these with it"
)
EPOCHS = 60


@pytest.fixture(autouse=True)
def plain_numpy(monkeypatch):
    monkeypatch.setenv("TUIML_FAST", "0")


@pytest.fixture
def cluster():
    """A scheduler's address, its process, and two workers' processes."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m"]
    scheduler = [*dask, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
    worker = [*dask, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    processes = [subprocess.Popen([*scheduler, "--no-dashboard"], **quiet)]
    processes += [subprocess.Popen([*worker, "--no-dashboard"], **quiet) for _ in range(2)]
    yield address, processes[0], processes[1:]
    for process in processes:
        with contextlib.suppress(OSError):
            process.send_signal(signal.SIGKILL)
        process.wait()


def started(tmp_path, name, address, epochs):
    file = tmp_path / f"{name}.toml"
    file.write_text(toml.dumps(document(epochs=epochs)))
    arguments = [sys.executable, "-m", "tuiml", "study", str(file), "--json", "--dask", address]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_worker_is_killed_and_then_the_scheduler(tmp_path, cluster):
    address, scheduler, workers = cluster
    process, seen = started(tmp_path, "tiny", address, EPOCHS), set()
    assert process.stdout is not None
    for text in process.stdout:
        event = json.loads(text)
        seen |= {event["trial"]} if event["event"] == "trial_epoch" else set()
        if len(seen) == 2:
            workers[0].send_signal(signal.SIGKILL)
            break
    out, err = process.communicate()
    assert process.returncode == 0, err
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["done"], last["trials"]) == ("table", 4, 4)
    run(study(epochs=EPOCHS), "here")
    chosen = study(epochs=EPOCHS)
    assert comparable(table(chosen)) == comparable(table(chosen, "here"))
    assert weights() == weights("here")

    process = started(tmp_path, "long", address, 100_000)
    assert process.stdout is not None
    for text in process.stdout:
        if json.loads(text)["event"] == "trial_epoch":
            scheduler.send_signal(signal.SIGKILL)
            break
    _, err = process.communicate()
    assert process.returncode == 1
    lines = err.splitlines()
    assert len(lines) == 1
    assert "scheduler" in lines[0]
    assert "what is finished is kept" in lines[0]


def test_no_scheduler_is_one_line(monkeypatch):
    from tuiml.studies import dask_pool

    monkeypatch.setattr(dask_pool, "CONNECT", 0.5)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(RunError, match="there is no Dask scheduler at tcp") as caught:
            dask_pool.DaskPool(f"tcp://127.0.0.1:{found.getsockname()[1]}")
    assert "\n" not in str(caught.value)
    assert caught.value.code == 1
