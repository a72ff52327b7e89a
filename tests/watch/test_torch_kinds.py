"""Models of PyTorch that are seen in a way of their own: tied, compiled, quantized, several in one run."""

import importlib
import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import tuiml  # noqa: E402
from tests.watch.reading import events, layers, modules  # noqa: E402
from tests.watch.torch_models import Transformer, texts, train  # noqa: E402
from tuiml.runs.watched import read_model  # noqa: E402

STEPS = importlib.import_module("torch.optim.optimizer")


def test_outputs_whose_squares_are_beyond_float32_have_a_spread():
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3))
    nn.init.constant_(model[0].weight, 1e30)
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    run = tuiml.watch(model)
    train(model, torch.optim.SGD(model.parameters(), lr=0.0), x, y, run, steps=2)
    run.close()
    found = layers(run.path)["0"]
    assert found.std == pytest.approx(model[0](x).double().std(correction=0).item(), rel=1e-4)
    assert found.weight_norm == pytest.approx(1e30 * 32**0.5, rel=1e-4)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_large_outputs_are_reduced_in_parts(kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 300), nn.ReLU()).to(kind)
    nn.init.constant_(model[0].bias, 50.0)  # far from 0, with a small spread
    x, y = torch.randn(1000, 4).to(kind), torch.randint(0, 300, (1000,))
    with torch.no_grad():
        model[0].bias[:100] = -50.0
        out = model(x).double()
    run = tuiml.watch(model)
    train(model, torch.optim.SGD(model.parameters(), lr=0.0), x, y, run, steps=2)
    run.close()
    found = layers(run.path)["1"]
    assert found.mean == pytest.approx(out.mean().item(), rel=1e-4)
    assert found.std == pytest.approx(out.std(correction=0).item(), rel=1e-4)
    assert found.zeros == pytest.approx((out == 0).double().mean().item(), abs=1e-9)


def test_tied_parameters_have_the_gradient_of_both():
    model = Transformer()
    x, y = texts()
    run = tuiml.watch(model)
    train(model, torch.optim.SGD(model.parameters(), lr=0.1), x, y, run, steps=2)
    run.close()
    found, described = layers(run.path), modules(run.path)
    assert described["head"].shared_with == "embed"
    assert found["head"].gradient_norm == found["embed"].gradient_norm > 0
    assert events(run.path, "start")[0].parameters == sum(p.numel() for p in model.parameters())


def test_compiled_models_are_seen_but_for_their_outputs():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3))
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend)
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    run = tuiml.watch(compiled)
    train(compiled, torch.optim.SGD(model.parameters(), lr=0.1), x, y, run, steps=4)
    run.close()
    found = layers(run.path)
    assert list(found) == ["0", "1", "2"]
    assert found["0"].gradient_norm > 0
    assert math.isnan(found["0"].mean)
    assert "compiled" in read_model(run.path).limits[0]
    assert len(graphs) == 1  # watching has not made it compile again


def test_several_models_in_one_run():
    models = {"generator": nn.Linear(2, 4), "critic": nn.Linear(4, 1)}
    optimizers = {name: torch.optim.SGD(m.parameters(), lr=0.1) for name, m in models.items()}
    run = tuiml.watch(models, optimizer=optimizers, name="gan")
    for _ in range(2):
        models["critic"](models["generator"](torch.randn(8, 2))).mean().backward()
        for optimizer in optimizers.values():
            optimizer.step()
        run.step()
    run.close()
    found = layers(run.path)
    assert list(found) == ["generator", "generator.Linear", "critic", "critic.Linear"]
    assert all(one.gradient_norm > 0 for name, one in found.items() if "Linear" in name)
    assert [(one.optimizer, one.first_rate) for one in read_model(run.path).models] == [
        ("SGD", True),
        ("SGD", False),
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [(("a.b", "a_b"), "'a.b' and 'a_b' would both be called 'a_b'"), (("", "a"), "needs a name")],
)
def test_names_of_models_that_could_not_be_told_apart_are_refused(names, said):
    with pytest.raises(ValueError, match=said):
        tuiml.watch({name: nn.Linear(2, 2) for name in names})


def test_quantized_modules_are_counted_and_said():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))
    model[0].weight = nn.Parameter(torch.ones(4, 4, dtype=torch.int8), requires_grad=False)
    model[0].forward = lambda x: x
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    run = tuiml.watch(model)
    train(model, torch.optim.SGD(model[1].parameters(), lr=0.1), x, y, run, steps=2)
    run.close()
    assert "1 modules have quantized weights (20 numbers)" in read_model(run.path).limits[0]
    assert layers(run.path)["1"].gradient_norm > 0


def test_an_error_in_a_hook_never_reaches_the_loop(capsys, monkeypatch):
    from tuiml.watch.reductions import Parcel

    def broken(self, *args, **kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr(Parcel, "array", broken)
    model = nn.Linear(4, 3)
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    run = tuiml.watch(model)
    train(model, torch.optim.SGD(model.parameters(), lr=0.1), x, y, run, steps=4)
    run.close()
    assert capsys.readouterr().err.count("RuntimeError: broken; training goes on") == 1
    assert events(run.path, "notice")[0].text.startswith("recording has ended")
    assert not model._forward_hooks


def test_only_the_first_process_writes(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    run = tuiml.watch(nn.Linear(2, 2))
    run.step(loss=1.0)
    run.close()
    assert run.path is None
    assert not STEPS._global_optimizer_pre_hooks
