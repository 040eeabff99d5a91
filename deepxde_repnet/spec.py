"""What a RepNet is, in plain Python: its sizes, domain, slope scale and parameterization.

Everything a user may pass is validated here, once for all backends, before any framework sees it.
"""

from __future__ import annotations

import contextlib
import math
import numbers
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Level = int | tuple[int, ...]

ACTIVATIONS = ("elu", "gelu", "relu", "selu", "sigmoid", "silu", "sin", "swish", "tanh")
INITIALIZERS = (
    "Glorot normal",
    "Glorot uniform",
    "He normal",
    "He uniform",
    "LeCun normal",
    "LeCun uniform",
    "Orthogonal",
    "zeros",
)
PARAMETERIZATIONS = ("shift", "scaled", "log-scale")

#: A ridge of slope s has a transition 2/s wide; a wave of wavenumber k (radians per normalised
#: unit) is resolved at about s = 0.4 k. Measured; see the documentation page "Choosing the scale".
SLOPE_PER_WAVENUMBER = 0.4

#: The same where the wavenumber is that of targets alone, without an equation: a source term
#: weights the solution's high frequencies by its order and targets do not. Measured.
SLOPE_PER_TARGET_WAVENUMBER = 0.8

#: The same of sines where an equation is trained; what trains best is flatter than what resolves.
#: Measured.
SLOPE_OF_TRAINED_SINES = 0.2

#: Of other activations where an equation is trained: that of an equation of first order; that of
#: slow waves; and what must be given from about two waves over the domain on. Measured.
FLATTEST_SLOPE, SLOPE_OF_SLOW_WAVES = 0.2, 0.05
FAST_WAVES, SLOPE_OF_FAST_WAVES = 2 * math.pi, 0.4

DEFAULT_PARAMETERIZATION = "log-scale"

#: The same where all hidden layers give sines because the equation has free waves: the slopes are
#: near from the start, and Adam moves them twice in a step where their scale is trained too.
#: Measured.
PARAMETERIZATION_OF_WAVES = "scaled"

# Shortest side of a box relative to its distance from zero: some six digits of a point are left.
_NARROWEST = 1e-10


@dataclass(frozen=True)
class Box:
    """The axis-parallel box that is mapped to [-1, 1]^d, in the units of the coordinates.

    Args:
        lower: Lower corner, one number per axis (a single number for one axis).
        upper: Upper corner, likewise.

    Raises:
        ValueError: If the corners differ in length, are not finite, lower >= upper anywhere, or
            a side is too short for float64 to tell points apart so far from zero.
    """

    lower: Sequence[float]
    upper: Sequence[float]

    def __post_init__(self) -> None:
        lower, upper = _numbers("domain", self.lower), _numbers("domain", self.upper)
        if len(lower) != len(upper):
            raise ValueError(
                f"domain has a lower corner of {len(lower)} numbers and an upper corner of "
                f"{len(upper)}; write domain=(lower, upper) with one number per input in each."
            )
        for axis, (a, b) in enumerate(zip(lower, upper, strict=True)):
            if not (math.isfinite(a) and math.isfinite(b)):
                raise ValueError(
                    f"domain has the bounds ({a}, {b}) on axis {axis}; the inputs are scaled by "
                    "them, so both must be finite. Write the part where the solution is wanted."
                )
            if not a < b:
                raise ValueError(
                    f"domain has lower = {a} and upper = {b} on axis {axis}; lower must be less "
                    "than upper. Write domain=(lower, upper)."
                )
            if not _NARROWEST * max(abs(a), abs(b)) < b - a < math.inf or math.isinf(a + b):
                raise ValueError(
                    f"domain has lower = {a} and upper = {b} on axis {axis}, whose difference "
                    "cannot be resolved in float64, or is beyond it. Shift or scale the coordinate "
                    "so that its range is comparable with its values."
                )
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @property
    def dim(self) -> int:
        """Number of axes d."""
        return len(self.lower)

    @property
    def center(self) -> Array:
        """Midpoint, shape (d,)."""
        return np.asarray((np.array(self.lower) + np.array(self.upper)) / 2)

    @property
    def half_width(self) -> Array:
        """Half of each side, shape (d,)."""
        return np.asarray((np.array(self.upper) - np.array(self.lower)) / 2)

    def normalise(self, x: Array) -> Array:
        """Map points (N, d) so that the box becomes [-1, 1]^d."""
        return (x - self.center) / self.half_width

    def __str__(self) -> str:
        return " x ".join(
            f"[{a:.4g}, {b:.4g}]" for a, b in zip(self.lower, self.upper, strict=True)
        )


@dataclass(frozen=True)
class RepSpec:
    """Specification of a RepNet, independent of any framework.

    The first hidden layer is ``z_i = sum_j w_ij (x_j + c_ij)`` on inputs x normalised to
    ``[-1, 1]^d`` over ``domain``, with ``w_ij ~ N(0, s_j^2)`` and ``c_ij ~ U(-1, 1)``; the idea is
    RepNet's (Wang, Zhou and Meng, arXiv 2606.16575). Later layers are ordinary.

    Args:
        layer_sizes: As for ``dde.nn.FNN`` (``[2, 64, 64, 1]``) or ``dde.nn.PFNN`` (nested lists).
        activation: Name, callable, or a list with one for each layer after the input.
        kernel_initializer: Name or callable; draws the kernels of the layers after the first.
        domain: Box of the problem's coordinates, or None while it is not known.
        wavenumber: Radians per unit of each coordinate, a number or one per axis, or None.
        slope_scale: s_j in normalised units, a number or one per axis, or None.
        hidden_gain: Factor g on the hidden kernels (not on the first layer nor the output), or None
            while it is not known.
        parameterization: "shift" (w and c train), "scaled" (w = s v, v trains) or "log-scale"
            (w_i = s exp(a_i) v_i, a_i and v_i train); None while it is not known.
        seed: Seed of the initial draw; the same spec and seed is the same function everywhere.
        sines: Share of the first layer's neurons, the first ones, that give sin z in place of the
            activation of z, or None while it is not known.
        waves: Slopes w_i of as many of these neurons, the first ones, in normalised units, shape
            (m, d), where they are taken from the targets (``theory.waves``) and not drawn.

    Raises:
        ValueError, TypeError: If an argument makes no sense; the message says what to write.
    """

    layer_sizes: tuple[Level, ...]
    activation: Any = "tanh"
    kernel_initializer: Any = "Glorot uniform"
    domain: Box | None = None
    wavenumber: tuple[float, ...] | None = None
    slope_scale: tuple[float, ...] | None = None
    hidden_gain: float | None = None
    parameterization: str | None = None
    seed: int = 0
    sines: float | None = None
    waves: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        sizes = _layer_sizes(self.layer_sizes)
        dim = sizes[0]
        assert isinstance(dim, int)
        _check_activation(self.activation, len(sizes) - 1)
        _check_initializer(self.kernel_initializer)
        if self.wavenumber is not None and self.slope_scale is not None:
            raise ValueError(
                f"both wavenumber={_plain(self.wavenumber)} and slope_scale="
                f"{_plain(self.slope_scale)} are given, and each determines the other; "
                "keep one of them."
            )
        if self.domain is not None and self.domain.dim != dim:
            raise ValueError(
                f"domain has {self.domain.dim} axes but the network has {dim} inputs; give one "
                "pair of bounds per input. With a feature transform that changes the number of "
                "inputs leave domain out: it is then taken from the problem."
            )
        object.__setattr__(self, "layer_sizes", sizes)
        object.__setattr__(self, "wavenumber", _per_axis("wavenumber", self.wavenumber, dim))
        object.__setattr__(self, "slope_scale", _per_axis("slope_scale", self.slope_scale, dim))
        if self.hidden_gain is not None:
            object.__setattr__(self, "hidden_gain", _positive("hidden_gain", self.hidden_gain))
        chosen = self.parameterization
        if chosen is not None and not (isinstance(chosen, str) and chosen in PARAMETERIZATIONS):
            raise ValueError(
                f"parameterization={self.parameterization!r} is not known; write one of "
                f"{', '.join(map(repr, PARAMETERIZATIONS))}."
            )
        if not is_integer(self.seed) or self.seed < 0:
            raise ValueError(f"seed={self.seed!r} must be a non-negative integer or None.")
        object.__setattr__(self, "seed", int(self.seed))
        if self.sines is not None:
            object.__setattr__(self, "sines", _share(self.sines))
            if self.sines > 0 and not self.takes_sines:
                raise ValueError(
                    f"sines={self.sines:g} cannot go with activation={self.activation!r} and "
                    f"layer_sizes={_as_lists(sizes)}: an activation with parameters (LAAF) and "
                    "parallel sub-networks serve all neurons of a layer alike. Leave sines out."
                )

    @property
    def scale_open(self) -> bool:
        """Whether nothing says yet how fast the solution oscillates."""
        return self.wavenumber is None and self.slope_scale is None

    @property
    def takes_sines(self) -> bool:
        """Whether neurons of the first layer can have a sine in place of their activation."""
        listed = isinstance(self.activation, (list, tuple))
        first = self.activation[0] if listed else self.activation
        laaf = isinstance(first, str) and first.startswith("LAAF")
        return not laaf and not any(isinstance(level, tuple) for level in self.layer_sizes)

    @property
    def n_sines(self) -> int:
        """Number of neurons of the first layer that give sin z; 0 while it is not known."""
        width = self.layer_sizes[1]
        return round(self.sines * width) if self.sines and isinstance(width, int) else 0

    @property
    def dim(self) -> int:
        """Number d of inputs of the first layer."""
        return int(self.layer_sizes[0])  # type: ignore[arg-type]

    def completed(
        self,
        domain: Box,
        slope_scale: Iterable[float],
        hidden_gain: float,
        *,
        dim: int | None = None,
        sines: float = 0.0,
        activation: str | None = None,
        parameterization: str | None = None,
    ) -> RepSpec:
        """The same network with a known first layer, for ``dim`` inputs, and a known gain.

        ``sines`` and ``parameterization`` (None is the default) hold where this specification
        leaves them open; ``activation``, unless it is None, in place of its own.
        """
        sizes = self.layer_sizes if dim is None else (dim, *self.layer_sizes[1:])
        return replace(
            self,
            layer_sizes=sizes,
            domain=domain,
            wavenumber=None,
            slope_scale=tuple(float(s) for s in slope_scale),
            hidden_gain=hidden_gain,
            sines=sines if self.sines is None else self.sines,
            activation=self.activation if activation is None else activation,
            parameterization=self.parameterization or parameterization or DEFAULT_PARAMETERIZATION,
        )

    def sines_in_place_of(self, given: RepSpec) -> bool:
        """Whether all hidden layers give sines here, and had another activation as given."""
        return bool(self.activation != given.activation)

    @property
    def fans(self) -> list[list[tuple[int, int]]]:
        """(inputs, outputs) of each layer, level by level; a level of several is parallel."""
        levels: list[list[tuple[int, int]]] = []
        previous: Level = self.dim
        for i, size in enumerate(self.layer_sizes[1:], start=1):
            last = i == len(self.layer_sizes) - 1
            if isinstance(size, tuple):
                sources = previous if isinstance(previous, tuple) else (previous,) * len(size)
                levels.append(list(zip(sources, size, strict=True)))
            elif isinstance(previous, tuple) and last:
                levels.append([(n, 1) for n in previous])
            else:
                n = sum(previous) if isinstance(previous, tuple) else previous
                levels.append([(n, size)])
            previous = size
        return levels


@dataclass(frozen=True)
class FourierSpec(RepSpec):
    """Specification of a network whose first layer is cos w·x and sin w·x, w drawn from ρ.

    ``layer_sizes[1]`` features are half as many pairs: ``cos(w_i·(x - x_0))`` of all, then
    ``sin(w_i·(x - x_0))``, x_0 the centre of the domain. In a ``RepSpec``'s terms all neurons are
    sines, with the phase π/2 in the first half, the parameterization is "scaled" with the root mean
    square of the drawn w for scale, and the hidden gain is 1.

    Args:
        frequencies: Distribution of w (``theory.frequencies``), "operator", or None while it is not
            known.
        trainable: Whether w is trained.

    Raises:
        ValueError: If ``layer_sizes[1]`` is odd or a list; otherwise as ``RepSpec``.
    """

    parameterization: str | None = "scaled"
    frequencies: Any = None
    trainable: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        width = self.layer_sizes[1]
        if any(isinstance(level, tuple) for level in self.layer_sizes):
            raise ValueError(
                f"layer_sizes={_as_lists(self.layer_sizes)} has parallel sub-networks; a "
                "FourierFNN has one network: [inputs, features, hidden, ..., outputs]."
            )
        assert isinstance(width, int)
        if width % 2:
            raise ValueError(
                f"layer_sizes={list(self.layer_sizes)} has {width} features after the input; they "
                f"come in pairs of cos and sin, so write an even number, such as {width + 1}."
            )
        if not isinstance(self.trainable, bool):
            raise ValueError(f"trainable={self.trainable!r} must be True or False.")

    @property
    def takes_sines(self) -> bool:
        return False

    @property
    def n_sines(self) -> int:
        width = self.layer_sizes[1]
        assert isinstance(width, int)
        return width


def slope_scale_from_wavenumber(
    wavenumber: Array | Sequence[float],
    half_width: Array,
    slope_per_wavenumber: float = SLOPE_PER_WAVENUMBER,
) -> Array:
    """Slope scale s_j = 0.4 k_j (upper_j - lower_j)/2 that resolves wavenumbers k_j.

    Args:
        wavenumber: k_j in radians per unit of the coordinate, shape (d,).
        half_width: Half widths of the domain in the same unit, shape (d,).
        slope_per_wavenumber: The factor, 0.4 unless the wavenumber is that of targets alone.

    Returns:
        Normalised slope scale, shape (d,). Derived and measured for this project.
    """
    return slope_per_wavenumber * np.asarray(wavenumber, dtype=float) * half_width


def gentle_slope_scale(wavenumber: Array, order: int) -> Array:
    """The flattest slope scale from which an equation's solution is found by training.

    A network that starts flat finds waves up to about two over the domain by itself, and an
    equation punishes every slope that its solution does not have; of faster waves it must be given
    what resolves them. ``s_j = max(0.2/q, 0.05 k_j, 0.4 (k_j - 2π))``, measured for
    this project (documentation page "Choosing the scale").

    Args:
        wavenumber: k_j in radians per normalised unit, shape (d,); 0 where it is not known.
        order: Highest derivative q in the equation.
    """
    k = np.asarray(wavenumber, dtype=float)
    fast = SLOPE_OF_FAST_WAVES * (k - FAST_WAVES)
    slow = np.maximum(SLOPE_OF_SLOW_WAVES * k, FLATTEST_SLOPE / max(order, 1))
    return np.maximum(slow, fast)


def _plain(values: Any) -> Any:
    return values[0] if isinstance(values, tuple) and len(values) == 1 else values


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    message = f"{name}={values!r} must be a number or a sequence of numbers."
    try:
        array = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(message) from None
    if array.ndim != 1 or array.size == 0:
        raise ValueError(message)
    return tuple(float(v) for v in array)


def _per_axis(name: str, values: Any, dim: int) -> tuple[float, ...] | None:
    if values is None:
        return None
    result = _numbers(name, values)
    for value in result:
        if not (math.isfinite(value) and value > 0):
            raise ValueError(
                f"{name}={_plain(values)!r} must be positive and finite; leave it out to have it "
                "worked out from the problem."
            )
    if len(result) == 1:
        return result * dim
    if len(result) != dim:
        raise ValueError(
            f"{name} has {len(result)} values but the network has {dim} inputs; give one number "
            "for all or one per input."
        )
    return result


def is_sine(activation: Any) -> bool:
    """Whether an activation is the sine, by its name."""
    return isinstance(activation, str) and activation.lower() == "sin"


def is_integer(value: Any) -> bool:
    """Whether it is a whole number by its type, Python's or NumPy's, and no truth value."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a real number by its type, and no truth value."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def as_float(value: Any) -> float:
    """A real number as a float, which is infinite if it is too large; NaN for anything else."""
    if not is_number(value):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def as_count(name: str, value: Any, least: int = 1) -> int:
    """An integer that is not below the least.

    Raises:
        ValueError: If it is none.
    """
    if not is_integer(value) or value < least:
        kind = {0: "a non-negative integer", 1: "a positive integer"}
        raise ValueError(f"{name}={value!r} must be {kind.get(least, f'an integer >= {least}')}.")
    if value > sys.maxsize:
        raise ValueError(
            f"{name} has {len(str(value))} digits, more than an array can have entries."
        )
    return int(value)


def as_verbosity(value: Any) -> int:
    """What ``verbose`` says: 0 is silent.

    Raises:
        ValueError: If it is no integer.
    """
    if not isinstance(value, (numbers.Integral, np.bool_)):
        raise ValueError(f"verbose={value!r} must be 0 (silent) or 1.")
    return int(value)


def as_array(name: str, values: Any) -> Array:
    """Real numbers as an array of floats; NaN and infinity may be among them.

    Raises:
        ValueError: If they are no array of real numbers.
    """
    return np.asarray(_as(np.float64, "biufO", name, values))


def as_complex(name: str, values: Any) -> NDArray[np.complex128]:
    """The same of complex numbers."""
    return np.asarray(_as(np.complex128, "biufcO", name, values))


def _as(kind: Any, from_kinds: str, name: str, values: Any) -> Any:
    # RuntimeError is that of a tensor which is differentiated.
    with contextlib.suppress(TypeError, ValueError, OverflowError, RuntimeError):
        array = np.asarray(values)
        # NumPy makes NaN of None.
        missing = array.dtype.kind == "O" and any(value is None for value in array.flat)
        if array.dtype.kind in from_kinds and not missing:
            return array.astype(kind, copy=False)
    raise ValueError(
        f"{name} must be an array of {'complex' if kind is np.complex128 else 'real'} numbers, all "
        f"rows of one length, and is {values!r}."
    )


def _positive(name: str, value: Any) -> float:
    number = as_float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{name}={value!r} must be a positive finite number.")
    return number


def _share(value: Any) -> float:
    number = as_float(value)
    if not 0 <= number <= 1:
        raise ValueError(f"sines={value!r} must be a number from 0 (none) to 1 (all), or None.")
    return number


def _layer_sizes(layer_sizes: Any) -> tuple[Level, ...]:
    if isinstance(layer_sizes, (str, bytes)) or not isinstance(layer_sizes, Iterable):
        raise TypeError(f"layer_sizes={layer_sizes!r} must be a list such as [2, 64, 64, 1].")
    sizes = tuple(
        tuple(map(_size, level)) if isinstance(level, (list, tuple)) else _size(level)
        for level in layer_sizes
    )
    if len(sizes) < 3:
        raise ValueError(
            f"layer_sizes={list(sizes)} has {len(sizes)} entries; a RepNet needs at least one "
            "hidden layer: [inputs, hidden, ..., outputs]."
        )
    if isinstance(sizes[0], tuple):
        raise ValueError(
            f"layer_sizes starts with {list(sizes[0])}; the input size is one integer."
        )
    parallel = {len(level) for level in sizes if isinstance(level, tuple)}
    if len(parallel) > 1:
        raise ValueError(
            f"layer_sizes={_as_lists(sizes)} has parallel levels of different lengths "
            f"{sorted(parallel)}; every list must have one entry per sub-network."
        )
    if parallel and isinstance(sizes[-1], int) and isinstance(sizes[-2], tuple):
        count = parallel.pop()
        if sizes[-1] != count:
            raise ValueError(
                f"layer_sizes={_as_lists(sizes)} ends with {sizes[-1]} outputs after {count} "
                "sub-networks; the two numbers must be equal, one output for each."
            )
    return sizes


def _size(value: Any) -> int:
    if not is_integer(value) or value < 1:
        raise ValueError(f"layer_sizes contains {value!r}; every size must be a positive integer.")
    return int(value)


def _as_lists(sizes: tuple[Level, ...]) -> list[Any]:
    return [list(level) if isinstance(level, tuple) else level for level in sizes]


def _check_activation(activation: Any, n_layers: int) -> None:
    if isinstance(activation, (list, tuple)):
        if len(activation) != n_layers:
            raise ValueError(
                f"activation has {len(activation)} entries for {n_layers} layers; a list needs "
                "one for each layer after the input, the output layer included (its entry is "
                "not used), as in dde.nn.FNN."
            )
        for entry in activation:
            _check_activation(entry, n_layers)
        return
    if activation is None or callable(activation):
        return
    if isinstance(activation, str):
        if activation.lower() in ACTIVATIONS:
            return
        if activation.startswith("LAAF"):
            parts = activation.split()
            head = parts[0].split("-") if parts else []
            if len(parts) == 2 and len(head) == 2 and parts[1].lower() in ACTIVATIONS:
                try:
                    float(head[1])
                except ValueError:
                    pass
                else:
                    return
    raise ValueError(
        f"activation={activation!r} is not known; write one of {', '.join(ACTIVATIONS)}, "
        '"LAAF-n name" where the backend has it, or a function of a tensor.'
    )


def _check_initializer(initializer: Any) -> None:
    if callable(initializer):
        return
    if isinstance(initializer, str) and initializer.lower() in map(str.lower, INITIALIZERS):
        return
    raise ValueError(
        f"kernel_initializer={initializer!r} is not known; write one of "
        f"{', '.join(map(repr, INITIALIZERS))}, or an initializer function of the backend."
    )


Initializer = str | Callable[..., Any]
