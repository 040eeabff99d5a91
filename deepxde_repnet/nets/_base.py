"""What all RepNets share, whatever the backend: decided here in plain Python, executed there."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _host
from ..spec import Array, Box, FourierSpec, RepSpec, slope_scale_from_wavenumber
from ..theory import frequencies as distributions
from ..theory.gain import slope_preserving_gain
from ..theory.initialize import Fourier, Rep, Weights, draw, draw_wavenumbers


def make_spec(
    layer_sizes: Any,
    activation: Any,
    kernel_initializer: Any,
    *,
    domain: Any = None,
    wavenumber: Any = None,
    slope_scale: Any = None,
    hidden_gain: float | None = None,
    parameterization: str | None = None,
    seed: int | None = None,
    sines: float | None = None,
) -> RepSpec:
    """The specification behind the arguments of a network, validated.

    Args:
        domain: A ``dde.geometry`` object, a ``GeometryXTime``, ``(lower, upper)`` or None.
        seed: None draws one from NumPy's global state, which ``dde.config.set_random_seed`` sets.
        hidden_gain: None has it chosen with the slope scale.
        parameterization: None has it chosen with the sines.
        sines: None has them chosen with the gain.

    Raises:
        ValueError, TypeError: See ``RepSpec``.
    """
    if seed is None:
        seed = int(np.random.randint(2**31 - 1))
    return RepSpec(
        layer_sizes=layer_sizes,
        activation=activation,
        kernel_initializer=kernel_initializer,
        domain=_box(domain),
        wavenumber=wavenumber,
        slope_scale=slope_scale,
        hidden_gain=hidden_gain,
        parameterization=parameterization,
        seed=seed,
        sines=sines,
    )


def make_fourier_spec(
    layer_sizes: Any,
    activation: Any,
    kernel_initializer: Any,
    *,
    frequencies: Any = None,
    trainable: bool = True,
    domain: Any = None,
    seed: int | None = None,
) -> FourierSpec:
    """The specification behind the arguments of a FourierFNN, validated.

    Raises:
        ValueError, TypeError: See ``FourierSpec`` and ``theory.frequencies.parse``.
    """
    if seed is None:
        seed = int(np.random.randint(2**31 - 1))
    spec = FourierSpec(
        layer_sizes=layer_sizes,
        activation=activation,
        kernel_initializer=kernel_initializer,
        domain=_box(domain),
        seed=seed,
        frequencies=frequencies,
        trainable=trainable,
    )
    if isinstance(frequencies, str) and frequencies != "operator":
        raise ValueError(
            f'frequencies={frequencies!r} is not known; the one name is "operator", of the '
            "equation; otherwise give a distribution of deepxde_repnet.frequencies."
        )
    if frequencies is None or isinstance(frequencies, str):
        return spec
    return replace(spec, frequencies=distributions.parse(frequencies, spec.dim))


def keywords(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The keyword-only parameters of a function."""
    parameters = inspect.signature(function).parameters.values()
    return [p for p in parameters if p.kind is p.KEYWORD_ONLY]


def completed_fourier(given: FourierSpec, domain: Box, joint: distributions.Joint) -> FourierSpec:
    """The complete specification, for a layer whose inputs have this box.

    The scale of the trained tensor is the root mean square of the wavenumbers that are drawn.
    """
    width = given.layer_sizes[1]
    assert isinstance(width, int)
    w = draw_wavenumbers(given, width // 2, joint) * domain.half_width
    scale = np.sqrt((w**2).mean(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    spec = given.completed(domain, scale, 1.0, dim=domain.dim)
    assert isinstance(spec, FourierSpec)
    return replace(spec, frequencies=joint)


def _box(domain: Any) -> Box | None:
    if domain is None or isinstance(domain, Box):
        return domain
    bounds = _host.bounding_box(domain)
    if bounds is None:
        try:
            lower, upper = domain
        except (TypeError, ValueError):
            raise ValueError(
                f"domain={domain!r} is not understood; give a dde.geometry object, a "
                "dde.geometry.GeometryXTime, or (lower, upper) with one number per input in each."
            ) from None
        bounds = (lower, upper)
    return Box(*bounds)


def settled(given: RepSpec) -> RepSpec | None:
    """The complete specification where the user gave both domain and scale, else None."""
    if given.domain is None:
        return None
    if isinstance(given, FourierSpec):
        open_ = given.frequencies is None or isinstance(given.frequencies, str)
        return None if open_ else completed_fourier(given, given.domain, given.frequencies)
    if given.slope_scale is not None:
        scale = np.array(given.slope_scale)
    elif given.wavenumber is not None:
        scale = slope_scale_from_wavenumber(given.wavenumber, given.domain.half_width)
    else:
        return None
    gain = given.hidden_gain or (1.0 if given.sines else slope_preserving_gain(given, scale))
    return given.completed(given.domain, scale, gain)


def leaves_open(given: RepSpec) -> bool:
    """Whether the problem has a say beside domain and slope scale."""
    if isinstance(given, FourierSpec):
        return False
    return given.hidden_gain is None or (given.sines is None and given.takes_sines)


def read_first(layer: Any, read: Callable[[Any], Array]) -> Rep | Fourier:
    """The parameters of a backend's first layer; ``read`` gives a tensor's values in float64."""
    direction = read(layer.direction)
    if not hasattr(layer, "shift"):
        return Fourier(direction)
    if layer.parameterization == "shift":
        direction = direction / read(layer.slope_scale)
    trained = layer.parameterization == "log-scale"
    log_scale = read(layer.log_scale) if trained else np.zeros(len(direction))
    return Rep(direction, read(layer.shift), log_scale)


class RepNet:
    """Mixin of every RepFNN and RepPFNN; it comes before DeepXDE's class in the bases.

    Attributes:
        given: The specification as the user gave it.
        settled: Whether nothing is left for ``Model.compile`` to work out.
    """

    given: RepSpec
    settled: bool = False
    _make_spec = staticmethod(make_spec)  # its keyword-only arguments are those of the network
    _enough = "slope scale", "wavenumber"  # what it needs beside the domain: in words, as an option
    _ready: bool = False  # whether the first layer's box is that of its inputs
    _restored: bool = False  # whether that box was read from a file

    def __init__(
        self,
        layer_sizes: Any,
        activation: Any,
        kernel_initializer: Any,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        names = [parameter.name for parameter in keywords(self._make_spec)]
        own = {name: kwargs.pop(name) for name in names if name in kwargs}
        given = self._make_spec(layer_sizes, activation, kernel_initializer, **own)
        # The kernels behind a name are our own draw, also where DeepXDE does not know the name.
        host_initializer = (
            "Glorot uniform" if isinstance(kernel_initializer, str) else kernel_initializer
        )
        super().__init__(layer_sizes, activation, host_initializer, *args, **kwargs)
        self.given = given
        self._install(draw(given))
        spec = settled(given)
        if spec is not None:
            self.calibrate(spec)
            # The problem still has a say in a gain that was left open, and so in the sines.
            self.settled = not leaves_open(given)

    def _install(self, weights: Weights) -> None:
        """Put the initial weights into the layers that DeepXDE's class has made."""
        raise NotImplementedError

    @property
    def spec(self) -> RepSpec | None:
        """The complete specification, or None until the network is calibrated.

        That is at once where domain and scale were given, otherwise in ``Model.compile``.
        """
        raise NotImplementedError

    def calibrate(self, spec: RepSpec) -> None:
        """Set the first layer's domain, slope scale and sines and the hidden gain, before training.

        Everything is changed in place: parameter objects that an optimizer holds stay the same.

        Args:
            spec: A complete specification, from ``given.completed``. Its domain is the box of the
                layer's inputs: of the coordinates, or of the features where there is a feature
                transform; ``spec.dim`` is their number.
        """
        raise NotImplementedError

    def apply_feature_transform(self, transform: Any) -> None:
        """As in DeepXDE; the first layer's box must then be that of the features."""
        super().apply_feature_transform(transform)  # type: ignore[misc]
        if not self._restored:
            self.settled = self._ready = False

    def to_numpy(self, session: Any = None, *, levels: int | None = None) -> Weights:
        """The current parameters as NumPy arrays in float64.

        Args:
            session: Under tensorflow.compat.v1 the model's session (``model.sess``).
            levels: How many levels to read, from the first; None reads all.
        """
        raise NotImplementedError

    def _uncalibrated(self) -> RuntimeError:
        name = type(self).__name__
        options = self._enough
        if _host.input_transform(self) is not None:
            return RuntimeError(
                f"{name} does not know the range of its features yet (a domain that is given is "
                "that of the coordinates). It is worked out by "
                "dde.Model(data, net).compile(...); call that first."
            )
        return RuntimeError(
            f"{name} does not know its domain and {options[0]} yet. They are worked out by "
            "dde.Model(data, net).compile(...); to use the network before or without that, give "
            f"{name}(..., domain=(lower, upper), {options[1]}=...)."
        )


class FourierNet(RepNet):
    """Mixin of every FourierFNN; it comes before DeepXDE's class in the bases."""

    _make_spec = staticmethod(make_fourier_spec)
    _enough = "frequencies", "frequencies"
