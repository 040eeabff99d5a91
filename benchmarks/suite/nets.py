"""The networks that are compared: what a user of DeepXDE would try on an oscillating solution.

Each takes the arguments of ``dde.nn.FNN`` and the box ``domain = (lower, upper)`` of the inputs,
shape (d,) each, for those whose authors normalise the inputs. All have the hidden layers that they
are asked for; what an embedding adds shows in the number of parameters. PyTorch only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import deepxde as dde
import numpy as np
import torch

from deepxde_repnet import FourierFNN, RepDeepONetCartesianProd, RepFNN

from .studies import FOURIER_WIDTHS


def _tensor(values: Any) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values), dtype=dde.config.real(torch))


class _OnBox(dde.nn.FNN):
    """``dde.nn.FNN`` of ``embed(t)``, with t the inputs normalised to [-1, 1]^d over the domain.

    Everything that is fixed is in buffers: DeepXDE makes every *parameter* trainable when it
    evaluates a loss.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: Any,
        kernel_initializer: str,
        *,
        domain: Any,
        embedded: int | None = None,
    ) -> None:
        first = layer_sizes[0] if embedded is None else embedded
        super().__init__([first, *layer_sizes[1:]], activation, kernel_initializer)
        lower, upper = np.asarray(domain, dtype=float)
        self.register_buffer("center", _tensor((lower + upper) / 2))
        self.register_buffer("half_width", _tensor((upper - lower) / 2))
        self._input_transform = self._features

    def apply_feature_transform(self, transform: Any) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} embeds the coordinates itself; a feature transform of the "
            "problem has no place in front of it. Leave this network out of the study."
        )

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        return self.embed((x - self.center) / self.half_width)

    def embed(self, t: torch.Tensor) -> torch.Tensor:
        return t


class Siren(_OnBox):
    """SIREN: hidden layers sin(ω (W x + b)), linear output, inputs in [-1, 1]^d.

    W ~ U(-1/n, 1/n) in the first layer and U(-√(6/n)/ω, √(6/n)/ω) in the others, n the number of
    inputs of the layer; b ~ U(-1/√n, 1/√n).

    Sitzmann, Martel, Bergman, Lindell, Wetzstein, Implicit neural representations with periodic
    activation functions, NeurIPS 2020 (arXiv 2006.09661), which advises ω = 30.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: Any,
        kernel_initializer: str,
        *,
        domain: Any,
        omega: float,
    ) -> None:
        super().__init__(
            layer_sizes, lambda z: torch.sin(omega * z), kernel_initializer, domain=domain
        )
        with torch.no_grad():
            for i, linear in enumerate(self.linears):
                n = linear.in_features
                bound = 1 / n if i == 0 else math.sqrt(6 / n) / omega
                linear.weight.uniform_(-bound, bound)
                linear.bias.uniform_(-1 / math.sqrt(n), 1 / math.sqrt(n))


class FourierFeatures(_OnBox):
    """Random Fourier features: an FNN of cos 2πBt and sin 2πBt, t in [0, 1]^d, B ~ N(0, σ²).

    There are as many features as neurons in the first hidden layer, and they come before it.

    Tancik et al., Fourier features let networks learn high frequency functions in low dimensional
    domains, NeurIPS 2020 (arXiv 2006.10739).

    Args:
        sigma: Standard deviation of the frequencies, in cycles over the domain.
        trained: Whether B is a parameter, which in the paper it is not.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: Any,
        kernel_initializer: str,
        *,
        domain: Any,
        sigma: float,
        trained: bool = False,
    ) -> None:
        count = layer_sizes[1] // 2
        super().__init__(
            layer_sizes, activation, kernel_initializer, domain=domain, embedded=2 * count
        )
        frequencies = sigma * torch.randn(count, layer_sizes[0], dtype=dde.config.real(torch))
        if trained:
            self.frequencies = torch.nn.Parameter(frequencies)
        else:
            self.register_buffer("frequencies", frequencies)

    def embed(self, t: torch.Tensor) -> torch.Tensor:
        phase = 2 * math.pi * torch.nn.functional.linear((t + 1) / 2, self.frequencies)
        return torch.cat([torch.cos(phase), torch.sin(phase)], dim=1)


class MultiscaleFourier(dde.nn.NN):
    """Multi-scale Fourier features: features cos 2πBx, sin 2πBx of several scales σ, B ~ N(0, σ²).

    The features of each scale take the place of the first hidden layer; the others are shared by
    the scales, and the output is linear in what they make of all scales together.

    Wang, Wang, Perdikaris, On the eigenvector bias of Fourier feature networks, CMAME 384, 113938,
    2021 (arXiv 2012.10047). DeepXDE's ``MsFFN``, which exists on other backends, leaves out the 2π:
    ``cycle=1``.

    Args:
        sigmas: The scales, per unit of the inputs, which are not normalised.
        cycle: The factor before B.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: Any,
        kernel_initializer: str,
        *,
        sigmas: Sequence[float] = (1.0, 10.0),
        cycle: float = 2 * math.pi,
    ) -> None:
        super().__init__()
        count = layer_sizes[1] // 2
        real = dde.config.real(torch)
        spread = torch.tensor(sigmas, dtype=real)[:, None, None]
        frequencies = cycle * spread * torch.randn(len(sigmas), count, layer_sizes[0], dtype=real)
        self.register_buffer("frequencies", frequencies)
        inner = [2 * count, *layer_sizes[2:-1]]
        self.hidden = dde.nn.FNN([*inner, layer_sizes[-1]], activation, kernel_initializer)
        self.hidden.linears[-1] = dde.nn.FNN(
            [len(sigmas) * inner[-1], layer_sizes[-1]], activation, kernel_initializer
        ).linears[0]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        x = inputs if self._input_transform is None else self._input_transform(inputs)
        branches = []
        for frequencies in self.frequencies:
            phase = torch.nn.functional.linear(x, frequencies)
            y = torch.cat([torch.cos(phase), torch.sin(phase)], dim=1)
            for linear in self.hidden.linears[:-1]:
                y = self.hidden.activation(linear(y))
            branches.append(y)
        y = self.hidden.linears[-1](torch.cat(branches, dim=1))
        return y if self._output_transform is None else self._output_transform(inputs, y)


class LocallyAdaptive(dde.nn.FNN):
    """Layer-wise locally adaptive activations φ(n a_l z), n = 10 and one trained a_l = 1/n a layer.

    Jagtap, Kawaguchi, Karniadakis, Locally adaptive activation functions with slope recovery, Proc.
    R. Soc. A 476, 20200334, 2020; without the slope recovery term, which DeepXDE does not have.
    DeepXDE's ``"LAAF-10 tanh"`` given to its FNN shares one a between all layers.
    """

    def __init__(
        self, layer_sizes: Sequence[int], activation: str, kernel_initializer: str
    ) -> None:
        super().__init__(layer_sizes, activation, kernel_initializer)
        self.adaptive = torch.nn.ModuleList(
            dde.nn.activations.get(f"LAAF-10 {activation}") for _ in self.linears[:-1]
        )
        self.activation = list(self.adaptive)  # the form in which FNN takes one for each layer


class _FactorizedLinear(torch.nn.Module):
    """W x + b with W = diag(exp s) V, from an ordinary layer that has W."""

    def __init__(self, linear: torch.nn.Linear, mean: float, deviation: float) -> None:
        super().__init__()
        weight = linear.weight.detach()
        log_scale = mean + deviation * torch.randn(len(weight), dtype=weight.dtype)
        self.log_scale = torch.nn.Parameter(log_scale)
        self.direction = torch.nn.Parameter(weight / torch.exp(log_scale)[:, None])
        self.bias = linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.exp(self.log_scale)[:, None] * self.direction
        return torch.nn.functional.linear(x, weight, self.bias)


class RandomWeightFactorization(dde.nn.FNN):
    """Random weight factorization: every W = diag(exp s) V, s ~ N(1, 0.1²); s and V are trained.

    Wang, Wang, Seidman, Perdikaris, Random weight factorization improves the training of continuous
    neural representations, 2022 (arXiv 2210.01274), with the mean and deviation it advises.
    """

    def __init__(
        self, layer_sizes: Sequence[int], activation: Any, kernel_initializer: str
    ) -> None:
        super().__init__(layer_sizes, activation, kernel_initializer)
        for i, linear in enumerate(self.linears):
            self.linears[i] = _FactorizedLinear(linear, mean=1.0, deviation=0.1)


Constructor = Callable[..., torch.nn.Module]


def _plain(net: Constructor, activation: Any = None, **options: Any) -> Constructor:
    """A network that asks for no domain, with an activation of its own where one is given."""

    def build(sizes: Any, problems: Any, initializer: Any, *, domain: Any, **more: Any) -> Any:
        return net(sizes, activation or problems, initializer, **options, **more)

    return build


def _on_box(net: Constructor, activation: Any = None, **options: Any) -> Constructor:
    """The same of a network that asks for the domain."""

    def build(sizes: Any, problems: Any, initializer: Any, *, domain: Any, **more: Any) -> Any:
        chosen = activation or problems
        return net(sizes, chosen, initializer, domain=domain, **options, **more)

    return build


def _published(activation: str) -> Constructor:
    """RepNet as Wang, Zhou and Meng have it (arXiv 2606.16575), of the study's slope scale.

    Slopes and partition points of the first layer are trained as they are, all neurons have the one
    activation, and the other layers are ordinary ones with the ordinary initializer.
    """
    return _on_box(RepFNN, activation, parameterization="shift", sines=0, hidden_gain=1)


NETS: dict[str, Constructor] = {
    "FNN": _plain(dde.nn.FNN),
    "FNN sin": _plain(dde.nn.FNN, "sin"),
    "SIREN ω=30": _on_box(Siren, omega=30.0),
    "SIREN ω=10": _on_box(Siren, omega=10.0),
    "RFF σ=1": _on_box(FourierFeatures, sigma=1.0),
    "RFF σ=10": _on_box(FourierFeatures, sigma=10.0),
    "RFF σ=10, trained": _on_box(FourierFeatures, sigma=10.0, trained=True),
    "MsFFN": _plain(MultiscaleFourier),
    "MsFFN of DeepXDE": _plain(MultiscaleFourier, cycle=1.0),
    "LAAF": _plain(LocallyAdaptive),
    "RWF": _plain(RandomWeightFactorization),
    "RepFNN": _plain(RepFNN),
    "RepFNN log-scale": _plain(RepFNN, parameterization="log-scale"),
    "RepFNN scaled": _plain(RepFNN, parameterization="scaled"),
    "RepFNN shift": _plain(RepFNN, parameterization="shift"),
    "RepFNN gain 1": _plain(RepFNN, hidden_gain=1),
    "RepFNN gain 4": _plain(RepFNN, hidden_gain=4),
    "RepFNN all sines": _plain(RepFNN, sines=1),
    "RepFNN no sines": _plain(RepFNN, sines=0),
    "RepFNN sin": _plain(RepFNN, "sin"),
    "RepNet (paper)": _published("tanh"),
    "RepNet (paper), ReLU": _published("relu"),
}
# Of benchmarks/fourier.py, beside the suite's own.
FOURIER: dict[str, Constructor] = {
    "FourierFNN": _plain(FourierFNN),
    "FourierFNN operator": _plain(FourierFNN, frequencies="operator"),
    "FourierFNN operator, fixed": _plain(FourierFNN, frequencies="operator", trainable=False),
}
# One normal distribution of the wavenumbers, of several widths in radians per unit length.
FOURIER |= {f"FourierFNN N({k})": _plain(FourierFNN, frequencies=k) for k in FOURIER_WIDTHS}
FOURIER |= {
    f"FourierFNN N({k}), fixed": _plain(FourierFNN, frequencies=k, trainable=False)
    for k in FOURIER_WIDTHS
}


def _trunk(net: Constructor, activation: Any = None) -> Constructor:
    def build(branch: Any, trunk: Any, problems: Any, initializer: Any, *, domain: Any) -> Any:
        return net(branch, trunk, activation or problems, initializer)

    return build


def _normalised(branch: Any, trunk: Any, activation: Any, initializer: Any, *, domain: Any) -> Any:
    """``dde.nn.DeepONetCartesianProd`` with the trunk's inputs normalised to [-1, 1]."""
    net = dde.nn.DeepONetCartesianProd(branch, trunk, activation, initializer)
    lower, upper = map(_tensor, domain)
    net.apply_feature_transform(lambda t: (2 * t - lower - upper) / (upper - lower))
    return net


#: Operator networks by their trunk, with the arguments of ``dde.nn.DeepONetCartesianProd``.
TRUNKS: dict[str, Constructor] = {
    "FNN": _trunk(dde.nn.DeepONetCartesianProd),
    "FNN, normalised": _normalised,
    "FNN sin": _trunk(dde.nn.DeepONetCartesianProd, "sin"),
    "RepFNN": _trunk(RepDeepONetCartesianProd),
}
