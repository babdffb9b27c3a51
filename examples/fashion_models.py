"""The two networks of the Fashion-MNIST example: a small one, and the ResNet-20 of CIFAR."""

from __future__ import annotations

from typing import cast

from dustaug._extras import name_extra

with name_extra("fashion", "dustaug.examples", "torch"):
    import torch
    from torch import nn

from .fashion_data import CLASSES, MEAN, STD

__all__ = ["MODELS", "Normalised", "make_model"]


class Normalised(nn.Module):
    """A network that takes pictures uint8 (n, 1, h, w), as they are after the dust, and normalises them itself."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits, (n, 10)."""
        scaled = (images.float() / 255 - MEAN) / STD
        return cast("torch.Tensor", self.network(scaled.contiguous(memory_format=torch.channels_last)))


class _Block(nn.Module):
    """Two convolutions beside a shortcut, which is a projection where the size changes."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = _convolve(n_in, n_out, stride), _convolve(n_out, n_out, 1)
        same = n_in == n_out and stride == 1
        self.shortcut = nn.Identity() if same else _convolve(n_in, n_out, stride, kernel=1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return maps of the block's size."""
        inner = self.second(torch.relu(self.first(maps)))
        return torch.relu(inner + self.shortcut(maps))


def _convolve(n_in: int, n_out: int, stride: int, *, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out))


def _small() -> nn.Sequential:
    """Return four convolutions, the first two followed by pooling."""
    layers: list[nn.Module] = []
    for n_in, n_out, pools in ((1, 16, True), (16, 32, True), (32, 64, False), (64, 96, False)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), *([nn.MaxPool2d(2)] if pools else [])]
        layers += [nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*layers, *_classify(96))


def _resnet20() -> nn.Sequential:
    """Return the ResNet-20 of He et al. (2015, arXiv:1512.03385), section 4.2, for one channel."""
    layers: list[nn.Module] = [_convolve(1, 16, 1), nn.ReLU()]
    n_in = 16
    for n_out in (16, 32, 64):
        for i in range(3):
            layers.append(_Block(n_in, n_out, 2 if n_out > 16 and i == 0 else 1))
            n_in = n_out
    return nn.Sequential(*layers, *_classify(64))


def _classify(n_in: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(n_in, len(CLASSES))


MODELS = {"small": _small, "resnet20": _resnet20}


def make_model(name: str, seed: int) -> Normalised:
    """Return a network with random weights that the seed determines.

    Parameters
    ----------
    name : {"small", "resnet20"}
        79,866 or 272,186 weights.
    seed : int
        Seed of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MODELS[name]()
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out")
                layer.weight.data = layer.weight.data.to(memory_format=torch.channels_last)
    return Normalised(network)
