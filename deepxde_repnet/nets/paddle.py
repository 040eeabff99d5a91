"""RepFNN and RepPFNN on PaddlePaddle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import paddle

from .. import _host
from ..spec import Array, Box, RepSpec
from ..theory.initialize import Dense, Rep, Weights
from ._base import RepNet
from ._doc import document


class RepLinear(paddle.nn.Layer):
    """First layer ``z = w·(x + c)`` on inputs normalised over a box.

    The box and the slope scale are buffers: they travel with the state dict and are never trained.
    """

    def __init__(self, weights: Rep, parameterization: str) -> None:
        super().__init__()
        n, d = weights.direction.shape
        self.parameterization = parameterization
        # With "shift" the trained tensor is w = s v: its scale is in the parameter itself.
        self.direction = self._parameter(weights.direction)
        self.shift = self._parameter(weights.shift)
        if parameterization == "log-scale":
            self.log_scale = self._parameter(np.zeros(n))
        self.register_buffer("slope_scale", _tensor(np.ones(d)))
        self.register_buffer("center", _tensor(np.zeros(d)))
        self.register_buffer("half_width", _tensor(np.ones(d)))

    def _parameter(self, value: Array) -> Any:
        return self.create_parameter(
            shape=list(value.shape),
            dtype=paddle.get_default_dtype(),
            default_initializer=paddle.nn.initializer.Assign(_tensor(value)),
        )

    def set(self, domain: Box, slope_scale: Array) -> None:
        if self.parameterization == "shift":
            self.direction.set_value(
                _tensor(_numpy(self.direction / self.slope_scale) * slope_scale)
            )
        self.slope_scale.set_value(_tensor(slope_scale))
        self.center.set_value(_tensor(domain.center))
        self.half_width.set_value(_tensor(domain.half_width))

    def forward(self, x: Any) -> Any:
        # The normalisation is folded into the (n, d) arrays: no extra work per point.
        if self.parameterization == "shift":
            slope = self.direction / self.half_width
        else:
            slope = self.direction * (self.slope_scale / self.half_width)
            if self.parameterization == "log-scale":
                slope = slope * paddle.exp(self.log_scale).unsqueeze(1)
        offset = (slope * (self.half_width * self.shift - self.center)).sum(1)
        return paddle.nn.functional.linear(x, slope.T, offset)

    def weights(self) -> Rep:
        direction = _numpy(self.direction)
        if self.parameterization == "shift":
            direction = direction / _numpy(self.slope_scale)
        trained = self.parameterization == "log-scale"
        log_scale = _numpy(self.log_scale) if trained else np.zeros(len(direction))
        return Rep(direction, _numpy(self.shift), log_scale)


class _PaddleRepNet(RepNet):
    def _install(self, weights: Weights) -> None:
        # The hidden gain of a calibrated network, NaN before; it travels with the state dict.
        self.register_buffer("_gain", _tensor(np.array(math.nan)))
        levels = _host.layers(self)
        for depth, level in enumerate(weights):
            for j, arrays in enumerate(level):
                if isinstance(arrays, Rep):
                    layer = RepLinear(arrays, self.given.parameterization)
                    if isinstance(levels[depth], paddle.nn.LayerList):
                        levels[depth][j] = layer
                    else:
                        levels[depth] = layer
                    continue
                linear = _parallel(levels[depth])[j]
                if arrays.kernel is not None:
                    linear.weight.set_value(_tensor(arrays.kernel))
                elif depth < len(weights) - 1:
                    linear.weight.set_value(linear.weight * (self.given.hidden_gain or 1.0))

    def _first(self) -> list[RepLinear]:
        return list(_parallel(_host.layers(self)[0]))

    @property
    def spec(self) -> RepSpec | None:
        if not self._ready:
            return None
        first = self._first()[0]
        center, half = _numpy(first.center), _numpy(first.half_width)
        domain = Box(tuple(center - half), tuple(center + half))
        return self.given.completed(
            domain, _numpy(first.slope_scale), float(self._gain), dim=domain.dim
        )

    def calibrate(self, spec: RepSpec) -> None:
        assert spec.domain is not None and spec.hidden_gain is not None
        if spec.dim != self.given.dim:
            raise ValueError(
                f"layer_sizes of {type(self).__name__} starts with {self.given.dim}, but there are "
                f"{spec.dim} inputs (features, where there is a feature transform); write "
                f"[{spec.dim}, ...]."
            )
        for layer in self._first():
            layer.set(spec.domain, np.array(spec.slope_scale))
        held = float(self._gain)
        if math.isnan(held):
            held = self.given.hidden_gain or 1.0
        self._scale_hidden(spec.hidden_gain / held)
        self._gain.set_value(_tensor(np.array(spec.hidden_gain)))
        self.settled = self._ready = True

    def _scale_hidden(self, factor: float) -> None:
        for level in list(_host.layers(self))[1:-1]:
            for linear in _parallel(level):
                linear.weight.set_value(linear.weight * factor)

    def set_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        result = super().set_state_dict(*args, **kwargs)
        if not math.isnan(float(self._gain)):
            self.settled = self._ready = self._restored = True
        return result

    def forward(self, inputs: Any) -> Any:
        if not self._ready:
            raise self._uncalibrated()
        return super().forward(inputs)

    def to_numpy(self, session: Any = None) -> Weights:
        return [
            [
                layer.weights()
                if isinstance(layer, RepLinear)
                else Dense(_numpy(layer.weight), _numpy(layer.bias))
                for layer in _parallel(level)
            ]
            for level in _host.layers(self)
        ]


def _parallel(level: Any) -> Any:
    return level if isinstance(level, paddle.nn.LayerList) else [level]


def _tensor(array: Array) -> Any:
    return paddle.to_tensor(np.asarray(array), dtype=paddle.get_default_dtype())


def _numpy(tensor: Any) -> Array:
    return tensor.numpy().astype(float)


@document
class RepFNN(_PaddleRepNet, _host.FNN):
    pass


@document
class RepPFNN(_PaddleRepNet, _host.PFNN):
    pass
