"""The hidden gain that a network starts with, from the magnitudes at initialization."""

from __future__ import annotations

import warnings

import numpy as np

from ..spec import Array, RepSpec
from . import magnitude

#: Fraction of a target's wavenumber at which the network's own slope/output ratio Ω starts.
OMEGA_PER_WAVENUMBER = 0.5


def slope_preserving_gain(spec: RepSpec, slope_scale: Array) -> float:
    """The gain g at which the hidden layers pass the first layer's slopes on: G_L = G_1.

    A smaller g flattens the features from layer to layer, a larger one roughens them, and an
    equation of second order punishes roughness at the points that it is not trained on. The
    recursion is that of ``magnitude``; the rule was measured for this project (documentation page
    "Choosing the scale").

    Args:
        spec: The network; its activation must be one name that ``magnitude`` knows.
        slope_scale: s in normalised units, shape (d,).

    Returns:
        g, or 1 where the theory does not cover the activation or there is nothing to preserve.
    """
    sizes = _sizes(spec)
    activation = _single_activation(spec)
    if activation is None or len(sizes) < 4:
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        first = magnitude.predict(activation, [*sizes[:2], 1], slope_scale=list(slope_scale))
        try:
            return magnitude.hidden_gain_for(
                activation, sizes, slope_rms=first.slope_rms, slope_scale=list(slope_scale)
            )
        except ValueError:
            return 1.0


def fitting_gain(spec: RepSpec, slope_scale: Array, wavenumber: float) -> float:
    """The gain for fitting a function with targets alone: Ω = 0.5 k, as far as that is valid.

    Without derivatives in the loss nothing punishes roughness, and a network that is born with
    slopes near those of the target is fitted in far fewer steps (measured for this project).

    Args:
        spec: As in ``slope_preserving_gain``.
        slope_scale: s in normalised units, shape (d,).
        wavenumber: Wavenumber k of the target, radians per normalised unit.

    Returns:
        g, at most the largest for which L(3.87 g - 1)/n <= 1, at least the slope-preserving one.
    """
    lowest = slope_preserving_gain(spec, slope_scale)
    sizes = _sizes(spec)
    activation = _single_activation(spec)
    if activation is None or len(sizes) < 4:
        return lowest
    highest = (min(sizes[1:-1]) / (len(sizes) - 2) + 1) / 3.87
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            gain = magnitude.hidden_gain_for(
                activation,
                sizes,
                omega=OMEGA_PER_WAVENUMBER * wavenumber,
                slope_scale=list(slope_scale),
            )
        except ValueError:
            return lowest
    return float(np.clip(gain, lowest, max(lowest, highest)))


def sines_gain(dim: int) -> float:
    """The gain for fitting a function of d variables with sines in the first layer.

    It is 1 in one variable and 1/4 in several, where few directions are those of the function's
    waves. With a small gain the later layers begin nearly linear, and training turns the first
    layer to the waves instead of combining what happens to be there; in one variable there is no
    direction to find. An empirical rule, measured for this project (documentation page "Choosing
    the scale").

    Args:
        dim: Number d of the first layer's inputs.
    """
    return 1.0 if dim == 1 else 0.25


def _sizes(spec: RepSpec) -> list[int]:
    return [min(level) if isinstance(level, tuple) else level for level in spec.layer_sizes]


def _single_activation(spec: RepSpec) -> str | None:
    names = spec.activation
    names = list(names[:-1]) if isinstance(names, (list, tuple)) else [names]
    if not all(isinstance(name, str) and name.lower() in magnitude.SUPPORTED for name in names):
        return None
    return names[0].lower() if len({name.lower() for name in names}) == 1 else None
