"""PyTorch in several processes: data-parallel training, and workers that load data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.watch.reading import events, layers

ROOT = Path(__file__).parents[2]
PARALLEL = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn
import tuiml

rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
torch.manual_seed(0)
model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
run = tuiml.watch(model, optimizer=optimizer, name="net")
for step in range(3):
    optimizer.zero_grad()
    x = torch.full((8, 4), float(rank + 1))
    loss = model(x).square().mean()
    loss.backward()
    optimizer.step()
    run.step(loss=loss)
run.close()
print(run.path, flush=True)
dist.barrier()
os._exit(0)  # without the end of gloo's threads, which may abort where the machine is busy
"""
WORKERS = """
import torch
from torch.utils.data import DataLoader, Dataset
import tuiml

class Data(Dataset):
    def __len__(self):
        return 8
    def __getitem__(self, index):
        run.step(loss=1e6)  # a worker's copy of the run
        return torch.ones(4)

model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
run = tuiml.watch(model, optimizer=optimizer, name="net")
loader = DataLoader(Data(), batch_size=2, num_workers=2, multiprocessing_context="fork")
for x in loader:
    model(x).mean().backward()
    optimizer.step()
    run.step(loss=1.0)
"""


def test_only_rank_0_writes_under_ddp(tmp_path, own_folders):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo"}
    for name in ("RANK", "LOCAL_RANK"):
        environment.pop(name, None)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PARALLEL, str(rank), str(tmp_path / "meet")],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=300)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said == [str(own_folders / "runs" / "net"), "None"]
    path = own_folders / "runs" / "net"
    assert list(layers(path)) == ["0", "1", "2"]
    assert layers(path)["0"].gradient_norm > 0
    assert events(path)[-1].step == 3


def test_workers_of_a_loader_do_not_write(own_folders):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", WORKERS], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    path = own_folders / "runs" / "net"
    assert {event.train_loss for event in events(path, "batch")} == {1.0}
    assert [event.event for event in events(path)].count("end") == 1
