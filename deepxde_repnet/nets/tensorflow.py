"""The networks on TensorFlow 2."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _host
from ..spec import Array, Box, RepSpec
from ..theory.initialize import Dense, Weights, draw
from ._base import FourierNet, RepNet, read_first
from ._doc import document
from ._keras import RepDense, activation, first_layer, kernel_initializer, tf
from ._operator import OperatorOfNets


class _TensorFlowRepNet(RepNet):
    _spec: RepSpec | None = None

    def _install(self, weights: Weights) -> None:
        denses = _host.layers(self)
        # Keras tracks a list's elements only where they are inserted, not where they are replaced.
        ordinary = _parallel(denses.pop(0))
        first = [
            first_layer(
                self.given,
                arrays,
                activation=dense.activation,
                kernel_regularizer=dense.kernel_regularizer,
            )
            for arrays, dense in zip(weights[0], ordinary, strict=True)
            if not isinstance(arrays, Dense)
        ]
        parallel = isinstance(self.given.layer_sizes[1], tuple)
        if parallel:
            for dense in ordinary:
                self._tracker.untrack(dense)
        denses.insert(0, first if parallel else first[0])

    def _levels(self) -> list[list[Any]]:
        return [
            _parallel(level)
            for level in _host.layers(self)
            if not isinstance(level, tf.keras.layers.Dropout)
        ]

    def _set_kernels(self, spec: RepSpec, weights: Weights) -> None:
        for depth, level in enumerate(self._levels()[1:], start=1):
            for dense, arrays in zip(level, weights[depth], strict=True):
                dense.kernel_initializer = kernel_initializer(spec, depth, arrays.kernel)

    @property
    def spec(self) -> RepSpec | None:
        if self._spec is None or not self._ready:
            return None
        first = self._levels()[0][0]
        if not first.built:
            return self._spec
        center, half = _numpy(first.center), _numpy(first.half_width)
        domain = Box(tuple(center - half), tuple(center + half))
        scale = _numpy(first.slope_scale)
        return replace(self._spec, domain=domain, slope_scale=tuple(scale))

    def calibrate(self, spec: RepSpec) -> None:
        assert spec.domain is not None and spec.hidden_gain is not None
        levels = self._levels()
        weights = draw(spec)
        if isinstance(self.given.activation, str) and self.given.takes_sines:
            for dense in itertools.chain(*levels[1:-1]):
                dense.activation = activation(spec.activation)
        for layer, arrays in zip(levels[0], weights[0], strict=True):
            layer.set(spec)
            if not layer.built:
                layer.draw(arrays)
        if not levels[0][0].built:
            self._set_kernels(spec, weights)
        else:
            assert self._spec is not None and self._spec.hidden_gain is not None
            factor = spec.hidden_gain / self._spec.hidden_gain
            for level in levels[1:-1]:
                for dense in level:
                    dense.kernel.assign(dense.kernel * factor)
        # The variables of a layer that is built stay what they are.
        self._spec = replace(spec, parameterization=levels[0][0].parameterization)
        self.settled = self._ready = True

    def _build_layers(self) -> None:
        """Create the variables, which Keras otherwise does in the first call."""
        if not self._ready:
            raise self._uncalibrated()
        assert self._spec is not None
        for level, fans in zip(self._levels(), self._spec.fans, strict=True):
            for layer, (n_in, _) in zip(level, fans, strict=True):
                if not layer.built:
                    layer.build((None, n_in))

    def load_weights(self, *args: Any, **kwargs: Any) -> Any:
        self._build_layers()
        self.built = True  # Keras refuses a network that has not been called, although all is there
        return super().load_weights(*args, **kwargs)

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not self._ready:
            raise self._uncalibrated()
        return super().call(inputs, training=training)

    def to_numpy(self, session: Any = None, *, levels: int | None = None) -> Weights:
        self._build_layers()
        return [
            [
                read_first(layer, _numpy)
                if isinstance(layer, RepDense)
                else Dense(_numpy(layer.kernel), _numpy(layer.bias))
                for layer in level
            ]
            for level in self._levels()[:levels]
        ]


def _parallel(level: Any) -> list[Any]:
    return list(level) if isinstance(level, (list, tuple)) else [level]


def _numpy(variable: Any) -> Array:
    return np.asarray(variable, dtype=float)


@document
class RepFNN(_TensorFlowRepNet, _host.FNN):
    pass


@document
class RepPFNN(_TensorFlowRepNet, _host.PFNN):
    pass


@document
class FourierFNN(FourierNet, _TensorFlowRepNet, _host.FNN):
    pass


class _TensorFlowOperator(OperatorOfNets):
    _network = RepFNN

    def __init__(self, layer_sizes_branch: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(layer_sizes_branch, *args, **kwargs)
        self._branch_inputs = int(layer_sizes_branch[0])

    def _network_options(self) -> dict[str, Any]:
        return {"regularization": self.regularization}

    def _build_layers(self) -> None:
        """Create the variables, which Keras otherwise does in the first call."""
        functions = np.zeros((1, self._branch_inputs), _host.real(np))
        self((functions, np.zeros((1, self.given.dim), _host.real(np))))

    def load_weights(self, *args: Any, **kwargs: Any) -> Any:
        self._build_layers()
        return super().load_weights(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Before Keras tries out ``call``, of which it would tell in a warning.
        self._check_ready()
        return super().__call__(*args, **kwargs)


@document
class RepDeepONet(_TensorFlowOperator, _host.DeepONet):
    pass


@document
class RepDeepONetCartesianProd(_TensorFlowOperator, _host.DeepONetCartesianProd):
    pass
