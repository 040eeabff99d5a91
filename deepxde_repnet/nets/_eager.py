"""What PyTorch and Paddle share: layers that exist from the start and are changed in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _host
from ..spec import DEFAULT_PARAMETERIZATION, Array, Box, FourierSpec, RepSpec
from ..theory.initialize import Dense, Fourier, Rep, Weights, draw_fourier, trained_waves
from ._base import RepNet, read_first


class EagerRepNet(RepNet):
    """Mixin of both; a backend adds its first layer and what it does to a tensor.

    Attributes:
        _rep_layer: The first layer, of arrays and a parameterization; ``set`` calibrates it.
        _fourier_layer: That of a FourierFNN, of arrays and whether they are trained.
        _tensor: A tensor with these values, in DeepXDE's float type.
        _numpy: The values of a tensor, in float64.
        _assign: Give a tensor these values, in place.
        _scale: Multiply a tensor by a number, in place.
        _kernel: The kernel of an ordinary layer, shape (inputs, outputs), not a copy.
        _sines_first: (n, f) -> the activation sin of the first n neurons and f of the others.
    """

    _rep_layer: type
    _fourier_layer: type
    # Of a FourierFNN, once they are known; the seed is another's after ``resume``.
    _frequencies: Any = None
    _seed: int = 0
    _waves: tuple[tuple[float, ...], ...] = ()  # of the specification
    _tensor: Callable[[Any], Any]
    _numpy: Callable[[Any], Array]
    _assign: Callable[[Any, Any], None]
    _scale: Callable[[Any, float], None]
    _kernel: Callable[[Any], Any]
    _sines_first: type
    activation: Any

    def _install(self, weights: Weights) -> None:
        # The hidden gain of a calibrated network, NaN before; it travels with the state dict.
        self.register_buffer("_gain", self._tensor(math.nan))
        # Share of the first layer's neurons that are sines; it must be known with the parameters.
        self.register_buffer("_sines", self._tensor(0.0))
        # Whether all later hidden layers are sines too: 1 or 0.
        self.register_buffer("_all_sines", self._tensor(0.0))
        levels = _host.layers(self)
        first = [self._first_layer(arrays) for arrays in weights[0]]
        if isinstance(levels[0], type(levels)):
            for j, layer in enumerate(first):
                levels[0][j] = layer
        else:
            levels[0] = first[0]
        for level, layers in zip(weights[1:], self._levels()[1:], strict=True):
            for arrays, layer in zip(level, layers, strict=True):
                if arrays.kernel is not None:
                    self._assign(self._kernel(layer), arrays.kernel)
        if callable(self.given.kernel_initializer):
            self._scale_hidden(self.given.hidden_gain or 1.0)

    def _first_layer(self, arrays: Any) -> Any:
        if isinstance(arrays, Fourier):
            assert isinstance(self.given, FourierSpec)
            return self._fourier_layer(arrays, self.given.trainable)
        # One that is left open can still lose its log-scales, in ``calibrate``.
        return self._rep_layer(arrays, self.given.parameterization or DEFAULT_PARAMETERIZATION)

    def _levels(self) -> list[list[Any]]:
        """The layers, level by level; parallel ones come in a container like that of the levels."""
        levels = _host.layers(self)
        return [list(level) if isinstance(level, type(levels)) else [level] for level in levels]

    def _scale_hidden(self, factor: float) -> None:
        for level in self._levels()[1:-1]:
            for layer in level:
                self._scale(layer.weight, factor)

    @property
    def spec(self) -> RepSpec | None:
        if not self._ready:
            return None
        first = self._levels()[0][0]
        center, half = self._numpy(first.center), self._numpy(first.half_width)
        domain = Box(tuple(center - half), tuple(center + half))
        spec = self.given.completed(
            domain,
            self._numpy(first.slope_scale),
            float(self._gain),
            dim=domain.dim,
            sines=float(self._sines),
            activation="sin" if float(self._all_sines) else None,
            parameterization=first.parameterization,
        )
        if isinstance(spec, FourierSpec) and self._frequencies is not None:
            return replace(spec, frequencies=self._frequencies, seed=self._seed)
        return replace(spec, waves=self._waves)

    def calibrate(self, spec: RepSpec) -> None:
        assert spec.domain is not None and spec.hidden_gain is not None
        if spec.dim != self.given.dim:
            raise ValueError(
                f"layer_sizes of {type(self).__name__} starts with {self.given.dim}, but there are "
                f"{spec.dim} inputs (features, where there is a feature transform); write "
                f"[{spec.dim}, ...]."
            )
        for layer in self._levels()[0]:
            layer.train_as(spec.parameterization)
            layer.set(spec.domain, np.array(spec.slope_scale))
            if isinstance(spec, FourierSpec):
                self._frequencies, self._seed = spec.frequencies, spec.seed
                self._assign(layer.direction, draw_fourier(spec).direction)
            elif spec.waves:
                self._take_waves(layer, spec)
        self._waves = spec.waves
        held = float(self._gain)
        if math.isnan(held):
            held = self.given.hidden_gain or 1.0
        self._scale_hidden(spec.hidden_gain / held)
        self._assign(self._gain, spec.hidden_gain)
        self._assign(self._sines, spec.sines or 0.0)
        self._assign(self._all_sines, float(spec.sines_in_place_of(self.given)))
        self._place_sines()
        self.settled = self._ready = True

    def _take_waves(self, layer: Any, spec: RepSpec) -> None:
        direction = np.array(self._numpy(layer.direction))
        direction[: len(spec.waves)] = trained_waves(spec)
        self._assign(layer.direction, direction)

    def _place_sines(self) -> None:
        """Give layers their sines, where these are due; otherwise they keep their activation."""
        n = replace(self.given, sines=float(self._sines)).n_sines
        held = self.activation
        held = held if isinstance(held, list) else [held] * len(self._levels())
        if n == 0 and not isinstance(held[0], self._sines_first):
            return
        own = [f.others if isinstance(f, self._sines_first) else f for f in held]
        everywhere = float(self._all_sines) > 0
        counts = self.given.layer_sizes[1:] if everywhere else [n, *[0] * (len(own) - 1)]
        self.activation = [
            self._sines_first(count, f) if count else f
            for count, f in zip(counts, own, strict=True)
        ]

    def _before_loading(self, names: Iterable[str]) -> None:
        """Hold the parameters of the first layer that is to be loaded, where that is open."""
        ends = {str(name).rpartition(".")[2] for name in names}
        if self.given.parameterization is None and "direction" in ends:
            for layer in self._levels()[0]:
                layer.train_as("log-scale" if "log_scale" in ends else "scaled")

    def _after_loading(self) -> None:
        self._place_sines()
        if not math.isnan(float(self._gain)):
            self.settled = self._ready = self._restored = True

    def forward(self, inputs: Any) -> Any:
        if not self._ready:
            raise self._uncalibrated()
        return super().forward(inputs)

    def to_numpy(self, session: Any = None, *, levels: int | None = None) -> Weights:
        return [
            [
                read_first(layer, self._numpy)
                if hasattr(layer, "direction")
                else Dense(self._numpy(self._kernel(layer)), self._numpy(layer.bias))
                for layer in level
            ]
            for level in self._levels()[:levels]
        ]


class FirstLayer:
    """Mixin of a backend's first layers: the box of the inputs and the slope scale, as buffers.

    They travel with the state dict and are never trained.

    Attributes:
        parameterization: As of ``RepSpec``.
        _tensor, _numpy, _assign: As of ``EagerRepNet``.
        _parameter: A trained tensor with these values.
    """

    parameterization: str
    _tensor: Callable[[Any], Any]
    _numpy: Callable[[Any], Array]
    _assign: Callable[[Any, Any], None]
    _parameter: Callable[[Any], Any]

    def _hold_box(self, d: int) -> None:
        """Buffers for d inputs, of the box [-1, 1]^d and a slope scale of 1."""
        for name, value in (("slope_scale", 1.0), ("center", 0.0), ("half_width", 1.0)):
            self.register_buffer(name, self._tensor(np.full(d, value)))

    def train_as(self, parameterization: str) -> None:
        """Gain or lose the log-scales; the function stays the same."""
        if parameterization == self.parameterization:
            return
        assert {parameterization, self.parameterization} == {"log-scale", "scaled"}
        self.parameterization = parameterization
        if parameterization == "log-scale":
            self.log_scale = self._parameter(np.zeros(len(self.shift)))
            return
        scale = np.exp(self._numpy(self.log_scale))[:, None]
        self._assign(self.direction, self._numpy(self.direction) * scale)
        del self.log_scale

    def set(self, domain: Box, slope_scale: Array) -> None:
        self._assign(self.slope_scale, slope_scale)
        self._assign(self.center, domain.center)
        self._assign(self.half_width, domain.half_width)


def set_weights(net: EagerRepNet, weights: Weights) -> None:
    """Set a network's parameters, in place; what ``to_numpy`` gives leaves it as it is."""
    for level, layers in zip(weights, net._levels(), strict=True):
        for arrays, layer in zip(level, layers, strict=True):
            if isinstance(arrays, Fourier):
                net._assign(layer.direction, arrays.direction)
            elif isinstance(arrays, Rep):
                shift = layer.parameterization == "shift"
                scale = net._numpy(layer.slope_scale) if shift else 1.0
                net._assign(layer.direction, arrays.direction * scale)
                net._assign(layer.shift, arrays.shift)
                if layer.parameterization == "log-scale":
                    net._assign(layer.log_scale, arrays.log_scale)
            else:
                net._assign(net._kernel(layer), arrays.kernel)
                net._assign(layer.bias, arrays.bias)
