"""The networks on TensorFlow's version-1 graph mode (backend tensorflow.compat.v1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _host
from ..spec import Array, Box, RepSpec, is_sine
from ..theory.initialize import Dense, Weights, draw
from ._base import FourierNet, RepNet, read_first, settled
from ._doc import document
from ._keras import RepDense, first_layer, kernel_initializer, sine, tf
from ._operator import RepOperator


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
        self._tensors: dict[int, Any] = {}
        super().build()

    def _dense(self, inputs: Any, units: int, activation: Any = None, use_bias: bool = True) -> Any:
        assert self._spec is not None and self._spec.domain is not None
        depth = next(
            i for i, level in enumerate(self._layers) if len(level) < len(self._initial[i])
        )
        arrays = self._initial[depth][len(self._layers[depth])]
        if activation is not None and is_sine(self._spec.activation):
            activation = sine
        if not isinstance(arrays, Dense):
            layer = first_layer(
                self._spec,
                arrays,
                activation=activation,
                kernel_regularizer=self.regularizer,
                kernel_constraint=self.kernel_constraint,
            )
            layer.set(self._spec)
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

    def to_numpy(self, session: Any = None, *, levels: int | None = None) -> Weights:
        if session is None:
            raise ValueError("under tensorflow.compat.v1 give the model's session: model.sess.")

        # A tensor for each variable, once: every conversion adds to the graph.
        tensors = self.__dict__.setdefault("_tensors", {})

        def read(variable: Any) -> Array:
            if id(variable) not in tensors:
                tensors[id(variable)] = tf.convert_to_tensor(variable)
            return np.asarray(session.run(tensors[id(variable)]), dtype=float)

        return [
            [
                read_first(layer, read)
                if isinstance(layer, RepDense)
                else Dense(
                    read(layer.kernel),
                    read(layer.bias) if layer.use_bias else np.zeros(layer.kernel.shape[1]),
                )
                for layer in level
            ]
            for level in self._layers[:levels]
        ]


@document
class RepFNN(_CompatV1RepNet, _host.FNN):
    pass


@document
class RepPFNN(_CompatV1RepNet, _host.PFNN):
    pass


@document
class FourierFNN(FourierNet, _CompatV1RepNet, _host.FNN):
    pass


class _CompatV1Operator(RepOperator):
    """Built late, in ``build``, where both parts take their layers in turn from ``_dense``."""

    _spec: RepSpec | None = None
    _branch: RepSpec | None = None
    _part: RepSpec | None = None  # what is being built, None where it is not a RepNet

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.branch_given is not None and getattr(self, "stacked", False):
            raise ValueError(
                f"{type(self).__name__}: stacked=True makes the branch of stacked layers, none of "
                "which is a RepNet layer; leave branch_slope_scale out, or stacked."
            )
        spec = settled(self.given)
        self._branch = self._branch_spec(None)
        if spec is not None:
            self._spec = spec
            # The problem still has a say in a gain that was left open.
            self.settled = self.given.hidden_gain is not None and self._is_ready

    @property
    def _is_ready(self) -> bool:
        return self._spec is not None and (self.branch_given is None or self._branch is not None)

    @property
    def spec(self) -> RepSpec | None:
        return self._spec

    def calibrate(self, spec: RepSpec, branch_domain: Box | None = None) -> None:
        if self.built:
            raise RuntimeError(
                f"the graph of {type(self).__name__} is built already, for other inputs; apply the "
                "feature transform before Model.compile."
            )
        self._check_inputs(spec)
        self._branch = self._branch_spec(branch_domain)
        self._spec = spec
        self.settled = self._is_ready

    def _unsettle(self) -> None:
        self._spec = None
        self.settled = False

    def build(self) -> None:
        if not self._is_ready:
            raise self._uncalibrated()
        super().build()

    def build_trunk_net(self) -> Any:
        assert self._spec is not None
        seed = self._next_trunk().seed
        return self._built_from(replace(self._spec, seed=seed), super().build_trunk_net)

    def build_branch_net(self) -> Any:
        if self._branch is None:
            return super().build_branch_net()
        seed = self._next_branch().seed
        return self._built_from(replace(self._branch, seed=seed), super().build_branch_net)

    def _built_from(self, spec: RepSpec, build: Callable[[], Any]) -> Any:
        self._part, self._initial, self._depth = spec, draw(spec), 0
        try:
            return build()
        finally:
            self._part = None

    def _dense(
        self,
        inputs: Any,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        regularizer: Any = None,
        trainable: bool = True,
    ) -> Any:
        if self._part is None:
            return super()._dense(inputs, units, activation, use_bias, regularizer, trainable)
        depth, self._depth = self._depth, self._depth + 1
        arrays = self._initial[depth][0]
        layer: Any
        if not isinstance(arrays, Dense):
            layer = first_layer(
                self._part,
                arrays,
                activation=activation,
                kernel_regularizer=regularizer,
                trainable=trainable,
            )
            layer.set(self._part)
        else:
            layer = tf.keras.layers.Dense(
                units,
                activation=activation,
                use_bias=use_bias,
                kernel_initializer=kernel_initializer(self._part, depth, arrays.kernel),
                kernel_regularizer=regularizer,
                trainable=trainable,
            )
        outputs = layer(inputs)
        if regularizer:
            self.regularization_loss += tf.math.add_n(layer.losses)
        return outputs


@document
class RepDeepONet(_CompatV1Operator, _host.DeepONet):
    pass


@document
class RepDeepONetCartesianProd(_CompatV1Operator, _host.DeepONetCartesianProd):
    pass
