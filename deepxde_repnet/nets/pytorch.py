"""RepFNN and RepPFNN on PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from .. import _host
from ..spec import Array, Box, RepSpec
from ..theory.initialize import Dense, Rep, Weights
from ._base import RepNet
from ._doc import document


class RepLinear(torch.nn.Module):
    """First layer ``z = w·(x + c)`` on inputs normalised over a box.

    The box and the slope scale are buffers: they travel with the state dict and are never trained.
    """

    def __init__(self, weights: Rep, parameterization: str) -> None:
        super().__init__()
        dtype = _host.real()
        n, d = weights.direction.shape
        self.parameterization = parameterization
        # With "shift" the trained tensor is w = s v: its scale is in the parameter itself.
        self.direction = torch.nn.Parameter(torch.tensor(weights.direction, dtype=dtype))
        self.shift = torch.nn.Parameter(torch.tensor(weights.shift, dtype=dtype))
        if parameterization == "log-scale":
            self.log_scale = torch.nn.Parameter(torch.zeros(n, dtype=dtype))
        self.register_buffer("slope_scale", torch.ones(d, dtype=dtype))
        self.register_buffer("center", torch.zeros(d, dtype=dtype))
        self.register_buffer("half_width", torch.ones(d, dtype=dtype))

    def set(self, domain: Box, slope_scale: Array) -> None:
        with torch.no_grad():
            scale = _like(self.slope_scale, slope_scale)
            if self.parameterization == "shift":
                self.direction.mul_(scale / self.slope_scale)
            self.slope_scale.copy_(scale)
            self.center.copy_(_like(self.center, domain.center))
            self.half_width.copy_(_like(self.half_width, domain.half_width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The normalisation is folded into the (n, d) arrays: no extra work per point.
        if self.parameterization == "shift":
            slope = self.direction / self.half_width
        else:
            slope = self.direction * (self.slope_scale / self.half_width)
            if self.parameterization == "log-scale":
                slope = slope * torch.exp(self.log_scale)[:, None]
        offset = (slope * (self.half_width * self.shift - self.center)).sum(1)
        return torch.nn.functional.linear(x, slope, offset)

    def weights(self) -> Rep:
        direction = _numpy(self.direction)
        if self.parameterization == "shift":
            direction = direction / _numpy(self.slope_scale)
        trained = self.parameterization == "log-scale"
        log_scale = _numpy(self.log_scale) if trained else np.zeros(len(direction))
        return Rep(direction, _numpy(self.shift), log_scale)


class _TorchRepNet(RepNet):
    def _install(self, weights: Weights) -> None:
        # The hidden gain of a calibrated network, NaN before; it travels with the state dict.
        self.register_buffer("_gain", torch.tensor(math.nan, dtype=_host.real()))
        levels = _host.layers(self)
        for depth, level in enumerate(weights):
            for j, arrays in enumerate(level):
                if isinstance(arrays, Rep):
                    layer = RepLinear(arrays, self.given.parameterization)
                    if isinstance(levels[depth], torch.nn.ModuleList):
                        levels[depth][j] = layer
                    else:
                        levels[depth] = layer
                    continue
                linear = _parallel(levels[depth])[j]
                with torch.no_grad():
                    if arrays.kernel is not None:
                        linear.weight.copy_(_like(linear.weight, arrays.kernel.T))
                    elif depth < len(weights) - 1:
                        linear.weight.mul_(self.given.hidden_gain or 1.0)

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
        self._gain.fill_(spec.hidden_gain)
        self.settled = self._ready = True

    def _scale_hidden(self, factor: float) -> None:
        for level in list(_host.layers(self))[1:-1]:
            for linear in _parallel(level):
                with torch.no_grad():
                    linear.weight.mul_(factor)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        result = super().load_state_dict(*args, **kwargs)
        if not math.isnan(float(self._gain)):
            self.settled = self._ready = self._restored = True
        return result

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if not self._ready:
            raise self._uncalibrated()
        return super().forward(inputs)

    def to_numpy(self, session: Any = None) -> Weights:
        return [
            [
                layer.weights()
                if isinstance(layer, RepLinear)
                else Dense(_numpy(layer.weight).T, _numpy(layer.bias))
                for layer in _parallel(level)
            ]
            for level in _host.layers(self)
        ]


def _parallel(level: Any) -> Any:
    return level if isinstance(level, torch.nn.ModuleList) else [level]


def _like(tensor: torch.Tensor, values: Array) -> torch.Tensor:
    """The values with a tensor's type and on its device (which may have no float64)."""
    return torch.tensor(values, dtype=tensor.dtype, device=tensor.device)


def _numpy(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().numpy().astype(float)


@document
class RepFNN(_TorchRepNet, _host.FNN):
    pass


@document
class RepPFNN(_TorchRepNet, _host.PFNN):
    pass
