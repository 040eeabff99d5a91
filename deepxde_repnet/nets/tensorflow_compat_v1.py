"""RepFNN and RepPFNN on TensorFlow's version-1 graph mode (backend tensorflow.compat.v1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _host
from ..spec import Array, RepSpec
from ..theory.initialize import Dense, Rep, Weights, draw
from ._base import RepNet, read_rep
from ._doc import document
from ._keras import RepDense, kernel_initializer, tf


class _CompatV1RepNet(RepNet):
    """DeepXDE builds these networks late, in ``build``, layer after layer through ``_dense``."""

    _spec: RepSpec | None = None

    def _install(self, weights: Weights) -> None:
        """Nothing yet: ``build`` draws, once the number of inputs and the gain are known."""

    @property
    def spec(self) -> RepSpec | None:
        return self._spec if self._ready else None

    def calibrate(self, spec: RepSpec) -> None:
        if self.built:
            raise RuntimeError(
                f"the graph of {type(self).__name__} is built already, for other inputs; apply the "
                "feature transform before Model.compile."
            )
        self._spec = spec
        self.settled = self._ready = True

    def build(self) -> None:
        if self._spec is None or not self._ready:
            raise self._uncalibrated()
        self._initial = draw(self._spec)
        self._layers: list[list[Any]] = [[] for _ in self._initial]
        super().build()

    def _dense(self, inputs: Any, units: int, activation: Any = None, use_bias: bool = True) -> Any:
        assert self._spec is not None and self._spec.domain is not None
        depth = next(
            i for i, level in enumerate(self._layers) if len(level) < len(self._initial[i])
        )
        arrays = self._initial[depth][len(self._layers[depth])]
        if isinstance(arrays, Rep):
            layer = RepDense(
                arrays,
                self.given.parameterization,
                activation=activation,
                kernel_regularizer=self.regularizer,
                kernel_constraint=self.kernel_constraint,
            )
            layer.set(self._spec.domain, np.asarray(self._spec.slope_scale))
        else:
            layer = tf.keras.layers.Dense(
                units,
                activation=activation,
                use_bias=use_bias,
                kernel_initializer=kernel_initializer(self._spec, depth, arrays.kernel),
                kernel_regularizer=self.regularizer,
                kernel_constraint=self.kernel_constraint,
            )
        self._layers[depth].append(layer)
        outputs = layer(inputs)
        if self.regularizer:
            self.regularization_loss += tf.math.add_n(layer.losses)
        return outputs

    def to_numpy(self, session: Any = None) -> Weights:
        if session is None:
            raise ValueError("under tensorflow.compat.v1 give the model's session: model.sess.")

        def read(variable: Any) -> Array:
            return np.asarray(session.run(tf.convert_to_tensor(variable)), dtype=float)

        return [
            [
                read_rep(layer, read)
                if isinstance(layer, RepDense)
                else Dense(
                    read(layer.kernel),
                    read(layer.bias) if layer.use_bias else np.zeros(layer.kernel.shape[1]),
                )
                for layer in level
            ]
            for level in self._layers
        ]


@document
class RepFNN(_CompatV1RepNet, _host.FNN):
    pass


@document
class RepPFNN(_CompatV1RepNet, _host.PFNN):
    pass
