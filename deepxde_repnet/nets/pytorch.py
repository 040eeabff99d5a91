"""The networks on PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .. import _host
from ..spec import Array, Box
from ..theory.initialize import Fourier, Rep
from ._base import FourierNet
from ._doc import document
from ._eager import EagerRepNet, FirstLayer
from ._operator import EagerOperator


def _tensor(values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=_host.real())


def _like(tensor: torch.Tensor, values: Any) -> torch.Tensor:
    """The values with a tensor's type and on its device (which may have no float64)."""
    return torch.tensor(values, dtype=tensor.dtype, device=tensor.device)


def _numpy(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().numpy().astype(float)


@torch.no_grad()
def _assign(tensor: torch.Tensor, values: Any) -> None:
    tensor.copy_(_like(tensor, values))


@torch.no_grad()
def _scale(tensor: torch.Tensor, factor: Any) -> None:
    tensor.mul_(factor)


def _kernel(linear: torch.nn.Linear) -> torch.Tensor:
    return linear.weight.T


class _FirstLayer(FirstLayer):
    _tensor = staticmethod(_tensor)
    _numpy = staticmethod(_numpy)
    _assign = staticmethod(_assign)

    @staticmethod
    def _parameter(values: Any) -> torch.nn.Parameter:
        return torch.nn.Parameter(_tensor(values))


class RepLinear(_FirstLayer, torch.nn.Module):
    """First layer ``z = w·(x + c)`` on inputs normalised over a box."""

    def __init__(self, weights: Rep, parameterization: str) -> None:
        super().__init__()
        n, d = weights.direction.shape
        self.parameterization = parameterization
        # With "shift" the trained tensor is w = s v: its scale is in the parameter itself.
        self.direction = self._parameter(weights.direction)
        self.shift = self._parameter(weights.shift)
        if parameterization == "log-scale":
            self.log_scale = self._parameter(np.zeros(n))
        self._hold_box(d)

    def set(self, domain: Box, slope_scale: Array) -> None:
        if self.parameterization == "shift":
            _scale(self.direction, _like(self.slope_scale, slope_scale) / self.slope_scale)
        super().set(domain, slope_scale)

    def affine(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Slopes (n, d) and offsets (n,) of ``z = slope x + offset`` in the inputs themselves."""
        # The normalisation is folded into the (n, d) arrays: no extra work per point.
        if self.parameterization == "shift":
            slope = self.direction / self.half_width
        else:
            scale = self.slope_scale / self.half_width
            if self.parameterization == "log-scale":
                scale = torch.exp(self.log_scale).unsqueeze(1) * scale
            slope = self.direction * scale
        offset = (slope * (self.half_width * self.shift - self.center)).sum(1)
        return slope, offset

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, *self.affine())


class FourierLinear(_FirstLayer, torch.nn.Module):
    """First layer z of a FourierFNN, whose sines are cos w·(x - x_0) and then sin w·(x - x_0).

    Frequencies that are fixed are a buffer: DeepXDE makes every parameter trainable.
    """

    parameterization = "scaled"

    def __init__(self, weights: Fourier, trainable: bool) -> None:
        super().__init__()
        if trainable:
            self.direction = self._parameter(weights.direction)
        else:
            self.register_buffer("direction", _tensor(weights.direction))
        self._hold_box(weights.direction.shape[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        slope = self.direction * (self.slope_scale / self.half_width)
        z = torch.nn.functional.linear(x, slope, -(slope * self.center).sum(1))
        return torch.cat([z + np.pi / 2, z], -1)


class _Circle(torch.autograd.Function):
    """(sin z, cos z), each the derivative of the other.

    PyTorch's own sine is evaluated anew in every derivative, which makes a step of a problem of
    second order a tenth longer; here derivatives are products of what is there.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(z: torch.Tensor) -> Any:
        return torch.sin(z), torch.cos(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output)
        ctx.save_for_forward(*output)

    @staticmethod
    def backward(ctx: Any, of_sine: Any, of_cosine: Any) -> Any:
        sine, cosine = ctx.saved_tensors
        if of_sine is None:
            return None if of_cosine is None else -of_cosine * sine
        total = of_sine * cosine
        return total if of_cosine is None else total - of_cosine * sine

    @staticmethod
    def jvp(ctx: Any, tangent: Any) -> Any:
        sine, cosine = ctx.saved_tensors
        return tangent * cosine, -tangent * sine


def _sine(z: torch.Tensor) -> torch.Tensor:
    # Without derivatives to come, the cosine would be for nothing.
    if not (torch.is_grad_enabled() and z.requires_grad):
        return torch.sin(z)
    result: torch.Tensor = _Circle.apply(z)[0]
    return result


class SinesFirst:
    """The activation of a layer: sin of its first n neurons, another of the others."""

    def __init__(self, n: int, others: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.n, self.others = n, others

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        width = z.shape[-1]
        if self.n >= width:
            return _sine(z)
        # Not slices: the gradient of each would be filled up with zeros to the whole width.
        of_sine, of_others = torch.split(z, [self.n, width - self.n], -1)
        return torch.cat([_sine(of_sine), self.others(of_others)], -1)


class _TorchRepNet(EagerRepNet):
    _rep_layer = RepLinear
    _fourier_layer = FourierLinear
    _tensor = staticmethod(_tensor)
    _numpy = staticmethod(_numpy)
    _assign = staticmethod(_assign)
    _scale = staticmethod(_scale)
    _kernel = staticmethod(_kernel)
    _sines_first = SinesFirst

    def load_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        self._before_loading(state_dict)
        result = super().load_state_dict(state_dict, *args, **kwargs)
        self._after_loading()
        return result


@document
class RepFNN(_TorchRepNet, _host.FNN):
    pass


@document
class RepPFNN(_TorchRepNet, _host.PFNN):
    pass


@document
class FourierFNN(FourierNet, _TorchRepNet, _host.FNN):
    pass


class _TorchOperator(EagerOperator):
    _network = RepFNN

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        result = super().load_state_dict(*args, **kwargs)
        self._after_loading()
        return result


@document
class RepDeepONet(_TorchOperator, _host.DeepONet):
    pass


@document
class RepDeepONetCartesianProd(_TorchOperator, _host.DeepONetCartesianProd):
    pass
