"""Which frequency is learned when: the error of a Fourier-feature network in frequency space.

The network is ``u(x) = m^(-1/2) Σ_i [a_i cos w_i·x + b_i sin w_i·x]`` with a, b ~ N(0, σ²) and
w ~ ρ, all of them trained. Let e = (u - u_0) - target, u_0 being the network at the start, and
``ê(k) = ∫ e(x) exp(-i k·x) dx``. Under gradient flow on ``½ ∫ e² dx``, at infinite width,

    ∂ê/∂t = (2π)^d [σ² ∇·(ρ ∇ê) - ρ ê]

a heat equation with damping (arXiv 2405.14957; the factor is that of angular wavenumbers): each
wavenumber decays at the rate ``(2π)^d ρ(k)``, and what the frequencies' own training adds is the
diffusion. A ρ that is flat over a band learns it at one speed; a narrow one *is* the spectral bias.

Valid for functions that vanish at the ends of a domain that is long against the wavelengths: on a
bounded domain whose target does not vanish at the ends, the window couples wavenumbers, and the
equation was 12 to 27 % off at every width. With more than one hidden layer it is a guide only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from ..spec import Array, as_array, as_complex, as_count, as_float
from .frequencies import Density
from .modes import grid_points

DensityFunction = Callable[[Array], Any]
Symbol = Callable[[Array], Any]

#: What of an error is left when a wavenumber counts as learned.
LEARNED = 0.5

_MOST_INPUTS = 100  # whose (2π)^d float64 holds by far
_MOST_STEPS = 10**7  # of an evolution
_LARGEST = 1e100  # of what is squared or multiplied
_NARROWEST = 1e-9  # cell of a mesh, over the largest wavenumber


@dataclass(frozen=True)
class Flow:
    """Coefficients of ``∂ê/∂t = A ∇·(ρ ∇ê) - B ρ ê``; with a symbol p, of the residual r̂:

    ``∂r̂/∂t = p [A ∇·(ρ ∇(p̄ r̂)) - B ρ p̄ r̂]``.

    Attributes:
        diffusion: A.
        damping: B.
        symbol: p at wavenumbers (n, d), shape (n,), or None for a fit.
    """

    diffusion: float
    damping: float
    symbol: Symbol | None = None

    def rate(self, density: DensityFunction, k: Array) -> Array:
        """Rate of decay ``B |p|² ρ`` at wavenumbers (n, d), without diffusion, shape (n,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            rate = np.asarray(self.damping * _density(density, k))
            if self.symbol is None:
                return rate
            return np.asarray(rate * np.abs(_finite("the symbol", self.symbol, k)) ** 2)


def gradient_flow(
    sigma: float, dim: int, *, units: str = "radians", symbol: Symbol | None = None
) -> Flow:
    """Gradient flow on ``½ ∫ e² dx``, or on ``½ ∫ r² dx`` of an equation's residual r.

    Args:
        sigma: Standard deviation σ of the initial amplitudes a and b.
        dim: Number d of coordinates.
        units: Of the trained frequencies: "radians" for ``cos w·x``, "cycles" for ``cos 2π w·x``,
            whose training is (2π)² times as fast (as in arXiv 2405.14957).
        symbol: p of a constant-coefficient linear equation; None for a fit.

    Raises:
        ValueError: If sigma is negative, dim is not 1 or more or the units are not known.
        TypeError: If the symbol is no function.
    """
    if symbol is not None:
        _check_function("symbol", symbol)
    amplitude = _sigma(sigma) ** 2 * _unit(units)
    volume = _volume(dim)
    return Flow(volume * amplitude, volume, symbol)


def mean_square(sigma: float, dim: int, volume: float, *, units: str = "radians") -> Flow:
    """The same with the mean of e² over a domain for loss, as it is trained: 2/volume as fast.

    One step of gradient descent with learning rate η advances the time by η.

    Args:
        volume: Length, area or volume of the domain.

    Raises:
        ValueError: As for ``gradient_flow``, or if the volume is not positive.
    """
    size = as_float(volume)
    if not 1 / _LARGEST < size < _LARGEST:
        raise ValueError(f"volume={volume!r} must be positive and finite.")
    flow = gradient_flow(sigma, dim, units=units)
    return Flow(2 / size * flow.diffusion, 2 / size * flow.damping)


def random_phase(sigma: float, dim: int, *, units: str = "radians") -> Flow:
    """For ``u = m^(-1/2) Σ a_i cos(w_i·x + b_i)``, b uniform over a period, all trained.

    ``∂ê/∂t = (2π)^d/2 [σ² ∇·(ρ ∇ê) - (1 + σ²) ρ ê]``; the phase is in radians, whatever the units
    of the frequencies.

    Raises:
        ValueError: As for ``gradient_flow``.
    """
    sigma, volume = _sigma(sigma), _volume(dim)
    return Flow(volume * sigma**2 * _unit(units) / 2, volume * (1 + sigma**2) / 2)


@dataclass(frozen=True)
class Evolution:
    """Error in frequency space at several times.

    Attributes:
        k: Wavenumbers of the mesh, shape (n, d), radians per unit.
        times: Shape (m,).
        values: ê (or r̂) at them, shape (m, n), complex.
    """

    k: Array
    times: Array
    values: np.ndarray

    def at(self, k: Array) -> np.ndarray:
        """Values at wavenumbers (j,) of a problem in one dimension, shape (m, j)."""
        if self.k.shape[1] != 1:
            raise ValueError("at: values between the points of the mesh are for one dimension.")
        line = self.k[:, 0]
        return np.stack([np.interp(np.ravel(k), line, v) for v in self.values])


def evolve(
    flow: Flow,
    density: DensityFunction,
    initial: Callable[[Array], Any],
    times: Sequence[float] | Array,
    axes: Sequence[Array],
    step: float,
) -> Evolution:
    """Solve the equation by linear (bilinear) finite elements and the Crank-Nicolson rule.

    The ends of the mesh are free (no flux), so it should reach to where ρ ê is negligible.

    Args:
        flow: From ``gradient_flow``, ``mean_square`` or ``random_phase``.
        density: ρ at wavenumbers (n, d), shape (n,), per (radian per unit)^d; both signs.
        initial: ê (or r̂) at the start, at wavenumbers (n, d), shape (n,), may be complex.
        times: Increasing, not negative.
        axes: Points of the mesh along each of 1 or 2 axes, increasing.
        step: Largest time step.

    Raises:
        ValueError: If times or axes are not as said, the step is not positive or much too small,
            or a function gives something else than one number for each wavenumber.
        TypeError: If the flow is none, or the density or the initial error no function.
    """
    _check_flow(flow, density)
    _check_function("initial", initial)
    if not isinstance(axes, (list, tuple, np.ndarray)) or len(axes) not in (1, 2):
        raise ValueError("axes: give 1 or 2 increasing arrays of wavenumbers, one for each axis.")
    axes = [_one_axis("axes", axis, least=2) for axis in axes]
    if any((axis[1:] <= axis[:-1]).any() for axis in axes):
        raise ValueError("axes: give 1 or 2 increasing arrays of wavenumbers, one for each axis.")
    for axis in axes:
        largest = np.abs(axis).max()
        if largest > _LARGEST or np.diff(axis).min() <= _NARROWEST * max(largest, 1 / _LARGEST):
            raise ValueError(
                f"axes: wavenumbers must be below {_LARGEST:g} and differ by {_NARROWEST:g} of the "
                "largest at least."
            )
    moments = _one_axis("times", times)
    if moments[0] < 0 or (moments[1:] < moments[:-1]).any():
        raise ValueError("times must be increasing and not negative.")
    longest = as_float(step)
    if not (longest > 0 and moments[-1] < _MOST_STEPS * longest):
        raise ValueError(
            f"step={step!r} must be positive, and reach the last time in {_MOST_STEPS} steps."
        )
    step = longest
    k = grid_points(axes)
    mass, operator = _matrices(flow, density, axes, k)
    values = _finite("the initial error", initial, k)
    found, now = [], 0.0
    for moment in moments:
        count = math.ceil((moment - now) / step - 1e-9)
        if count > 0:
            half = (moment - now) / count / 2
            solver = splu((mass + half * operator).astype(complex).tocsc())
            explicit = (mass - half * operator).tocsr()
            for _ in range(count):
                values = solver.solve(explicit @ values)
        now = float(moment)
        found.append(values)
    return Evolution(k, moments, np.array(found))


def learning_time(
    flow: Flow,
    density: DensityFunction,
    k: Array,
    left: float = LEARNED,
) -> Array:
    """Time until a wavenumber's error has fallen to a part of itself, by the damping alone.

    ``t(k) = log(1/left) / (B |p(k)|² ρ(k))``. Diffusion, which ``evolve`` has, blurs it over
    wavenumbers.

    Args:
        k: Wavenumbers, shape (n,) in one dimension or (n, d).
        left: The part that is left, between 0 and 1.

    Returns:
        Shape (n,); infinite where ρ is zero.

    Raises:
        ValueError: If k is no array of numbers or left not between 0 and 1.
        TypeError: If the flow is none, or the density no function.
    """
    _check_flow(flow, density)
    left, k = _check_left(left), as_array("k", k)
    if k.ndim not in (1, 2) or k.size == 0:
        raise ValueError(f"k must be wavenumbers of shape (n,) or (n, d), not {k.shape}.")
    rate = flow.rate(density, k[:, None] if k.ndim == 1 else k)
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(-math.log(left) / rate)


def density_for(
    flow: Flow,
    wanted: Callable[[Array], Any],
    low: float,
    high: float,
    left: float = LEARNED,
) -> tuple[Density, float]:
    """The distribution of one axis whose learning times over a band are in wanted proportions.

    ``ρ(k) = c log(1/left) / (B |p(k)|² T(k))`` for ``low <= |k| <= high``. A density has
    integral 1, which leaves the proportions of the times but not their unit: they are T/c.

    Args:
        wanted: Times T at wavenumbers (n,), shape (n,), positive, in any unit.
        low, high: The band, radians per unit.

    Returns:
        The distribution, for ``FourierFNN(frequencies=...)``, and 1/c: the time, under ``flow``,
        that stands for one of the wanted units.

    Raises:
        ValueError: If a wanted time is not positive, the band is empty, or the symbol is zero in
            it.
        TypeError: If the flow is none, or the wanted times are no function.
    """
    _check_flow(flow, wanted)
    left = _check_left(left)

    def relative(k: Array) -> Array:
        times = _one_each("wanted times", as_array("wanted times", wanted(k)), len(k))
        speed = flow.rate(lambda points: np.ones(len(points)), k[:, None])
        if not (times > 0).all() or not np.isfinite(times).all() or not (speed > 0).all():
            raise ValueError(
                "density_for: the wanted times must be positive and finite, and the equation's "
                f"symbol not zero, over the whole band from {low:g} to {high:g}."
            )
        with np.errstate(over="ignore"):
            return np.asarray(-math.log(left) / (speed * times))

    density = Density(relative, low, high)
    at = np.array([low, high])
    scale = float(np.max(density.density(at) / relative(at)))
    return density, 1 / scale


def kernel_flow(
    flow: Flow, density: DensityFunction, initial: Array, x: Array, times: Any, axis: Array
) -> np.ndarray:
    """The same prediction in space: the infinite-width network's kernel, in one dimension.

    ``∂e/∂t = -∫ K(x, y) e(y) dy`` with ``K = (B + A x y) ∫ cos(k (x - y)) ρ(k) dk / (2π)``: no
    finite elements and no transform, and so an independent check. The integral over k is the
    trapezoidal rule on ``axis``, that over y the rule of the grid x.

    Args:
        flow: Without a symbol.
        density: ρ as for ``evolve``.
        initial: e at the start on the grid, shape (n,).
        x: Equally spaced points, shape (n,), units of the coordinate.
        times: Shape (m,).
        axis: Wavenumbers of the integral, increasing, both signs.

    Returns:
        e at the times, shape (m, n).

    Raises:
        ValueError: If an array is not as said.
        TypeError: If the flow is none, or the density no function.
        NotImplementedError: If the flow has a symbol.
    """
    _check_flow(flow, density)
    axis, x = _one_axis("axis", axis, least=2), _one_axis("x", x, least=2)
    moments = _one_axis("times", np.atleast_1d(as_array("times", times)))
    start = _one_axis("initial", initial)
    if len(start) != len(x):
        raise ValueError(f"initial has {len(start)} values for {len(x)} points x.")
    if (axis[1:] <= axis[:-1]).any() or (moments < 0).any():
        raise ValueError("axis must be increasing, and no time negative.")
    if max(map(np.max, map(np.abs, (axis, x)))) > _LARGEST:
        raise ValueError(f"x and axis must be below {_LARGEST:g}; give them in another unit.")
    if flow.symbol is not None:
        raise NotImplementedError("kernel_flow is for fits; leave the symbol out.")
    spacing = np.gradient(axis)
    spacing[[0, -1]] /= 2
    weight = spacing * _density(density, axis[:, None]) / (2 * np.pi)
    cos, sin = np.cos(np.outer(x, axis)), np.sin(np.outer(x, axis))
    stationary = (cos * weight) @ cos.T + (sin * weight) @ sin.T
    kernel = (flow.damping + flow.diffusion * np.outer(x, x)) * stationary * (x[1] - x[0])
    rates, modes = np.linalg.eigh((kernel + kernel.T) / 2)
    amplitudes = modes.T @ start
    rates = np.maximum(rates, 0)  # which only rounding makes negative
    return np.stack([modes @ (np.exp(-rates * t) * amplitudes) for t in moments])


def transform(values: Array, x: Array, k: Array) -> np.ndarray:
    """``ê(k) = ∫ e(x) exp(-i k x) dx`` of values on equally spaced points, at any k.

    Args:
        values: e, shape (..., n).
        x: Shape (n,).
        k: Shape (j,), radians per unit.

    Returns:
        Shape (..., j), complex. The rule is the trapezoid's without its ends, where e vanishes.

    Raises:
        ValueError: If the shapes do not fit, or x or k is not finite.
    """
    e, x, k = as_complex("values", values), _one_axis("x", x, least=2), _one_axis("k", k)
    if e.shape[-1:] != x.shape:
        raise ValueError(f"values of shape {e.shape} do not fit {len(x)} points x; give (..., n).")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(e @ np.exp(-1j * np.outer(x, k)) * (x[1] - x[0]))


def _matrices(
    flow: Flow, density: DensityFunction, axes: list[Array], k: Array
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Mass matrix M and operator H with ``M dê/dt = -H ê``."""
    mass, damping, diffusion = _assemble(density, axes)
    with np.errstate(over="ignore", invalid="ignore"):
        operator = flow.damping * damping + flow.diffusion * diffusion
    if flow.symbol is not None:
        # (φ, p L(p̄ r)) = (p̄ φ, L(p̄ r)), with the nodal interpolant of p̄.
        conjugate = sparse.diags(np.conj(_finite("the symbol", flow.symbol, k)))
        with np.errstate(over="ignore", invalid="ignore"):
            operator = conjugate.conj().T @ operator @ conjugate
    operator = sparse.csr_matrix(operator)
    if not np.isfinite(operator.data).all():
        raise ValueError(
            "the density, the symbol and the flow together are too large for float64; give them "
            "in other units."
        )
    return mass, operator


def _assemble(density: DensityFunction, axes: list[Array]) -> tuple[Any, Any, Any]:
    """∫φφ', ∫ρφφ' and ∫ρ∇φ·∇φ' of (bi)linear elements, by two Gauss points along each axis."""
    lines = [_Line(axis) for axis in axes]
    shape = [len(axis) for axis in axes]
    points = grid_points([line.points for line in lines])
    rho = _density(density, points)
    weight = lines[0].weight if len(lines) == 1 else np.kron(lines[0].weight, lines[1].weight)
    value = _product([line.value for line in lines])
    mass = value.T @ sparse.diags(weight) @ value
    damping = value.T @ sparse.diags(weight * rho) @ value
    diffusion = sparse.csr_matrix((math.prod(shape), math.prod(shape)))
    for j in range(len(lines)):
        slope = _product([line.slope if i == j else line.value for i, line in enumerate(lines)])
        diffusion = diffusion + slope.T @ sparse.diags(weight * rho) @ slope
    return mass, damping, diffusion


class _Line:
    """Linear elements along an axis, at the Gauss points of its cells.

    Attributes:
        points, weight: Gauss points and weights, shape (2 cells,).
        value, slope: Hat functions and their derivatives there, sparse (2 cells, nodes).
    """

    def __init__(self, nodes: Array) -> None:
        cells, width = len(nodes) - 1, np.diff(nodes)
        place = (1 + np.array([-1, 1]) / math.sqrt(3)) / 2
        self.points = (nodes[:-1, None] + width[:, None] * place).ravel()
        self.weight = np.repeat(width / 2, 2)
        rows = np.arange(2 * cells)
        left = np.repeat(np.arange(cells), 2)
        along = np.tile(place, cells)
        inverse = np.repeat(1 / width, 2)

        def matrix(of_left: Array, of_right: Array) -> Any:
            return sparse.csr_matrix(
                (
                    np.concatenate([of_left, of_right]),
                    (np.concatenate([rows, rows]), np.concatenate([left, left + 1])),
                ),
                shape=(2 * cells, len(nodes)),
            )

        self.value, self.slope = matrix(1 - along, along), matrix(-inverse, inverse)


def _product(factors: list[Any]) -> Any:
    result = factors[0]
    for factor in factors[1:]:
        result = sparse.kron(result, factor, format="csr")
    return result


def _one_each(name: str, values: Any, n: int) -> Any:
    """One value for each of n wavenumbers, of values (n,) or one number."""
    if values.shape not in ((), (1,), (n,)):
        raise ValueError(f"{name}: give one for each of {n} wavenumbers, not shape {values.shape}.")
    return np.broadcast_to(values, (n,))


def _finite(name: str, function: Callable[[Array], Any], k: Array) -> np.ndarray:
    """What a user's function gives at wavenumbers (n, d), as complex numbers (n,).

    Raises:
        ValueError: If it is not one finite number for each of them.
    """
    values = _one_each(name, as_complex(f"{name}'s values", function(k)), len(k))
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > _LARGEST:
        raise ValueError(f"{name} is not finite, or beyond {_LARGEST:g}, at a wavenumber.")
    return np.asarray(values)


def _density(density: DensityFunction, k: Array) -> Array:
    """ρ at wavenumbers (n, d), shape (n,).

    Raises:
        ValueError: If it is negative or not finite at one of them.
    """
    values = _one_each("the density", as_array("the density's values", density(k)), len(k))
    if not ((values >= 0) & (values < _LARGEST)).all():
        raise ValueError(f"the density is negative, or not below {_LARGEST:g}, at a wavenumber.")
    return np.asarray(values)


def _check_flow(flow: Any, density: Any) -> None:
    if not isinstance(flow, Flow):
        raise TypeError(
            f"flow={flow!r} must be a dynamics.Flow, as dynamics.mean_square(sigma, dim, volume) "
            "gives it."
        )
    _check_function("density", density)


def _check_function(name: str, given: Any) -> None:
    if not callable(given):
        raise TypeError(f"{name}={given!r} must be a function of wavenumbers (n, d).")


def _check_left(left: Any) -> float:
    part = as_float(left)
    if not 0 < part < 1:
        raise ValueError(f"left={left!r} must be between 0 and 1.")
    return part


def _one_axis(name: str, values: Any, least: int = 1) -> Array:
    array = as_array(name, values)
    if array.ndim != 1 or array.size < least or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be finite numbers of shape (n,), at least {least} of them; its shape is "
            f"{array.shape}."
        )
    return array


def _sigma(sigma: float) -> float:
    size = as_float(sigma)
    if not 0 <= size < _LARGEST:
        raise ValueError(f"sigma={sigma!r} must be finite and not negative.")
    return size


def _volume(dim: int) -> float:
    dim = as_count("dim", dim)
    if dim > _MOST_INPUTS:
        raise ValueError(f"dim={dim} is more than {_MOST_INPUTS} coordinates.")
    return float((2 * math.pi) ** dim)


def _unit(units: str) -> float:
    if not isinstance(units, str) or units not in ("radians", "cycles"):
        raise ValueError(f'units={units!r} is not known; write "radians" or "cycles".')
    return 1.0 if units == "radians" else (2 * math.pi) ** 2
