"""How well a first layer would serve a problem: a small least-squares problem that says so.

The last hidden layer of a wide random network is fitted to the problem at the script's own points,
and judged by the residual that it leaves at others. Equation, order, conditions and points decide
together, which no rule that looks at one of them can. Everything is done in NumPy, so that one seed
gives one answer on every backend: of the user's equations it needs only their coefficients at each
point, which are read off their answers to fields whose derivatives are known
(``_host.local_residuals``).

The method is this project's own; its measurements are on the documentation page "Choosing the
scale".
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import linalg

from . import _host
from .spec import Array, Box, RepSpec
from .taylor.arrays import NumPyArrays
from .taylor.features import Evaluated, Features
from .theory import activations
from .theory.initialize import draw

#: Neurons of the last hidden layer, and of those before it, whose number is that of the network's.
FEATURES, WIDTH, MOST_LAYERS = 256, 64, 4

#: Points of the equations that are fitted at most, and points that the residual is judged at: of
#: the equations, and of each condition.
MOST_FITTED, CHECK_INSIDE, CHECK_CONDITION = 1000, 300, 60

#: Damping of the least squares, relative to the largest diagonal entry of their normal equations.
#: Much less of it credits flat features with digits that no training would find.
DAMPING = 1e-12

#: Points at which it is tried what the equations depend on.
PROBED = 6

#: Share of what an equation depends on that passes for round-off, in single precision.
ROUND_OFF = 1e-4

#: Step of a derivative by a difference, relative to fields of size 1.
STEP = 0.1

#: Linearisations of an equation that is not linear.
ROUNDS = 3

Exponent = tuple[int, ...]


class NotServed(ValueError):
    """The problem cannot be judged in this way; the message says why."""


@dataclass(frozen=True)
class Rows:
    """A residual near a state: ``r + Σ_k c_k δ(∂^(A_k) u_(o_k)) + J δθ``, weighted.

    Attributes:
        inputs: Normalised inputs of the first layer, (N, F).
        terms: (A, o) of each term, A a multi-index over the inputs and o an output.
        slopes: c_k, shape (K, N).
        residual: r, shape (R,); R is N, or N/2 for a condition that compares pairs of points.
        right: What ``Σ_k c_k ∂^(A_k) u_(o_k) + J θ`` is to be, shape (R,).
        unknowns: J, shape (R, q), for the problem's other unknowns.
        weight: That residuals are multiplied by to be compared, 1/√R among it.
    """

    inputs: Array
    terms: list[tuple[tuple[int, ...], int]]
    slopes: Array
    residual: Array
    right: Array
    unknowns: Array
    weight: float = 1.0

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.residual).all() and np.isfinite(self.slopes).all())


class _Place:
    """The equations, or one condition, at points of their own, near a state.

    Attributes:
        state: Derivatives ∂^A of the outputs at the points, shape (N, n, m).
    """

    def __init__(self, problem: SmallProblem, condition: Any, points: Array) -> None:
        self._problem, self._condition, self.points = problem, condition, points
        self.inputs = problem.inputs(points)
        self.state = np.zeros((len(points), len(problem.exponents), problem.outputs))
        linear = problem.is_linear or condition is not None
        self._step = 1.0 if linear else STEP
        self._both_sides = not linear
        copies = 1
        if condition is None:  # all differences in one call: a call is what costs
            copies += len(problem.terms) * (1 + self._both_sides)
        self._evaluate = problem.evaluator(condition, np.tile(points, (copies, 1)))
        self._copies = copies

    def rows(self, values: Array) -> Iterator[Rows | None]:
        """Each residual near the state and these values of the other unknowns, or None."""
        if self._condition is None:
            terms = self._problem.terms
            residuals, slopes = differences(
                self._evaluate, self.state, terms, self._step, self._both_sides, values
            )
        else:
            terms = self._problem.condition_terms
            found = self._of_condition(terms, values)
            if found is None:
                yield None
                return
            residuals, slopes = found
        changes = list(self._by_unknown(residuals, values))
        for i, (residual, slope) in enumerate(zip(residuals, slopes, strict=True)):
            unknowns = np.reshape([change[i] for change in changes], (-1, len(residual))).T
            own = np.zeros(len(self.points))
            for c, (a, o) in zip(slope, terms, strict=True):
                own += c * self.state[:, a, o]
            right = paired(own, len(residual)) - residual + unknowns @ values
            named = [(self._problem.exponents[a], o) for a, o in terms]
            row = Rows(self.inputs, named, slope, residual, right, unknowns)
            yield row if row.is_finite else None

    def _of_condition(
        self, terms: list[tuple[int, int]], values: Array
    ) -> tuple[list[Array], list[Array]] | None:
        """Its residual and slopes; None where it compares other than points or pairs of them."""
        n = len(self.points)
        try:
            (residual,) = self._evaluate(self.state, values)
            if n % len(residual) or n // len(residual) > 2:
                return None
            parts = np.split(np.arange(n), n // len(residual))
            slope = np.zeros((len(terms), n))
            for k, (a, o) in enumerate(terms):
                for part in parts:
                    changed = self.state.copy()
                    changed[part, a, o] += 1.0
                    slope[k, part] = self._evaluate(changed, values)[0] - residual
        except Exception:  # a derivative that DeepXDE does not have there, for instance
            return None
        return [residual], [slope]

    def _by_unknown(self, residuals: list[Array], values: Array) -> Iterator[list[Array]]:
        """How the residuals change with each of the other unknowns."""
        state = np.tile(self.state, (self._copies, 1, 1))
        for i, value in enumerate(values):
            h = 0.01 * (abs(value) or 1.0)
            moved = values.copy()
            moved[i] += h
            changed = self._evaluate(state, moved)
            yield [(c[: len(r)] - r) / h for c, r in zip(changed, residuals, strict=True)]


class SmallProblem:
    """The problem of a model, to be fitted by least squares.

    Args:
        model: Of a ``dde.data.PDE`` or ``TimePDE``; its network's transforms are applied.
        box: Of the inputs of the first layer, after a feature transform.
        wavenumber: What the solution's is expected to be, radians per normalised unit of the
            inputs, shape (F,): it makes residuals of different order comparable.
        variables: The problem's external trainable variables.
        seed: Of the features and of the points that the residual is judged at.

    Attributes:
        is_linear: Whether the equations are linear, with no other unknowns.
        order: Highest derivative in the equations.

    Raises:
        NotServed: If the equations cannot be evaluated, or depend on nothing.
    """

    def __init__(
        self, model: Any, box: Box, wavenumber: Array, variables: Any = (), seed: int = 0
    ) -> None:
        self._net, self._data, self._box = model.net, model.data, box
        self._variables = tuple(variables)
        self._wavenumber, self._seed = np.asarray(wavenumber, float), seed
        self.outputs = _host.n_outputs(model.net)
        try:
            self._prepare()
        except NotServed:
            raise
        except Exception as error:  # whatever a user's functions do with fields of our own
            raise NotServed(f"{type(error).__name__}: {error}") from error

    def _prepare(self) -> None:
        generator = np.random.default_rng(self._seed)
        inside, *others = _host.script_points(self._data)
        if len(inside) > MOST_FITTED:
            inside = inside[generator.choice(len(inside), MOST_FITTED, replace=False)]
        conditions = _host.conditions(self._data)
        with _host.seeded(self._seed + 1):
            check = [_host.interior_points(self._data, CHECK_INSIDE, even=False)]
            for condition in conditions:
                check.append(
                    _host.condition_points(self._data, condition, CHECK_CONDITION, even=False)
                )
        self._values = _host.variable_values(self._variables)
        self._rounds = ROUNDS - 1
        probed = inside[generator.choice(len(inside), min(PROBED, len(inside)), replace=False)]
        self._find_terms(probed, generator)
        # Of a point set all points, also where it is trained in batches.
        others = [
            every if _host.is_point_set(condition) else points
            for condition, points, every in zip(conditions, others, check[1:], strict=True)
        ]
        fit = [(None, inside), *zip(conditions, others, strict=True)]
        places = [(c, f, k) for (c, f), k in zip(fit, check, strict=True) if len(f) and len(k)]
        self._fitted = [_Place(self, condition, points) for condition, points, _ in places]
        self._checked = [_Place(self, condition, points) for condition, _, points in places]
        self._linearise()

    # ---------------------------------------------------------------------------------------------
    # The equations' coefficients

    def inputs(self, points: Array) -> Array:
        """The normalised inputs of the first layer at points (N, d), shape (N, F)."""
        if _host.input_transform(self._net) is not None:
            points = _host.transform_points(self._net, points)
        return self._box.normalise(points)

    def evaluator(self, condition: Any, points: Array) -> _host.LocalResiduals:
        """The residuals of the equations (None), or of a condition, at points (N, d)."""
        return _host.local_residuals(
            self._net,
            self._data,
            condition,
            points,
            self.exponents,
            self._box.half_width,
            self._variables,
        )

    def _find_terms(self, points: Array, generator: np.random.Generator) -> None:
        """Find the derivatives that the equations depend on, and whether they are linear in them.

        They are looked for up to the fourth order, in more than three inputs up to the second.
        """
        self.exponents = _exponents(self._box.dim, 4 if self._box.dim <= 3 else 2)
        shape = (len(points), len(self.exponents), self.outputs)
        every = [(a, o) for a in range(shape[1]) for o in range(shape[2])]
        evaluate = self.evaluator(None, np.tile(points, (len(every) + 1, 1)))
        slopes = [
            np.array(differences(evaluate, state, every, 1.0, False, self._values)[1])
            for state in (np.zeros(shape), generator.standard_normal(shape))
        ]
        size = np.maximum(*map(np.abs, slopes))  # (equations, terms, points)
        if not np.isfinite(size).all() or not size.any():
            raise NotServed("the equations give no finite value, or none that depends on a field")
        most = size.max(axis=(1, 2), keepdims=True)
        terms = [every[k] for k in np.flatnonzero((size > ROUND_OFF * most).any(axis=(0, 2)))]
        same = np.abs(slopes[0] - slopes[1]) <= 10 * ROUND_OFF * most
        self.is_linear = bool(same.all()) and not self._values.size
        if self.is_linear:
            self._rounds = 0
        self.order = max(sum(self.exponents[a]) for a, _ in terms)
        kept = _exponents(self._box.dim, max(self.order, 1))
        self.terms = [(kept.index(self.exponents[a]), o) for a, o in terms]
        self.exponents = kept
        lower = [a for a, e in enumerate(kept) if sum(e) <= max(self.order - 1, 0)]
        self.condition_terms = [(a, o) for a in lower for o in range(self.outputs)]

    def _linearise(self) -> None:
        """Rows near the present state, at the points fitted and at those judged at."""
        # What is not finite, in half precision for instance, is left out and no reason to warn.
        with np.errstate(over="ignore", invalid="ignore"):
            fitted, checked = (
                [row for place in places for row in place.rows(self._values)]
                for places in (self._fitted, self._checked)
            )
        self._rows = [
            [replace(row, weight=1.0 / (size * np.sqrt(len(row.residual)))) for row in (f, c)]
            for f, c in zip(fitted, checked, strict=True)
            if f is not None and c is not None and (size := self._size_of_terms(f)) > 0
        ]
        if not self._rows:
            raise NotServed("no residual is finite and depends on the solution")

    def _size_of_terms(self, row: Rows) -> float:
        """Root mean square of a residual's terms for a wave of the expected wavenumber."""
        square = 0.0
        for slope, (exponent, _) in zip(row.slopes, row.terms, strict=True):
            square += float(
                (slope**2).mean() * np.prod(self._wavenumber ** np.array(exponent)) ** 2
            )
        return float(np.sqrt(square))

    # ---------------------------------------------------------------------------------------------
    # What a first layer leaves of them

    def fit(self, network: RepSpec) -> Fit:
        """What a network leaves of the problem, relative to its data.

        An equation that is not linear is linearised at zero first, and then at what the first
        network found, as long as that is nearer to a solution; for the others it stays so.

        Args:
            network: As ``wide`` makes it.
        """
        found = self._fit(network)
        while self._rounds > 0 and self._moved(found):
            self._rounds -= 1
            found = self._fit(network)
        self._rounds = 0
        return found

    def _moved(self, best: Fit) -> bool:
        """Linearise at a solution of what was linearised before, if that is any better."""
        places = self._fitted + self._checked
        before = [place.state for place in places], self._values, self._rows
        size = self._size()
        for place in places:
            place.state = best.network.derivatives(place.inputs, self.exponents, best.solution)
        self._values = best.solution[best.network.size :]
        with contextlib.suppress(NotServed):
            self._linearise()
            if len(self._rows) == len(before[2]) and self._size() < size:
                return True
        states, self._values, self._rows = before
        for place, state in zip(places, states, strict=True):
            place.state = state
        return False

    def _size(self) -> float:
        """Squared norm of all residuals at the present state, at the points fitted."""
        return sum(float(((row.weight * row.residual) ** 2).sum()) for row, _ in self._rows)

    def _fit(self, spec: RepSpec) -> Fit:
        network = _Network(spec, self.outputs)
        parts = [network.equations(fitted) for fitted, _ in self._rows]
        matrix, right = map(np.concatenate, zip(*parts, strict=True))
        solution = _least_squares(matrix, right)
        left = whole = 0.0
        for _, checked in self._rows:
            matrix, right = network.equations(checked)
            left += float(((matrix @ solution - right) ** 2).sum())
            whole += float((right**2).sum())
        return Fit(network, solution, float(np.sqrt(left / whole)) if whole > 0 else 0.0)


def wide(given: RepSpec, scale: Array, activation: Any, sines: float | None) -> RepSpec:
    """A wide network over normalised inputs that is as deep as a given one, with one output.

    An activation that is not known by a name counts as tanh.

    Args:
        scale: Slope scale, shape (F,).
        activation: Of all hidden layers, or of each.
        sines: Their share in the first layer; None is the given one.
    """
    depth = min(len(given.layer_sizes) - 2, MOST_LAYERS)
    named = activation if isinstance(activation, (list, tuple)) else [activation] * (depth + 1)
    box = Box([-1.0] * len(scale), [1.0] * len(scale))
    spec = RepSpec(
        (len(scale), *[WIDTH] * (depth - 1), FEATURES, 1),
        [_known(name) for name in [*named[:depth], "tanh"]],
        "Glorot normal",
        seed=0,
    )
    return spec.completed(box, scale, 1.0, sines=(given.sines or 0.0) if sines is None else sines)


def _known(activation: Any) -> str:
    name = activation.split()[-1].lower() if isinstance(activation, str) else ""
    return name if name in activations.ACTIVATIONS else "tanh"


class _Network:
    """The last hidden layer of a wide network, and a bias for each output, as unknowns.

    They are ordered by output, each with its features and its bias.
    """

    def __init__(self, spec: RepSpec, outputs: int) -> None:
        self._features, self._outputs = Features(spec, draw(spec), NumPyArrays()), outputs
        self._evaluated: dict[int, Evaluated] = {}  # by the place, whose equations share points

    def equations(self, row: Rows) -> tuple[Array, Array]:
        """Weighted matrix and right-hand side of a residual; the other unknowns come last."""
        features = self._at(row.inputs)
        matrix = np.zeros((len(row.inputs), self._outputs, FEATURES + 1))
        for output in range(self._outputs):
            parts = {
                _axes(exponent): slope[:, None]
                for slope, (exponent, o) in zip(row.slopes, row.terms, strict=True)
                if o == output and slope.any()
            }
            if parts:
                matrix[:, output, :-1] = features.combine(0, parts)
            if () in parts:
                matrix[:, output, -1] = parts[()][:, 0]
        pointwise = matrix.reshape(len(matrix), -1)
        whole = np.hstack([paired(pointwise, len(row.right)), row.unknowns])
        return row.weight * whole, row.weight * row.right

    def derivatives(self, inputs: Array, exponents: list[Exponent], solution: Array) -> Array:
        """∂^A of each output, shape (N, n, m)."""
        weights = solution[: self.size].reshape(self._outputs, FEATURES + 1)
        features, one = self._at(inputs), np.ones((len(inputs), 1))
        found = [features.combine(0, {_axes(e): one}) @ weights[:, :-1].T for e in exponents]
        found[0] = found[0] + weights[:, -1]
        return np.stack(found, axis=1)

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self._outputs * (FEATURES + 1)

    def _at(self, inputs: Array) -> Evaluated:
        if id(inputs) not in self._evaluated:
            self._evaluated[id(inputs)] = self._features.at(inputs)
        return self._evaluated[id(inputs)]


def _axes(exponent: Exponent) -> tuple[int, ...]:
    """(2, 1) as (0, 0, 1), the form in which ``Features`` has it."""
    return tuple(j for j, times in enumerate(exponent) for _ in range(times))


@dataclass(frozen=True)
class Fit:
    """A network with its least-squares solution.

    Attributes:
        validation: The residual that it leaves where it was not fitted, relative.
    """

    network: _Network
    solution: Array
    validation: float


def differences(
    evaluate: _host.LocalResiduals,
    state: Array,
    terms: list[tuple[int, int]],
    step: float,
    both_sides: bool,
    values: Array,
) -> tuple[list[Array], list[Array]]:
    """Residuals at a state (N, n, m) and their derivatives by each term, in one call.

    Args:
        evaluate: For N points and as many copies of them as there are differences.

    Returns:
        For each residual r, shape (N,), and its slopes, shape (K, N).
    """
    signs = (1.0, -1.0) if both_sides else (1.0,)
    moved = np.tile(state, (1 + len(signs) * len(terms), 1, 1, 1))
    for k, (a, o) in enumerate(terms):
        for i, sign in enumerate(signs):
            moved[1 + k * len(signs) + i, :, a, o] += sign * step
    found = evaluate(moved.reshape(-1, *state.shape[1:]), values)
    residuals, slopes = [], []
    for residual in found:
        by_state = np.broadcast_to(residual, len(moved) * len(state)).reshape(len(moved), -1)
        own, changed = by_state[0], by_state[1:]
        residuals.append(own)
        slopes.append(
            (changed[::2] - changed[1::2]) / (2 * step) if both_sides else (changed - own) / step
        )
    return residuals, slopes


def paired(values: Array, rows: int) -> Array:
    """Values by point as values by row: sums over the halves, if a row compares two points."""
    return values if len(values) == rows else values[:rows] + values[rows:]


def _exponents(dim: int, order: int) -> list[Exponent]:
    """All multi-indices up to an order, the lower orders first."""
    every = itertools.product(range(order + 1), repeat=dim)
    return sorted((e for e in every if sum(e) <= order), key=lambda e: (sum(e), e))


def _least_squares(matrix: Array, right: Array) -> Array:
    """Damped least squares, by the smaller of the two sets of normal equations."""
    few = len(matrix) < matrix.shape[1]
    normal = matrix @ matrix.T if few else matrix.T @ matrix
    normal[np.diag_indices_from(normal)] += DAMPING * normal.diagonal().max()
    if few:
        return np.asarray(matrix.T @ linalg.solve(normal, right, assume_a="pos"))
    return np.asarray(linalg.solve(normal, matrix.T @ right, assume_a="pos"))
