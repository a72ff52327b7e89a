"""PyTorch loops under ``tuiml.watch``: the numbers, the bits, and what is said of what cannot be seen."""

import copy
import importlib
import math
import pickle

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import tuiml  # noqa: E402
from tests.watch.reading import events, layers, modules  # noqa: E402
from tests.watch.torch_models import ResNet, Transformer, loss_of, pictures, texts, train  # noqa: E402

STEPS = importlib.import_module("torch.optim.optimizer")


def by_hand(model, optimizer, x, y):
    """Statistics of one step, computed with whole arrays in float64."""
    outputs, handles = {}, []
    for name, module in model.named_modules():

        def hook(module, args, output, name=name):
            output = output[0] if isinstance(output, tuple) else output
            outputs.setdefault(name, output.detach().double().clone())

        handles.append(module.register_forward_hook(hook))
    optimizer.zero_grad()
    loss_of(model, x, y).backward()
    for handle in handles:
        handle.remove()
    before = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    gradients = {name: p.grad.double().clone() for name, p in model.named_parameters() if p.grad is not None}
    optimizer.step()
    after = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    return outputs, gradients, before, after


def near(found, wanted):
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("make", "data"), [(ResNet, pictures), (Transformer, texts)], ids=["resnet", "transformer"]
)
def test_numbers_are_those_computed_by_hand(make, data):
    torch.manual_seed(0)
    model = make()
    twin = copy.deepcopy(model)
    x, y = data()
    run = tuiml.watch(model, name="net")
    state = torch.random.get_rng_state()
    train(model, torch.optim.AdamW(model.parameters(), lr=1e-3), x, y, run, steps=2)
    run.close()
    torch.random.set_rng_state(state)
    optimizer = torch.optim.AdamW(twin.parameters(), lr=1e-3)
    by_hand(twin, optimizer, x, y)
    outputs, gradients, before, after = by_hand(twin, optimizer, x, y)
    found, checked = layers(run.path), 0
    for name, module in twin.named_modules():
        if name not in found or next(module.children(), None) is not None:
            continue
        if name in outputs:
            near(found[name].mean, outputs[name].mean().item())
            near(found[name].std, outputs[name].std(correction=0).item())
            near(found[name].zeros, (outputs[name] == 0).double().mean().item())
            checked += 1
        key = f"{name}.weight"
        if key in gradients:
            near(found[name].gradient_norm, gradients[key].norm().item())
            near(found[name].weight_norm, after[key].norm().item())
            near(found[name].weight_std, after[key].std(correction=0).item())
            moved = (after[key] - before[key]).std(correction=0) / after[key].std(correction=0)
            if after[key].std(correction=0) > 1e-5:  # else it is the rounding of float32 alone
                near(10 ** found[name].update_ratio, moved.item())
            checked += 1
    assert checked > 12


@pytest.mark.parametrize(
    ("make", "data"), [(ResNet, pictures), (Transformer, texts)], ids=["resnet", "transformer"]
)
def test_bits_are_the_same_with_and_without(make, data):
    ended = []
    for watched in (True, False):
        torch.manual_seed(0)
        model = make()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        x, y = data()
        run = tuiml.watch(model, optimizer=optimizer) if watched else None
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = loss_of(model, x, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if run:
                run.step(loss=loss)
        if run:
            run.close()
            assert events(run.path, "snapshot")
        ended.append((losses, torch.random.get_rng_state(), model.state_dict(), optimizer.state_dict()))
    (losses, state, weights, moments), (losses2, state2, weights2, moments2) = ended
    assert losses == losses2
    assert torch.equal(state, state2)
    assert all(torch.equal(weights[name], weights2[name]) for name in weights2)
    pairs = zip(moments["state"].values(), moments2["state"].values(), strict=True)
    assert all(torch.equal(a["momentum_buffer"], b["momentum_buffer"]) for a, b in pairs)


def test_what_is_written_in_place_later_is_not_shown():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace=True), nn.Linear(8, 3))
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = tuiml.watch(model)
    for _ in range(2):
        loss_of(model, x, y).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        run.step()
    run.close()
    found = layers(run.path)
    assert found["0"].activations.low < 0  # before the ReLU
    assert found["0"].zeros == 0.0
    gradients = found["2"].gradients
    assert gradients.counts[len(gradients.counts) // 2] < gradients.total  # not zeros alone


def test_memory_of_a_step_that_is_measured_is_bounded():
    model = nn.Sequential(*[nn.Linear(16, 16) for _ in range(30)])
    x = torch.randn(20_000, 16)
    y = torch.randint(0, 16, (20_000,))
    alive = []
    run = tuiml.watch(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train(model, optimizer, x, y, run, steps=1)
    loss_of(model, x, y).backward()
    alive = sum(part.untyped_storage().nbytes() for part in model_parts(run))
    assert alive < 1_200_000  # 30 outputs of 1.28 MB each were seen
    run.close()


def model_parts(run):
    """The tensors that wait to cross."""
    (adapter,) = run._models.all
    return adapter._parcel.parts


def test_no_hook_is_left():
    model = ResNet()
    x, y = pictures()
    run = tuiml.watch(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train(model, optimizer, x, y, run, steps=1)  # the next step is armed
    hooks = lambda: [hook for m in model.modules() for hook in m._forward_hooks]  # noqa: E731
    assert hooks()
    copied = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    copied(x)  # neither a copy nor a file has a way back
    kept = {type(hook).__module__ for m in copied.modules() for hook in m._forward_hooks.values()}
    assert kept == {"functools"}  # it opens where tuiml is not installed
    run.close()
    assert not hooks()
    assert not STEPS._global_optimizer_pre_hooks
    assert not STEPS._global_optimizer_post_hooks
    run.step(loss=1.0)
    assert events(run.path)[-1].event == "end"


def test_evaluation_is_not_mixed_in():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    run = tuiml.watch(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train(model, optimizer, x, y, run, steps=1)
    model.eval()
    model(torch.full((8, 4), 1e6))
    model.train()
    with torch.no_grad():
        model(torch.full((8, 4), 1e6))
    train(model, optimizer, x, y, run, steps=1)
    run.close()
    assert layers(run.path)["0"].std < 100


def test_zero_grad_before_the_report_and_gradient_accumulation():
    model = nn.Linear(6, 3)
    x, y = torch.randn(8, 6), torch.randint(0, 3, (8,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = tuiml.watch(model, optimizer=optimizer)
    norms = []
    for _ in range(2):
        for half in (slice(0, 4), slice(4, 8)):
            (loss_of(model, x[half], y[half]) / 2).backward()
        norms.append(model.weight.grad.norm().item())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        run.step()
    run.close()
    near(layers(run.path)["Linear"].gradient_norm, norms[-1])


@pytest.mark.parametrize("fused", [False, True])
def test_gradients_of_a_scaler_are_unscaled_first(fused):
    model = nn.Linear(6, 3)
    x, y = torch.randn(8, 6), torch.randint(0, 3, (8,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    run = tuiml.watch(model, optimizer=optimizer)
    for _ in range(2):
        optimizer.zero_grad()
        scaler.scale(loss_of(model, x, y)).backward()
        scaler.step(optimizer)
        scaler.update()
        run.step(grad_scale=scaler.get_scale())
    run.close()
    optimizer.zero_grad()
    loss_of(model, x, y).backward()
    near(layers(run.path)["Linear"].gradient_norm, model.weight.grad.norm().item())
    assert events(run.path, "scalars")[0].values == {"grad_scale": 2.0**16}


def test_a_step_that_a_scaler_skips_is_not_measured():
    model = nn.Linear(6, 3)
    x, y = torch.randn(8, 6), torch.randint(0, 3, (8,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    run = tuiml.watch(model, optimizer=optimizer)
    for step in range(3):
        optimizer.zero_grad()
        scaler.scale(loss_of(model, x * (math.inf if step == 1 else 1.0), y)).backward()
        scaler.step(optimizer)
        scaler.update()
        run.step()
    run.close()
    assert [snapshot.step for snapshot in events(run.path, "snapshot")] == [3]
    assert math.isfinite(layers(run.path)["Linear"].gradient_norm)


def test_planted_faults_are_in_the_statistics():
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.dead, self.zero = nn.Linear(8, 16), nn.Linear(16, 16)
            self.frozen, self.forgotten, self.out = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 3)
            self.sigmoid = nn.Sigmoid()
            nn.init.constant_(self.dead.bias, -100.0)
            nn.init.zeros_(self.zero.weight)
            self.frozen.requires_grad_(False)

        def forward(self, x):
            x = self.zero(F.relu(self.dead(x)))
            return self.out(self.sigmoid(100 * self.forgotten(self.frozen(x))))

    model = Net()
    x, y = torch.randn(32, 8), torch.randint(0, 3, (32,))
    ours = [p for name, p in model.named_parameters() if not name.startswith("forgotten")]
    run = tuiml.watch(model)
    train(model, torch.optim.SGD(ours, lr=1.0), x, y, run, steps=2)
    run.close()
    found, described = layers(run.path), modules(run.path)
    assert found["dead"].dead == 1.0
    assert found["zero"].weight_std == 0.0
    assert found["zero"].gradient_norm == 0.0
    assert described["frozen"].trainable == 0
    assert math.isnan(found["frozen"].gradient_norm)
    assert math.isnan(found["frozen"].update_ratio)
    assert found["forgotten"].update_ratio == -20.0
    assert found["sigmoid"].saturated > 0.5
