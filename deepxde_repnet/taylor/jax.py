"""Features in NumPy, and pointwise differential operators on JAX.

JAX serves the user's own functions only. Arrays, features and linear algebra are NumPy's: they need
no compilation, which JAX would repeat for each number of points and features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from .. import _host
from ..spec import Array
from .features import Axes, Jet, tanh_polynomial, with_axis
from .linear import COUPLED, EQUAL_WEIGHTS, ROUND_OFF, Linear, NotPointwise

#: Points in one call of a compiled program: with one number there is one compilation.
CHUNK = 1024

#: Whether y[:, 1] of one column is taken for its last, without an error.
CLAMPS = True

#: Points at which equations are evaluated both together and one by one.
COMPARED = 8


def asarray(values: Any) -> Array:
    """A new array in float64."""
    return np.array(values, dtype=float)


def bytes_free() -> float | None:
    """None: the arrays are in the processor's memory."""
    return None


def to_numpy(array: Any) -> Array:
    """An array as a NumPy array."""
    return np.asarray(array)


# The names of taylor.pytorch; what an array is to be like matters there.


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    return np.zeros(shape)


def ones(shape: tuple[int, ...], like: Array) -> Array:
    return np.ones(shape)


def eye(n: int, m: int, like: Array) -> Array:
    return np.eye(n, m)


allclose, diagonal, where = np.allclose, np.diagonal, np.where


def cat(arrays: list[Array], dim: int = 0) -> Array:
    return np.concatenate(arrays, axis=dim)


def norm(values: Array, dim: int | None = None) -> Any:
    return np.linalg.norm(values, axis=dim)


def add_rows(target: Array, rows: Any, values: Array) -> None:
    """Add values[p] to target[rows[p]], in place; rows may repeat."""
    np.add.at(target, rows, values)


def triangle(matrix: Array) -> Array:
    """R of the QR decomposition; the matrix may be overwritten."""
    return np.asarray(np.linalg.qr(matrix, mode="r"))


def gram(matrix: Array) -> Array:
    """``matrixᵀ @ matrix``."""
    return np.asarray(matrix.T @ matrix)


def cholesky(matrix: Array) -> Array | None:
    """The upper triangle F of ``matrix = Fᵀ F``; None where it is not positive definite."""
    try:
        return np.asarray(scipy.linalg.cholesky(matrix, check_finite=False))
    except np.linalg.LinAlgError:
        return None


def svd(matrix: Array) -> tuple[Array, Array, Array]:
    """U, s, Vᵀ of a square matrix."""
    left, sizes, right = np.linalg.svd(matrix)
    return left, sizes, right


def solve_triangular(upper: Array, right: Array) -> Array:
    """X of ``upper @ X = right``."""
    return np.asarray(scipy.linalg.solve_triangular(upper, right, check_finite=False))


def activation(identifier: Any) -> Callable[[Array, int], Array]:
    """(z, r) -> σ^(r)(z); in closed form for tanh and sin, else by automatic differentiation."""
    name = identifier.lower() if isinstance(identifier, str) else None
    if name == "sin":
        return _sine
    if name == "tanh":
        return _tanh
    function = _host.activation(identifier)
    compiled = cache(lambda order: jax.jit(_differentiated(function, order)))
    return lambda z, order: np.asarray(compiled(order)(z))


def _sine(z: Array, order: int) -> Array:
    value = np.cos(z) if order % 2 else np.sin(z)
    return -value if order % 4 in (2, 3) else value


def _tanh(z: Array, order: int) -> Array:
    """As in ``taylor.pytorch``."""
    if order == 0:
        return np.tanh(z)
    e = np.exp(-2 * np.abs(z))
    slope = 4 * e / (1 + e) ** 2
    coefficients = tanh_polynomial(order).coef
    if len(coefficients) == 1:
        return coefficients[0] * slope
    t = np.tanh(z)
    value = np.full_like(t, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value *= t
        value += coefficient
    value *= slope
    return value


def _differentiated(function: Any, order: int) -> Callable[[Any], Any]:
    """The derivative of an elementwise function, of any order."""
    if order == 0:
        return function
    lower = _differentiated(function, order - 1)
    return lambda z: jax.jvp(lower, (z,), (jnp.ones_like(z),))[1]


def transformed(transform: Callable[[Any], Any], x: Array) -> Jet:
    """The derivatives of an input transform at points x."""

    def derivative(axes: Axes) -> Callable[[Any], Any]:
        if not axes:
            return transform
        lower, direction = derivative(axes[1:]), np.eye(x.shape[1])[axes[0]]
        return lambda point: jax.jvp(lower, (point,), (direction,))[1]

    @cache
    def jet(axes: Axes) -> Array:
        return np.asarray(jax.jit(jax.vmap(derivative(axes)))(x))

    return jet


def applied(transform: Any, x: Array, u: Array) -> Array:
    """An output transform, not to be differentiated."""
    return np.asarray(transform(jnp.asarray(x), jnp.asarray(u)))


class _Field:
    """The network's output at one point as a function that DeepXDE can differentiate.

    As in ``taylor.pytorch.Field`` the output and its derivatives are independent unknowns, the
    leaves. Differentiating the function of one of them leads to that of the next, whatever the
    point that it is called with.

    Args:
        n_outputs: m.

    Attributes:
        asked: Axes of all derivatives that have been asked for.
    """

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs = n_outputs
        self.asked: set[Axes] = {()}
        self.derivative = cache(self._derivative)

    def _derivative(self, axes: Axes) -> Callable[[Any, dict[Axes, Any]], Any]:
        """(point (d,), leaves by axes) -> the derivative (m,); 0 where there is no such leaf."""

        @jax.custom_jvp
        def function(point: Any, leaves: dict[Axes, Any]) -> Any:
            self.asked.add(axes)
            return leaves[axes] if axes in leaves else jnp.zeros(self.n_outputs)

        @function.defjvp
        def along(primals: Any, tangents: Any) -> Any:
            point, leaves = primals
            direction, changes = tangents
            slopes = [
                self.derivative(with_axis(axes, j))(point, leaves) for j in range(len(direction))
            ]
            change = direction @ jnp.stack(slopes)
            if axes in changes:
                change = change + changes[axes]
            return function(point, leaves), change

        return function


class Equations:
    """A problem's equations, to be linearised at several sets of points.

    DeepXDE's equations on JAX take the output as a pair, of its values and of a function of one
    point. That function does not know which point it is called for; the equations are therefore
    evaluated point by point, all of them at once by ``vmap``, each with a function of its own.

    Args:
        residuals: (points, x, (u, function), variables) -> residuals.
        transform: The network's output transform, or None.
        variables: Other unknowns, ``dde.Variable`` objects.
    """

    def __init__(self, residuals: Any, transform: Any, variables: tuple[Any, ...]) -> None:
        self._residuals, self._transform, self._variables = residuals, transform, variables
        self._program: Any = None
        self._axes: list[Axes] = []

    def linearise(self, points: Array, x: Array, value: Callable[[Axes], Array]) -> list[Linear]:
        """Residuals and their derivatives in the field, its x-derivatives and other unknowns.

        Args:
            points, x: (N, d), twice the same.
            value: axes -> current values of the field's derivative, (N, m).

        Returns:
            One for each column of each residual.

        Raises:
            NotPointwise: If a residual at one point depends on other points.
        """
        variables = [v.value for v in self._variables]
        if self._program is None:
            self._compile(x, value(()).shape[1], variables)
        leaves = {axes: value(axes) for axes in self._axes}
        residual, slopes, rest = self._evaluated(x, leaves, variables)
        flat = [r.reshape(*residual.shape, -1) for r in rest]
        in_variables = np.concatenate([np.empty((*residual.shape, 0)), *flat], axis=2)
        return [
            Linear(
                residual[:, c].astype(float),
                {a: s[:, c] for a, s in slopes.items() if (s[:, c] != 0).any()},
                None,
                in_variables[:, c],
            )
            for c in range(residual.shape[1])
        ]

    def _evaluated(self, x: Array, leaves: dict[Axes, Array], variables: list[Any]) -> Any:
        """All residuals at points, (N, C), and their slopes in the leaves and in the variables."""
        parts = []
        for start in range(0, len(x), CHUNK):
            # The last is filled up with its last point.
            chunk = np.minimum(np.arange(start, start + CHUNK), len(x) - 1)
            here = {axes: values[chunk] for axes, values in leaves.items()}
            parts.append(self._program(x[chunk], here, variables))
        return jax.tree.map(lambda *p: np.concatenate(p)[: len(x)], *parts)

    def _compile(self, x: Array, n_outputs: int, variables: list[Any]) -> None:
        field = _Field(n_outputs)
        jax.eval_shape(partial(self._at_point, field), x[0], {}, variables)
        self._axes = sorted(field.asked)

        def linearised(point: Any, leaves: Any, variables: Any) -> Any:
            residual, pulled = jax.vjp(partial(self._at_point, field, point), leaves, variables)
            slopes, rest = jax.vmap(pulled)(jnp.eye(len(residual), dtype=residual.dtype))
            return residual, slopes, rest

        self._program = jax.jit(jax.vmap(linearised, in_axes=(0, 0, None)))
        self._compare(x[:COMPARED], n_outputs, variables)

    def _at_point(self, field: _Field, point: Any, leaves: dict[Axes, Any], variables: Any) -> Any:
        """All residuals at one point, (C,)."""
        output = field.derivative(())
        return self._all(point[None], lambda point: output(point, leaves), variables)[0]

    def _all(self, x: Any, function: Callable[[Any], Any], variables: Any) -> Any:
        """All columns of all residuals at points x (N, d), (N, C), for a function (d,) -> (m,)."""

        def output(points: Any) -> Any:
            if points.ndim == 2:
                return jax.vmap(output)(points)
            u = function(points)
            return u if self._transform is None else self._transform(points, u)

        found = [jnp.asarray(r) for r in self._residuals(None, x, (output(x), output), variables)]
        if any(r.ndim == 0 or len(r) != len(x) for r in found):
            raise NotPointwise
        if any(r.size == 0 for r in found):
            raise ValueError("a residual has no columns: it takes an output that is not there.")
        return jnp.concatenate([r.reshape(len(x), -1) for r in found], axis=1)

    def _compare(self, x: Array, n_outputs: int, variables: list[Any]) -> None:
        """For one smooth function: all points together must give what each gives alone."""
        steep = 1 + np.arange(x.shape[1]) / 7
        phase = np.arange(n_outputs)

        def smooth(point: Any) -> Any:
            return jnp.sin(point @ steep + phase)

        angle = (x @ steep)[:, None] + phase
        leaves = {axes: np.prod(steep[list(axes)]) * _sine(angle, len(axes)) for axes in self._axes}
        together = jax.jit(lambda x, variables: self._all(x, smooth, variables))(x, variables)
        alone, slopes, _ = self._evaluated(x, leaves, variables)
        if together.shape != alone.shape:
            raise _host.WrongShape(
                f"PDE gives residuals of {together.shape[1]} columns at {len(x)} points and of "
                f"{alone.shape[1]} at one. {_host.COLUMNS}"
            )
        # Of each residual, the size of its terms: the residual itself may be a small difference of
        # them, or small beside another one.
        terms = [np.abs(s * leaves[axes][:, None]).sum(axis=2) for axes, s in slopes.items()]
        sizes = np.nan_to_num(np.sum([np.abs(alone), *terms], axis=0)).max(axis=0)
        same = np.isclose(together, alone, rtol=0, atol=COUPLED * sizes, equal_nan=True)
        if not same.all():
            raise NotPointwise


def linearise(
    residuals: Callable[[Any, Any], list[Any]],
    x: Array,
    value: Callable[[Axes], Array],
    transform: Callable[[Any, Any], Any] | None = None,
    variables: tuple[Any, ...] = (),
) -> list[Linear]:
    """Residuals of values alone, as conditions are on JAX, and their derivatives in the values.

    Args:
        residuals: (x, u) -> residuals, each (R,) or (R, k); u is (N, m).
        x, value, transform, variables: As for ``Equations``.

    Returns:
        One for each column of each residual.

    Raises:
        NotPointwise: If a row of a residual depends on several points, other than a row for each
            pair of points that no other row depends on (periodic conditions).
    """

    def errors(u: Any) -> list[Any]:
        return residuals(points, u if transform is None else transform(points, u))

    points = jnp.asarray(x)
    found, pulled = jax.vjp(errors, jnp.asarray(value(())))
    linears = []
    for i, error in enumerate(found):
        n_rows = len(error) if error.ndim else 1
        if error.size == 0:
            raise ValueError("a condition has no rows or takes an output that is not there.")
        for c in range(error.size // n_rows):

            def slope_of(weights: Array, i: int = i, c: int = c, n_rows: int = n_rows) -> Array:
                weighted = [np.zeros(f.shape, f.dtype) for f in found]
                weighted[i].reshape(n_rows, -1)[:, c] = weights
                return np.asarray(pulled(weighted)[0])

            column = np.array(error).reshape(n_rows, -1)[:, c]
            linears.append(_linearised(column, slope_of, len(x), variables))
    return linears


def _linearised(
    column: Array, slope_of: Callable[[Array], Array], n_points: int, variables: tuple[Any, ...]
) -> Linear:
    count = sum(v.value.size for v in variables)
    n_rows = len(column)
    slope = slope_of(np.ones(n_rows))
    # As in taylor.pytorch: weights of the rows come back as those of their points.
    probe = 0.5 + np.random.default_rng(0).random(n_rows)
    rows = None
    if n_rows != n_points:
        numbered = slope_of(np.arange(1.0, n_rows + 1))
        rows = np.zeros(n_points, dtype=int)
        for one, number in zip(slope.T, numbered.T, strict=True):
            found = number / one
            # Of a slope that is round-off, the quotient is no row's number.
            there = np.abs(found - np.round(found)) < 1e-3
            rows[there] = np.round(found[there]).astype(int) - 1
        rows = np.clip(rows, 0, n_rows - 1)
    expected = (probe if rows is None else probe[rows])[:, None] * slope
    answer = slope_of(probe)
    least = 1e-12 * np.abs(np.nan_to_num(slope)).max(initial=0.0)
    if not np.allclose(answer, expected, rtol=COUPLED, atol=least, equal_nan=True):
        # As in taylor.pytorch: where the terms of a slope cancel, only their round-off is left.
        equal = [slope_of(np.full(n_rows, weight)) / weight for weight in EQUAL_WEIGHTS]
        noise = max(np.abs(np.nan_to_num(one - slope)).max(initial=0.0) for one in equal)
        least += ROUND_OFF * noise
        if not np.allclose(answer, expected, rtol=COUPLED, atol=least, equal_nan=True):
            raise NotPointwise
    slopes: dict[Axes, Array] = {(): slope} if (slope != 0).any() else {}
    return Linear(column.astype(float), slopes, rows, np.zeros((n_rows, count)))
