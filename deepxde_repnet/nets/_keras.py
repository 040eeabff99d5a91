"""The RepNet layer as a Keras layer, for both TensorFlow backends."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _host
from ..spec import Array, FourierSpec, RepSpec, is_sine
from ..theory.initialize import Fourier, Rep, trained_waves

tf = _host.tf()


def _circle(z: Any) -> Any:
    """(sin z, cos z), each the derivative of the other.

    TensorFlow's own sine is evaluated anew in every derivative; here they are products of what is
    there.
    """
    values = tf.sin(z), tf.cos(z)

    @tf.custom_gradient
    def circle(z: Any) -> Any:
        def gradient(of_sine: Any, of_cosine: Any) -> Any:
            sine, cosine = circle(z)  # not the values, whose derivative is TensorFlow's
            return of_sine * cosine - of_cosine * sine

        return tuple(map(tf.identity, values)), gradient

    return circle(z)


def sine(z: Any) -> Any:
    """sin z, whose derivatives cost little."""
    return _circle(z)[0]


def activation(given: Any) -> Any:
    """The activation behind a name."""
    return sine if is_sine(given) else _host.activation(given)


class RepDense(tf.keras.layers.Layer):
    """First layer ``z = w·(x + c)`` on inputs normalised over a box, then the activation.

    The first ``n_sines`` neurons give sin z instead; ``set`` says how many they are.

    The box and the slope scale are weights that are not trained: they are saved with the others.
    """

    def __init__(
        self,
        weights: Any,
        parameterization: str | None,
        activation: Any = None,
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(trainable=trainable)
        self.parameterization = parameterization
        self.activation = activation
        self.kernel_regularizer = kernel_regularizer
        self.kernel_constraint = kernel_constraint
        d = weights.direction.shape[1]
        self.n_sines = 0
        self._constants = {
            "slope_scale": np.ones(d),
            "center": np.zeros(d),
            "half_width": np.ones(d),
        }
        self.draw(weights)

    def draw(self, weights: Any) -> None:
        """Set the initial arrays, before the layer is built."""
        self._trained = {"direction": weights.direction, "shift": weights.shift}
        if self.parameterization == "log-scale":
            self._trained["log_scale"] = np.zeros(len(weights.direction))

    def set(self, spec: RepSpec) -> None:
        """Set the box, the slope scale and the sines, before the layer is built or after.

        And the parameterization, which ``draw`` goes by, before.
        """
        assert spec.domain is not None
        domain, slope_scale = spec.domain, np.asarray(spec.slope_scale)
        self.n_sines = spec.n_sines
        if not self.built:
            self.parameterization = spec.parameterization
        ratio = slope_scale / self._constants["slope_scale"]
        self._constants = {
            "slope_scale": slope_scale,
            "center": domain.center,
            "half_width": domain.half_width,
        }
        if self.built:
            for name, value in self._constants.items():
                getattr(self, name).assign(value)
            if self.parameterization == "shift":
                self.direction.assign(self.direction * ratio)
            if spec.waves:
                waves = tf.cast(trained_waves(spec), self.direction.dtype)
                self.direction.assign(tf.concat([waves, self.direction[len(spec.waves) :]], axis=0))

    def build(self, input_shape: Any) -> None:
        inputs, expected = int(input_shape[-1]), self._trained["direction"].shape[1]
        if inputs != expected:
            raise ValueError(
                f"the first layer was prepared for {expected} inputs and receives {inputs}; "
                "layer_sizes must start with the number of the network's inputs."
            )
        for name, value in self._trained.items():
            options: dict[str, Any] = {}
            if name == "direction":
                options["regularizer"] = self.kernel_regularizer
                options["constraint"] = self.kernel_constraint
                if self.parameterization == "shift":
                    # The trained tensor is w = s v: its scale is in the parameter itself.
                    value = value * self._constants["slope_scale"]
            self._add(name, value, trainable=self.trainable, **options)
        for name, value in self._constants.items():
            self._add(name, value, trainable=False)
        super().build(input_shape)

    def _add(self, name: str, value: Array, trainable: bool, **options: Any) -> None:
        weight = self.add_weight(
            name=name,
            shape=value.shape,
            initializer=constant(value),
            trainable=trainable,
            **options,
        )
        setattr(self, name, weight)

    def call(self, x: Any, training: Any = None) -> Any:
        # The normalisation is folded into the (n, d) arrays: no extra work per point.
        if self.parameterization == "shift":
            slope = self.direction / self.half_width
        else:
            scale = self.slope_scale / self.half_width
            if self.parameterization == "log-scale":
                scale = tf.expand_dims(tf.exp(self.log_scale), 1) * scale
            slope = self.direction * scale
        offset = tf.reduce_sum(slope * (self.half_width * self.shift - self.center), axis=1)
        # Transposed here, where it is small, and not in every product of the gradient.
        z = tf.nn.bias_add(tf.matmul(x, tf.transpose(slope)), offset)
        if 0 < self.n_sines >= z.shape[-1]:
            return sine(z)
        others = z if self.n_sines == 0 else z[:, self.n_sines :]
        others = others if self.activation is None else self.activation(others)
        if self.n_sines == 0:
            return others
        return tf.concat([sine(z[:, : self.n_sines]), others], axis=1)


class FourierDense(RepDense):
    """First layer of a FourierFNN: cos w·(x - x_0) and then sin w·(x - x_0)."""

    def __init__(self, weights: Fourier, frequencies_trained: bool, **options: Any) -> None:
        self.frequencies_trained = frequencies_trained
        super().__init__(weights, "scaled", **options)

    def draw(self, weights: Any) -> None:
        self._trained = {"direction": weights.direction}

    def _add(self, name: str, value: Array, trainable: bool, **options: Any) -> None:
        trained = trainable and self.frequencies_trained
        super()._add(name, value, trainable=trained, **options)

    def call(self, x: Any, training: Any = None) -> Any:
        slope = self.direction * (self.slope_scale / self.half_width)
        offset = -tf.reduce_sum(slope * self.center, axis=1)
        z = tf.nn.bias_add(tf.matmul(x, tf.transpose(slope)), offset)
        sine, cosine = _circle(z)
        return tf.concat([cosine, sine], axis=1)


def first_layer(spec: RepSpec, arrays: Rep | Fourier, **options: Any) -> RepDense:
    """The Keras layer of a network's first arrays."""
    if isinstance(arrays, Fourier):
        assert isinstance(spec, FourierSpec)
        return FourierDense(arrays, spec.trainable, **options)
    return RepDense(arrays, spec.parameterization, **options)


def constant(value: Array) -> Any:
    """An initializer that gives these values."""

    def initialize(shape: Any, dtype: Any = None, **_: Any) -> Any:
        return tf.constant(value, dtype=dtype or _host.real())

    return initialize


def kernel_initializer(spec: RepSpec, depth: int, kernel: Array | None) -> Any:
    """Initializer of an ordinary layer: our own draw, or the user's function and the hidden gain.

    Args:
        depth: Level of the layer in the network; the last is the output, which has no gain.
        kernel: As drawn; None where the user's function draws it.
    """
    if kernel is not None:
        return constant(kernel)
    if depth == len(spec.fans) - 1:
        return spec.kernel_initializer

    def initialize(shape: Any, dtype: Any = None, **_: Any) -> Any:
        return spec.hidden_gain * spec.kernel_initializer(shape, dtype=dtype)

    return initialize
