"""Small models of PyTorch as people write them."""

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """A residual block with activations that are functions."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else None

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Convolutions, batch normalization, residuals; ReLUs as modules and as functions."""

    def __init__(self, width=8, classes=10):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.layer1 = Block(width, width)
        self.layer2 = Block(width, 2 * width, 2)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x):
        return self.head(self.layer2(self.layer1(self.stem(x))).mean((2, 3)))


class Transformer(nn.Module):
    """An embedding that is tied to the output, and encoder layers with dropout."""

    def __init__(self, tokens=50, width=32, layers=2):
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        self.place = nn.Parameter(torch.randn(1, 16, width) * 0.02)
        encoder = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(encoder, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, tokens, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(self.encoder(self.embed(x) + self.place[:, : x.shape[1]]))


def pictures(count=16):
    make = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, 16, 16, generator=make), torch.randint(0, 10, (count,), generator=make)


def texts(count=8):
    make = torch.Generator().manual_seed(1)
    x = torch.randint(0, 50, (count, 16), generator=make)
    return x, x.roll(1, 1)


def loss_of(model, x, y):
    out = model(x)
    return F.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1))


def train(model, optimizer, x, y, run, steps=3):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model, x, y)
        loss.backward()
        optimizer.step()
        run.step(loss=loss)
    return loss
