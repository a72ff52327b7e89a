"""Faults planted in loops of PyTorch: the app names each, and is silent on a loop that is well."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import tuiml  # noqa: E402
from tests.watch.reading import verdicts  # noqa: E402
from tests.watch.torch_models import ResNet, Transformer, loss_of, pictures, texts  # noqa: E402


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Every step is measured, however fast the machine is."""
    monkeypatch.setattr("tuiml.watch.run.GAP", 0.0)
    monkeypatch.setattr("tuiml.watch.run.FRACTION", 1e9)
    monkeypatch.setattr("tuiml.runs.folder.RunFolder.takes_snapshot", True)


def mlp():
    torch.manual_seed(0)
    widths = [(20, 64), (64, 64), (64, 64), (64, 5)]
    stack = [module for a, b in widths for module in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*stack[:-1])


def data():
    make = torch.Generator().manual_seed(1)
    centres, y = torch.randn(5, 20, generator=make), torch.randint(0, 5, (256,), generator=make)
    return centres[y] + torch.randn(256, 20, generator=make), y


def watched(model, x, y, rate, steps=40, scale=1.0, adam=False, loss=loss_of):
    """What the app says of a loop after some steps."""
    kind = torch.optim.Adam if adam else torch.optim.SGD
    optimizer = kind([p for p in model.parameters() if p.requires_grad], lr=rate)
    with tuiml.watch(model, optimizer=optimizer, name="net") as run:
        for _ in range(steps):
            optimizer.zero_grad()
            value = loss(model, x, y)
            (value * scale).backward()
            optimizer.step()
            run.step(loss=value, accuracy=0.5)
        path = run.path
    return verdicts(path)


def test_dead_relus():
    model = mlp()
    nn.init.constant_(model[2].bias, -30.0)
    found = watched(model, *data(), 0.05)
    assert found[0].name == "dead units"
    assert found[0].evidence.startswith("modules 2")
    assert "100 % of the units are silent" in found[0].evidence


def test_a_rate_that_explodes():
    found = watched(mlp(), *data(), 30.0)
    assert found[0].name in ("learning rate far too high", "exploding", "diverged")
    assert "learning rate" in " ".join((found[0].name, found[0].evidence, found[0].remedy.words))


def test_zero_initialization():
    model = mlp()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    found = watched(model, *data(), 0.05)
    assert found[0].name == "symmetric units"


def test_a_frozen_layer():
    model = mlp()
    model[4].requires_grad_(False)
    found = watched(model, *data(), 0.05)
    assert [verdict.name for verdict in found] == ["frozen layer"]
    assert found[0].evidence.startswith("module 4")


def test_a_layer_that_the_optimizer_was_not_given():
    model = mlp()
    kept = [*model[:4].parameters(), *model[6].parameters()]
    optimizer = torch.optim.SGD(kept, lr=0.05)
    x, y = data()
    with tuiml.watch(model, optimizer=optimizer) as run:
        for _ in range(10):
            optimizer.zero_grad()
            loss_of(model, x, y).backward()
            optimizer.step()
            run.step()
    assert [(one.name, one.evidence[:8]) for one in verdicts(run.path)] == [("not trained", "module 4")]


def test_gradients_that_are_still_scaled():
    found = watched(mlp(), *data(), 1e-3, scale=65536.0, adam=True)
    assert "exploding" in [name for one in found for name in (one.name, *one.follows)]


def test_a_scaler_unscales_them():
    model, (x, y) = mlp(), data()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)
    with tuiml.watch(model, optimizer=optimizer) as run:
        for _ in range(20):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            run.step(loss=loss)
    assert verdicts(run.path) == []


@pytest.mark.parametrize(
    ("make", "given", "rate"), [(mlp, data, 1e-3), (ResNet, pictures, 1e-3), (Transformer, texts, 1e-3)]
)
def test_loops_that_are_well(make, given, rate):
    torch.manual_seed(0)
    assert watched(make(), *given(), rate, steps=60, adam=True) == []
