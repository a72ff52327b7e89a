"""``Trainer.fit`` of Lightning under its callback."""

import warnings

import pytest

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lightning = pytest.importorskip("lightning.pytorch")

from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

import tuiml  # noqa: E402
from tests.watch.reading import events, layers  # noqa: E402
from tuiml.runs.watched import read_model  # noqa: E402


class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))

    def training_step(self, batch, index):
        x, y = batch
        out = self.net(x)
        loss = torch.nn.functional.cross_entropy(out, y)
        self.log("train_acc", (out.argmax(1) == y).float().mean())
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


@pytest.mark.filterwarnings("ignore")
def test_fit_is_recorded_step_by_step_of_the_optimizer(tmp_path):
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(32, 4), torch.randint(0, 3, (32,)))
    trainer = lightning.Trainer(
        max_epochs=2,
        accumulate_grad_batches=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=[callback := tuiml.watch.LightningCallback(name="net")],
    )
    trainer.fit(Net(), DataLoader(data, batch_size=4), DataLoader(data, batch_size=16))
    path = callback.run.path
    end = events(path)[-1]
    assert (end.reason, end.step, end.epochs) == ("completed", 8, 2)
    assert read_model(path).optimizer == "Adam"
    assert layers(path)["net.0"].gradient_norm > 0
    assert 0 <= events(path, "batch")[-1].train_accuracy <= 1
    assert events(path, "epoch")[-1].val_loss > 0
    assert events(path, "batch")[-1].learning_rate == 0.01
