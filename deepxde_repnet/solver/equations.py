"""A problem's equations and conditions at points of their own, linearised and assembled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from .. import _host
from ..spec import Array
from ..taylor.features import Axes, Features, Tensor
from ..taylor.framework import taylor
from ..taylor.linear import Linear, NotPointwise

#: Bytes that a block of rows may take while it is triangularised.
BLOCK_BYTES = 3e8

#: Bytes of features that an iteration may keep.
KEPT_BYTES = 1e9


@dataclass(frozen=True)
class Equation:
    """The equations of a problem (``condition`` None), or one of its conditions, at points.

    Attributes:
        name: As printed.
        points: (N, d), and ``x``, the same as a tensor.
    """

    name: str
    condition: Any
    points: Array

    @cached_property
    def x(self) -> Tensor:
        return taylor.asarray(self.points)


@dataclass(frozen=True)
class Rows:
    """One residual of an equation, linearised: see ``taylor.linear.Linear``.

    Attributes:
        data: Whether it compares with given values at given points, which may carry noise.
    """

    name: str
    x: Tensor
    linear: Linear
    data: bool = False

    def __len__(self) -> int:
        return len(self.linear.residual)

    def affine(self, state: State | None, values: Tensor) -> Rows:
        """The linearised residual where all unknowns are zero: r - Σ c_A D_A u - J θ."""
        linear = self.linear
        constant = linear.residual - linear.variables @ values
        if state is None:
            moved = Linear(constant, linear.slopes, linear.rows, linear.variables)
            return replace(self, linear=moved)
        for axes, slope in linear.slopes.items():
            products = (slope * state(self.x, axes)).sum(1)
            if linear.rows is None:
                constant -= products
            else:
                taylor.add_rows(constant, linear.rows, -products)
        moved = Linear(constant, linear.slopes, linear.rows, linear.variables)
        return replace(self, linear=moved)


#: A field: (points, axes) -> that derivative there, (N, m).
State = Callable[[Tensor, Axes], Tensor]


class Problem:
    """A DeepXDE problem as residuals of a field.

    Args:
        data: A ``dde.data.PDE`` or ``TimePDE``.
        n_outputs: Number of components of the field.
        transform: Output transform of the network, or None.
        variables: Other unknowns, ``dde.Variable`` objects in float64.
    """

    def __init__(
        self, data: Any, n_outputs: int, transform: Any = None, variables: tuple[Any, ...] = ()
    ) -> None:
        self.data, self.n_outputs, self.transform = data, n_outputs, transform
        self.variables = variables
        residuals = partial(_host.columns, "PDE", n_outputs, data, None)
        self._equations = taylor.Equations(residuals, transform, variables)
        self.evaluated = ""  # what was evaluated last, as printed

    def values(self) -> Tensor:
        """Current values of the other unknowns, (q,)."""
        return taylor.asarray(_host.variable_values(self.variables))

    def set_values(self, values: Tensor) -> None:
        """Set the other unknowns, (q,)."""
        _host.set_variables(self.variables, taylor.to_numpy(values))

    def linearise(self, equations: list[Equation], state: State | None = None) -> list[Rows]:
        """Residuals and their derivatives near a state; None is the zero field."""
        rows = []
        for equation in equations:
            zeros = taylor.zeros((len(equation.x), self.n_outputs), equation.x)

            def value(axes: Axes, x: Any = equation.x, zeros: Any = zeros) -> Tensor:
                return zeros if state is None else state(x, axes)

            self.evaluated = equation.name
            if equation.condition is None:
                linears = self._equations.linearise(equation.points, equation.x, value)
            else:
                linears = taylor.linearise(
                    partial(
                        _host.columns,
                        equation.name,
                        self.n_outputs,
                        self.data,
                        equation.condition,
                        equation.points,
                    ),
                    equation.x,
                    value,
                    self.transform,
                    self.variables,
                )
            for j, linear in enumerate(linears):
                name = equation.name if len(linears) == 1 else f"{equation.name} {j + 1}"
                data = _host.is_point_set(equation.condition)
                rows.append(Rows(name, equation.x, linear, data))
        return rows


def problem_of(
    data: Any,
    equations: list[Equation],
    variables: tuple[Any, ...] = (),
    transform: Any = None,
    most: int = 12,
) -> Problem:
    """The problem with the smallest number of outputs for which every residual can be evaluated.

    Raises:
        ValueError: If there is none up to ``most``; the message holds what the problem said.
    """
    said = ""
    for count in range(1, most + 1):
        problem = Problem(data, count, transform, variables)
        try:
            rows = problem.linearise(equations)
        except (NotPointwise, _host.NoDerivatives, _host.WrongShape):
            raise
        except Exception as error:  # the user's own code: whatever it raises for too few outputs
            said = said or f"{problem.evaluated} said: {type(error).__name__}: {error}"
            continue
        if not all(len(r) for r in rows) or any(_needs_more(e, count) for e in equations):
            continue
        if not (taylor.CLAMPS and _uses_next(problem, equations, len(rows))):
            return problem
    raise ValueError(
        f"the problem could not be evaluated with 1 to {most} outputs; with one, {said}"
    )


def _uses_next(problem: Problem, equations: list[Equation], n_rows: int) -> bool:
    """Whether the same residuals, ``n_rows`` of them, use an output beyond the problem's."""
    count = problem.n_outputs
    larger = Problem(problem.data, count + 1, problem.transform, problem.variables)
    generator = np.random.default_rng(0)

    def random(x: Tensor, axes: Axes) -> Tensor:
        return taylor.asarray(generator.standard_normal((len(x), count + 1)))

    try:
        rows = larger.linearise(equations, random)
    except Exception:  # the user's own code: it does not take so many
        return False
    slopes = [slope for row in rows for slope in row.linear.slopes.values()]
    # Residuals of all outputs at once, y - 1, become more with them.
    return len(rows) == n_rows and any(bool((slope[:, count] != 0).any()) for slope in slopes)


def _needs_more(equation: Equation, count: int) -> bool:
    """Whether a condition names an output beyond so many."""
    component = getattr(equation.condition, "component", 0) or 0
    return (max(component) if isinstance(component, list) else int(component)) >= count


def scales(rows: list[Rows], wavenumber: Array, amplitudes: Array | None = None) -> list[float]:
    """Size of each residual's terms for a wave of that wavenumber and amplitude 1.

    The root mean square of ``Σ_A |c_A Π_{j in A} k_j|²`` over points and outputs, whatever the
    features are: residuals divided by it can be compared, and none drowns the others. Where the
    zero field has no slope, as in a(x) u'' = f with a unknown, the size of its residual.

    Args:
        amplitudes: Of each output, in place of 1, (m,).
    """
    found = []
    for row in rows:
        total = 0.0
        weights = 1.0 if amplitudes is None else amplitudes**2
        for axes, slope in row.linear.slopes.items():
            factor = float(np.prod([wavenumber[j] for j in axes]))
            squares = taylor.to_numpy((slope**2).mean(0))
            total += float((squares * weights).sum()) * factor**2
        if total == 0:
            total = float((row.linear.residual**2).mean())
        found.append(np.sqrt(total) if total > 0 else 1.0)
    return found


def norms(rows: list[Rows], factors: list[float]) -> list[float]:
    """Weighted norm of each residual."""
    return [f * float(taylor.norm(r.linear.residual)) for r, f in zip(rows, factors, strict=True)]


def total(rows: list[Rows], factors: list[float]) -> float:
    """Norm of all weighted residuals."""
    return float(np.linalg.norm(norms(rows, factors)))


class System:
    """Weighted rows over the unknowns of a set of features: coefficients and bias by output.

    The unknowns are ordered by output, each with its features and then its bias; the problem's
    other unknowns, ``others`` of them, come last.
    """

    def __init__(self, features: Features, others: int = 0) -> None:
        self.features, self.others = features, others
        self.sizes = [features.sizes[b] for b in features.branch_of_output]
        self.unknowns = sum(self.sizes) + len(self.sizes) + others
        self._kept: dict[tuple[int, Axes, int], tuple[Tensor, Tensor]] | None = None
        self._kept_bytes = 0.0

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep the features at whole sets of points, for an iteration that needs them often."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept, self._kept_bytes = None, 0.0

    def _combined(self, x: Tensor, branch: int, parts: dict[Axes, Any]) -> Tensor:
        """``Σ_A c_A D_A h`` of a branch at points x, (N, n); c_A is (N, 1)."""
        size = self.features.sizes[branch] * len(x) * 8.0
        new = [axes for axes in parts if (id(x), axes, branch) not in (self._kept or {})]
        if self._kept is None or self._kept_bytes + size * len(new) > KEPT_BYTES:
            return self.features.at(x).combine(branch, parts)
        here = self.features.at(x)
        one = taylor.ones((len(x), 1), x)
        for axes in new:
            # x is kept too: its id must not be used again while it stands for it here.
            self._kept[id(x), axes, branch] = (x, here.combine(branch, {axes: one}))
            self._kept_bytes += size
        total = None
        for axes, c in parts.items():
            term = c * self._kept[id(x), axes, branch][1]
            if total is None:
                total = term
            else:
                total += term
        assert total is not None
        return total

    def blocks(self, rows: list[Rows], factors: list[float]) -> Iterator[Tensor]:
        """``[A | b]`` of the linearised equations ``A β = b``, block by block of rows."""
        most = max(2 * self.unknowns, int(BLOCK_BYTES / 8 / (self.unknowns + 1)))
        gathered: list[Tensor] = []
        count = 0
        for row, factor in zip(rows, factors, strict=True):
            for part in self._assembled(row, factor, most):
                gathered.append(part)
                count += len(part)
                if count >= most:
                    yield taylor.cat(gathered)
                    gathered, count = [], 0
        if gathered:
            yield taylor.cat(gathered)

    def by_row(self, rows: list[Rows], factors: list[float]) -> list[Tensor]:
        """``[A | b]`` of each residual, all its rows."""
        most = max(len(row) for row in rows)
        return [
            taylor.cat(list(self._assembled(row, factor, most)))
            for row, factor in zip(rows, factors, strict=True)
        ]

    def errors(self, rows: list[Rows], factors: list[float], unknowns: Tensor) -> list[float]:
        """Weighted norm of ``A β - b`` for each residual."""
        found = []
        for row, factor in zip(rows, factors, strict=True):
            parts = self._assembled(row, factor, len(row))
            found.append(sum(float(((p[:, :-1] @ unknowns - p[:, -1]) ** 2).sum()) for p in parts))
        return [float(np.sqrt(square)) for square in found]

    def _assembled(self, row: Rows, factor: float, most: int) -> Iterator[Tensor]:
        linear = row.linear
        if linear.rows is None:
            step = max(256, min(most, int(2e6) // max(self.unknowns, 1)))
            if self._kept is not None:
                step = len(row)
            for start in range(0, len(row), step):
                part = slice(start, min(start + step, len(row)))
                x = row.x if step >= len(row) else row.x[part]
                block = self.matrix(x, {a: c[part] for a, c in linear.slopes.items()})
                rest = [linear.variables[part], -linear.residual[part, None]]
                yield factor * taylor.cat([block, *rest], dim=1)
            return
        pointwise = self.matrix(row.x, linear.slopes)
        block = taylor.zeros((len(row), self.unknowns - self.others), pointwise)
        taylor.add_rows(block, linear.rows, pointwise)
        yield factor * taylor.cat([block, linear.variables, -linear.residual[:, None]], dim=1)

    def products(self, rows: list[Rows], factors: list[float], directions: Tensor) -> Array:
        """Weighted norm of ``A v`` for each residual and column v of (n, k), (residuals, k)."""
        found = []
        for row, factor in zip(rows, factors, strict=True):
            parts = self._assembled(row, factor, len(row))
            squares = sum(((part[:, :-1] @ directions) ** 2).sum(0) for part in parts)
            found.append(np.sqrt(taylor.to_numpy(squares)))
        return np.array(found)

    def matrix(self, x: Tensor, slopes: dict[Axes, Tensor]) -> Tensor:
        """``Σ_A Σ_i c_A,i D_A u_i`` at points x as a matrix over the features, (N, n)."""
        matrix = taylor.zeros((len(x), self.unknowns - self.others), x)
        start = 0
        for output, size in enumerate(self.sizes):
            parts = {
                a: c[:, output : output + 1]
                for a, c in slopes.items()
                if bool((c[:, output] != 0).any())
            }
            if parts:
                branch = self.features.branch_of_output[output]
                matrix[:, start : start + size] = self._combined(x, branch, parts)
            if () in parts:
                matrix[:, start + size] = parts[()][:, 0]
            start += size + 1
        return matrix

    def field(self, x: Tensor, axes: Axes, unknowns: Tensor) -> Tensor:
        """A derivative of the field at points x, (N, m)."""
        result = taylor.zeros((len(x), len(self.sizes)), x)
        step = len(x) if self._kept is not None else max(256, int(4e6) // max(self.sizes))
        for begin in range(0, len(x), step):
            points = x if step >= len(x) else x[begin : begin + step]
            one = taylor.ones((len(points), 1), x)
            start = 0
            for output, size in enumerate(self.sizes):
                branch = self.features.branch_of_output[output]
                features = self._combined(points, branch, {axes: one})
                values = features @ unknowns[start : start + size]
                if not axes:
                    values = values + unknowns[start + size]
                result[begin : begin + step, output] = values
                start += size + 1
        return result
