"""The networks on PaddlePaddle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import paddle

from .. import _host
from ..spec import Array, Box
from ..theory.initialize import Fourier, Rep
from ._base import FourierNet
from ._doc import document
from ._eager import EagerRepNet, FirstLayer
from ._operator import EagerOperator


def _tensor(values: Any) -> Any:
    return paddle.to_tensor(np.asarray(values), dtype=paddle.get_default_dtype())


def _numpy(tensor: Any) -> Array:
    return tensor.numpy().astype(float)


def _assign(tensor: Any, values: Any) -> None:
    tensor.set_value(_tensor(values))


def _scale(tensor: Any, factor: float) -> None:
    tensor.set_value(tensor * factor)


def _kernel(linear: Any) -> Any:
    return linear.weight


class _FirstLayer(FirstLayer):
    _tensor = staticmethod(_tensor)
    _numpy = staticmethod(_numpy)
    _assign = staticmethod(_assign)

    def _parameter(self, value: Array) -> Any:
        return self.create_parameter(
            shape=list(value.shape),
            dtype=paddle.get_default_dtype(),
            default_initializer=paddle.nn.initializer.Assign(_tensor(value)),
        )


class RepLinear(_FirstLayer, paddle.nn.Layer):
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
            _assign(self.direction, _numpy(self.direction / self.slope_scale) * slope_scale)
        super().set(domain, slope_scale)

    def forward(self, x: Any) -> Any:
        # The normalisation is folded into the (n, d) arrays: no extra work per point.
        if self.parameterization == "shift":
            slope = self.direction / self.half_width
        else:
            scale = self.slope_scale / self.half_width
            if self.parameterization == "log-scale":
                scale = paddle.exp(self.log_scale).unsqueeze(1) * scale
            slope = self.direction * scale
        offset = (slope * (self.half_width * self.shift - self.center)).sum(1)
        return paddle.nn.functional.linear(x, slope.T, offset)


class FourierLinear(_FirstLayer, paddle.nn.Layer):
    """First layer z of a FourierFNN, whose sines are cos w·(x - x_0) and then sin w·(x - x_0).

    Frequencies that are fixed are a buffer, which travels with the state dict.
    """

    parameterization = "scaled"

    def __init__(self, weights: Fourier, trainable: bool) -> None:
        super().__init__()
        d = weights.direction.shape[1]
        if trainable:
            self.direction = self._parameter(weights.direction)
        else:
            self.register_buffer("direction", _tensor(weights.direction))
        self._hold_box(d)

    def forward(self, x: Any) -> Any:
        slope = self.direction * (self.slope_scale / self.half_width)
        z = paddle.nn.functional.linear(x, slope.T, -(slope * self.center).sum(1))
        return paddle.concat([z + np.pi / 2, z], -1)


class _Circle(paddle.autograd.PyLayer):
    """(sin z, cos z), each the derivative of the other.

    The derivatives of Paddle's own sine evaluate it anew, and on a CPU number by number, which
    makes a step of a problem of second order twice as long.
    """

    @staticmethod
    def forward(ctx: Any, z: Any) -> Any:
        ctx.set_materialize_grads(False)
        sine, cosine = paddle.sin(z), paddle.cos(z)
        ctx.save_for_backward(sine, cosine)
        return sine, cosine

    @staticmethod
    def backward(ctx: Any, of_sine: Any, of_cosine: Any) -> Any:
        sine, cosine = ctx.saved_tensor()
        if of_sine is None:
            return -of_cosine * sine
        total = of_sine * cosine
        return total if of_cosine is None else total - of_cosine * sine


def _sine(z: Any) -> Any:
    # Without derivatives to come, the cosine would be for nothing.
    if z.stop_gradient or not paddle.is_grad_enabled():
        return paddle.sin(z)
    return _Circle.apply(z)[0]


class SinesFirst:
    """The activation of a layer: sin of its first n neurons, another of the others."""

    def __init__(self, n: int, others: Callable[[Any], Any]) -> None:
        self.n, self.others = n, others

    def __call__(self, z: Any) -> Any:
        if self.n >= z.shape[-1]:
            return _sine(z)
        return paddle.concat([_sine(z[..., : self.n]), self.others(z[..., self.n :])], -1)


class _PaddleRepNet(EagerRepNet):
    _rep_layer = RepLinear
    _fourier_layer = FourierLinear
    _tensor = staticmethod(_tensor)
    _numpy = staticmethod(_numpy)
    _assign = staticmethod(_assign)
    _scale = staticmethod(_scale)
    _kernel = staticmethod(_kernel)
    _sines_first = SinesFirst

    def set_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        self._before_loading(state_dict)
        result = super().set_state_dict(state_dict, *args, **kwargs)
        self._after_loading()
        return result


@document
class RepFNN(_PaddleRepNet, _host.FNN):
    pass


@document
class RepPFNN(_PaddleRepNet, _host.PFNN):
    pass


@document
class FourierFNN(FourierNet, _PaddleRepNet, _host.FNN):
    pass


class _PaddleOperator(EagerOperator):
    _network = RepFNN

    def set_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        result = super().set_state_dict(*args, **kwargs)
        self._after_loading()
        return result


@document
class RepDeepONet(_PaddleOperator, _host.DeepONet):
    def __init__(self, layer_sizes_branch: Any, layer_sizes_trunk: Any, *args: Any, **kwargs: Any):
        super().__init__(layer_sizes_branch, layer_sizes_trunk, *args, **kwargs)
        # Here DeepXDE's constructor makes both networks itself, without a method to override.
        self.trunk = self.build_trunk_net(layer_sizes_trunk)
        if self.branch_given is not None:
            self.branch = self.build_branch_net(layer_sizes_branch)


@document
class RepDeepONetCartesianProd(_PaddleOperator, _host.DeepONetCartesianProd):
    pass
