"""A test loss that the training loss leaves behind: said once, with what would help.

A network that is too steep for its points fits them and oscillates between them. DeepXDE evaluates
both losses once in ``display_every`` iterations; what it has recorded is read here, and nothing is
computed for it.
"""

from __future__ import annotations

import math
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _host
from ..estimates import show
from ..nets import FourierNet, RepNet, RepOperator
from ..spec import SLOPE_PER_WAVENUMBER, Array

#: The test loss is left behind when it is this many times the training loss, and as many times what
#: it was of it at the start: test points may be the harder ones.
APART = 30.0

#: In so many tests in a row the ratio must not have come down, by more than the noise of one. At so
#: many times what it has to be it may: the training loss is noise there, or rounding errors.
IN_A_ROW = 3
_NOISE = 0.9
_FAR = 10.0

#: Iterations between these tests, of a training that tests more often. Before the points decide, a
#: network fits where it can first.
_BETWEEN = 100

#: Over the test loss at the start: below it nothing is wrong, however small the training loss is.
_SMALL = 1e-4

#: Spacings of the points in a wavelength, for a network not to oscillate between them. With 4 waves
#: are just seen (``theory.spectrum.resolved_wavenumber``). Measured.
SPACINGS = 8.0

#: Where at least this part of the points that it takes is there, their number is not what is wrong.
_ENOUGH = 2 / 3

#: Wavenumber up to which there are many frequencies, over their root mean square.
_BAND = 2.0

#: A ratio of the losses, or a number of points, beyond which all are much too large.
_MANY = 1e6

#: Of the test points, how many may lie beside all training points.
_OUTSIDE = 0.1

Terms = Sequence[Any]  # of one loss at a time, arrays (n_terms,)


@dataclass
class _Watched:
    """What is known of a model between two tests.

    Attributes:
        points: What it trains on, by identity; others begin a new comparison.
        weights: Of the terms of the loss, likewise.
        first: Where in DeepXDE's record the comparison begins.
        done: Whether it has been said, or found not to be said.
    """

    points: Any
    weights: list[float] | None
    first: int
    done: bool = False


_watched: weakref.WeakKeyDictionary[Any, _Watched] = weakref.WeakKeyDictionary()


def watch(model: Any, arguments: dict[str, Any], call: Callable[..., Any]) -> Any:
    """Hook in place of ``Model._test``: test, and warn, once, when the test loss is left behind."""
    result = call(arguments)
    if isinstance(model.net, (RepNet, RepOperator)):
        _look(model)
    return result


def _look(model: Any) -> None:
    steps, train, test = _host.recorded_losses(model)
    points, weights = _host.training_inputs(model), _host.compiled_loss_weights(model)
    known = _watched.get(model)
    if known is None:
        known = _watched[model] = _Watched(points, weights, len(steps) - 1)
    elif known.points is not points or known.weights != weights or known.first >= len(steps):
        known.points, known.weights, known.first = points, weights, len(steps) - 1
    if known.done or not left_behind(steps, train, test, known.first):
        return
    known.done = True
    message = _message(model, _total(train[-1], test[-1]))
    if message is not None and _host.is_first_rank():
        warnings.warn(message, UserWarning, stacklevel=2)


def left_behind(
    steps: Sequence[int], train: Sequence[Terms], test: Sequence[Terms], first: int = 0
) -> bool:
    """Whether the last test loss is far from the training loss, and has gone away from it.

    Their ratio is taken at the last test and at three before it, 100 iterations apart or more. It
    has not come down from one to the next, where it is not beyond all measure, and is more than 30
    in the last two, or 30 times the first of all. A test loss that is small beside the first one is
    near enough.

    Args:
        steps: Iterations at which the losses were taken.
        train: Terms of the training loss at each, weighted; ``test``, of the test loss.
        first: Place of the first test that compares with the last.
    """
    chosen = _apart(steps, first)
    if len(chosen) < IN_A_ROW + 1:
        return False
    losses = [_total(train[i], test[i]) for i in (first, *chosen)]
    if any(pair is None for pair in losses):
        return False
    trained, tested = np.array(losses, dtype=float).T
    if not tested[-1] > _SMALL * tested.max():
        return False
    start, *ratios = tested / np.maximum(trained, np.finfo(float).tiny)
    apart = APART * max(start, 1.0)
    reached = np.minimum(ratios, _FAR * apart)
    held = np.all(reached[1:] >= _NOISE * reached[:-1])
    return bool(held and np.all(reached[-2:] > apart))


def _apart(steps: Sequence[int], first: int) -> list[int]:
    """The last test and some before it, by their places, in the order of time."""
    found = [len(steps) - 1]
    for i in range(len(steps) - 2, first - 1, -1):
        if len(found) > IN_A_ROW:
            break
        if steps[i] <= steps[found[-1]] - _BETWEEN:
            found.append(i)
    return found[::-1]


def _total(train: Terms, test: Terms) -> tuple[float, float] | None:
    """Both losses, of those terms that DeepXDE tests; None where they are none to compare.

    In the test, terms that it does not evaluate are zero.
    """
    trained, tested = np.ravel(train).astype(float), np.ravel(test).astype(float)
    if trained.shape != tested.shape or not np.isfinite([*trained, *tested]).all():
        return None
    return float(trained[tested != 0].sum()), float(tested.sum())


def _message(model: Any, losses: tuple[float, float] | None) -> str | None:
    """What to say; None where the test says nothing about the points that are trained on."""
    found = _host.trained_and_tested(model)
    if found is None or losses is None or _host.draws_points_anew(model):
        return None
    trained, tested = found
    if _beside(trained.points, tested.points):
        return None
    net, (train, test) = model.net, losses
    name = type(net).__name__
    n = len(trained.points)
    gap = _round(test / train) if test < _MANY * train else f"more than {_MANY:.0f}"
    said = f"{name}: the test loss, {test:.3g}, is {gap} times the training loss, {train:.3g}, and "
    said += "does not follow it"
    spec = net.spec
    scale = np.asarray(spec.slope_scale, dtype=float)
    if trained.functions is not None:
        flatter = _flatter(net, scale / 2)
        return (
            f"{said}: the network fits its {trained.functions} functions, at {n} points, and not "
            "others. They are too few, or its features too steep for them. Train on more "
            f"functions, or give features half as steep, {flatter}."
        )
    said += f": the network fits its {n} points and oscillates between them."
    if trained.points.shape[1] != len(scale):  # features of a transform, of which none is counted
        return (
            f"{said} They are too few, or its features too steep for them. Train on more points, "
            f"or give features half as steep, {_flatter(net, scale / 2)}."
        )
    needed = points_for(net, scale)
    if n < _ENOUGH * needed:
        counting = sum(points_for(net, s) > 1 for s in scale)  # axes that take several points
        fitting = scale * (n / needed) ** (1 / counting)
        return (
            f"{said} They are too few for {_features(net)}, which take about {_round(needed)}. "
            f"Train on so many, or give flatter features, {_flatter(net, fitting)}."
        )
    twice = _round(n * 2.0 ** len(scale))
    return (
        f"{said} For {_features(net)} they should be enough, and are not here. Give features half "
        f"as steep, {_flatter(net, scale / 2)}, or train on twice as many points along each axis, "
        f"about {twice}."
    )


def points_for(net: Any, slope_scale: Array | float) -> float:
    """Number of points for features of these slope scales, (d,), in normalised units.

    Ridges of slope scale s resolve waves up to k = s/0.4; the frequencies of a FourierFNN go up to
    about twice their root mean square s. Eight spacings in a wavelength are 8k/π points along an
    axis of [-1, 1]; the product over the axes, each with one at least, is the number.
    """
    s = np.asarray(slope_scale)
    k = s * _BAND if isinstance(net, FourierNet) else s / SLOPE_PER_WAVENUMBER
    return float(np.prod(np.maximum(SPACINGS * k / math.pi, 1.0)))


def _features(net: Any) -> str:
    spec = net.spec
    if isinstance(net, FourierNet):
        k = _short(np.asarray(spec.slope_scale) / spec.domain.half_width)
        return f"frequencies of {k} rad per unit length, root mean square"
    return f"features of slope scale {_short(np.asarray(spec.slope_scale))}"


def _flatter(net: Any, slope_scale: Array) -> str:
    """How a network of this slope scale, in normalised units, is written."""
    given = net.given
    half = net.spec.domain.half_width
    if isinstance(net, FourierNet):
        option, values = "frequencies", slope_scale / half
    elif given.slope_scale is not None or _host.input_transform(net) is not None:
        option, values = "slope_scale", slope_scale
    else:
        option, values = "wavenumber", slope_scale / SLOPE_PER_WAVENUMBER / half
    return f"{type(net).__name__}(..., {option}={_short(values)})"


def _short(values: Array) -> str:
    return show(np.array([float(f"{v:.2g}") for v in values]))


def _round(number: float) -> str:
    """A whole number of two digits and zeros, not below the number."""
    size = 10.0 ** max(math.floor(math.log10(number)) - 1, 0)
    rounded = math.ceil(number / size) * size
    return f"{rounded:.0f}" if rounded < _MANY else f"{rounded:.1e}"


def _beside(trained: Array, tested: Array) -> bool:
    """Whether much of the test lies beside all training points: they are not to tell about it."""
    lower, upper = trained.min(axis=0), trained.max(axis=0)
    spacing = (upper - lower) * len(trained) ** (-1 / trained.shape[1])
    outside = (tested < lower - spacing) | (tested > upper + spacing)
    return bool(outside.any(axis=1).mean() > _OUTSIDE)
