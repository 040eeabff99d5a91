"""Levenberg-Marquardt on all parameters of a network, with its output layer solved for anew.

The residuals r(θ, β) are linear, or nearly so, in the output layer and in the problem's other
unknowns β, and far from it in the hidden layers θ. So β is not stepped but solved for wherever θ
goes, and what has to fall is |r(θ, β(θ))| (variable projection: Golub and Pereyra, SIAM Journal on
Numerical Analysis 10, 1973). With P the projection on the complement of the range of ∂r/∂β, the
Jacobian of that is P ∂r/∂θ up to a term that is small with r (Kaufman, BIT 15, 1975), and a step is

    min |P (r + J δ)|² + λ |D δ|²,    J = ∂r/∂θ.

D are the largest norms so far of each column (Moré, The Levenberg-Marquardt algorithm, 1978), and λ
follows Nielsen's rule (Madsen, Nielsen and Tingleff, Methods for non-linear least squares problems,
2004, 3.2).

θ are the kernels and biases of the hidden layers in the form z = x K + b, also for the first one,
whose own parameters are more than that: they are set from K and b at the end.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...nets._eager import set_weights
from ...spec import RepSpec
from ...taylor import pytorch as taylor
from ...taylor.features import Affine, Features
from ...theory.initialize import Dense, Fourier, Rep, Weights
from ..equations import Problem, Rows, System, norms, total
from ..gauss_newton import Clock, OutOfTime, Points, field_of
from ..least_squares import Damped, LeastSquares, triangularise
from ..solution import Fit

MAX_STEPS = 200
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-11, 1e6

#: At rest: over so many steps the residual has not fallen by this factor.
PATIENCE, GAIN = 20, 0.9

#: Overfitted: for so many steps the residual at unseen points has been above its least, and now it
#: is that many times the one at the fitted points.
PATIENCE_UNSEEN, OVERFIT = 25, 4.0

#: The residual at unseen points is looked at when the other has fallen by this factor.
CHECKED = 0.9

#: Directions of ∂r/∂β with a singular value below this part of the largest are round-off.
RANGE = 1e-10

#: Damping ε of the solve for β.
OUTPUT_DAMPINGS = (1e-12, 1e-8)


#: Points inside for each parameter, and the most of them.
PER_PARAMETER, MOST_POINTS = 2.0, 1500

MOST_PARAMETERS = 20_000

#: Bytes of all copies of the Jacobian, and how many there are.
MOST_BYTES, COPIES = 4e9, 5


def density(features: Features, inside: float) -> float:
    """How many times as many points are wanted as ``inside``, those for the output layer alone."""
    wanted = min(PER_PARAMETER * len(hidden_parameters(features)), MOST_POINTS)
    return max(1.0, wanted / inside)


def check_size(features: Features, points: Points) -> None:
    """Whether the Jacobian is of a size that can be handled.

    Raises:
        ValueError: If not.
    """
    found, rows = len(hidden_parameters(features)), sum(map(len, points.rows))
    if found > MOST_PARAMETERS:
        raise ValueError(
            f'parameters="all" is for small networks, up to {MOST_PARAMETERS} parameters in the '
            f"hidden layers, and this one has {found}; make it smaller, or write "
            'parameters="output".'
        )
    size = 8.0 * rows * found * COPIES
    if size > MOST_BYTES:
        raise ValueError(
            f'parameters="all" would need {size / 1e9:.1f} GB for {found} parameters and {rows} '
            f"equations, and {MOST_BYTES / 1e9:.0f} GB are allowed; make the network smaller, or "
            'write parameters="output".'
        )


def solve_all(
    problem: Problem,
    system: System,
    points: Points,
    clock: Clock,
    start: Fit,
    tol: float,
    told: Callable[[float], None],
) -> tuple[System, Fit]:
    """Minimise the weighted residuals over all parameters.

    Args:
        start: The solution for the output layer.
        tol: Relative residual at unseen points to stop at.
        told: Is given the relative residual at the fitted points after each step.

    Returns:
        The features with the parameters found, and the solution on them: those of all steps with
        the smallest residual at unseen points.
    """
    descent = Descent(problem, system, points, clock, start, tol)
    stopped = None
    try:
        while not descent.finished:
            descent.step()
            told(descent.history[-1][0])
    except (OutOfTime, KeyboardInterrupt) as reason:
        clock.unlimited()
        stopped = "out of time" if isinstance(reason, OutOfTime) else "interrupted"
    return descent.best.system, replace(descent.fit(), stopped=stopped)


@dataclass(frozen=True)
class State:
    """Residuals at one set of parameters.

    Attributes:
        system: The features of θ.
        unknowns: β, (n,).
        rows, merit: The linearised residuals and the norm of all, weighted.
        solved: The linear solve that β came from.
    """

    system: System
    unknowns: torch.Tensor
    rows: list[Rows]
    merit: float
    solved: Damped | None = None


def hidden_parameters(features: Features) -> torch.Tensor:
    """θ, (p,): kernel and then bias of each hidden layer, level by level."""
    layers = [layer for level in features.levels for layer in level]
    return torch.cat([torch.cat(layer).reshape(-1) for layer in layers])


def at_parameters(features: Features, theta: torch.Tensor) -> Features:
    """The features with these hidden parameters."""
    levels: list[list[Affine]] = []
    start = 0
    for level in features.levels:
        moved = []
        for kernel, _ in level:
            rows, columns = kernel.shape[0] + 1, kernel.shape[1]
            values = theta[start : start + rows * columns].reshape(rows, columns)
            moved.append((values[:-1], values[-1:]))
            start += rows * columns
        levels.append(moved)
    return features.moved(levels)


def jacobian(system: System, row: Rows, unknowns: torch.Tensor) -> tuple[Any, Any]:
    """``(∂r/∂θ, ∂r/∂β)`` of a residual that has been linearised at these parameters."""
    linear, features = row.linear, system.features
    parts = [part[:-1] for part in outputs(system, unknowns)]
    layers, combined = taylor.parameter_gradients(features, row.x, linear.slopes, parts)
    hidden = torch.cat([layer.flatten(1) for layer in layers], dim=1)
    bias = linear.slopes.get((), row.x.new_zeros((len(row.x), len(combined))))
    output = torch.cat(
        [part for i, h in enumerate(combined) for part in (h, bias[:, i : i + 1])], dim=1
    )
    if linear.rows is not None:
        hidden, output = (
            block.new_zeros((len(row), block.shape[1])).index_add_(0, linear.rows, block)
            for block in (hidden, output)
        )
    return hidden, torch.cat([output, linear.variables], dim=1)


def outputs(system: System, unknowns: torch.Tensor) -> list[torch.Tensor]:
    """Coefficients and bias of each output, (n + 1,)."""
    return list(unknowns[: system.unknowns - system.others].split([n + 1 for n in system.sizes]))


def others_of(system: System, unknowns: torch.Tensor) -> torch.Tensor:
    """The problem's other unknowns, (q,)."""
    return unknowns[system.unknowns - system.others :]


class Descent:
    """The iteration.

    Args:
        start: The solution for the output layer.
        tol: Relative residual at unseen points to stop at.
    """

    def __init__(
        self, problem: Problem, system: System, points: Points, clock: Clock, start: Fit, tol: float
    ) -> None:
        self.problem, self.points, self.clock, self.tol = problem, points, clock, tol
        self.start = start
        self._state = self._evaluated(system, start.unknowns)
        self.theta = hidden_parameters(system.features)
        self._damping, self._factor = FIRST_DAMPING, 2.0
        self._norms = torch.zeros_like(self.theta)
        self.steps, self.stuck = 0, False
        self.history = [(self._state.merit / points.size, start.unseen)]
        self._merit_checked = math.inf
        self.best, self._best_unseen = self._state, list(start.unseen_by_equation)
        clock.tick("equations")

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to gain, or no more steps are allowed."""
        return self.at_rest or self.steps >= MAX_STEPS

    @property
    def at_rest(self) -> bool:
        """Whether the residual is below ``tol`` or falls no more."""
        if self.stuck or min(unseen for _, unseen in self.history) <= self.tol:
            return True
        fitted, unseen = zip(*self.history, strict=True)
        resting = len(fitted) > PATIENCE and fitted[-1] > GAIN * fitted[-1 - PATIENCE]
        since_best = len(unseen) - 1 - int(np.argmin(unseen))
        overfit = since_best >= PATIENCE_UNSEEN and unseen[-1] > OVERFIT * fitted[-1]
        return resting or overfit

    def step(self) -> None:
        """Linearise, and move with more and more damping until the residual falls."""
        self.steps += 1
        state, factors = self._state, self.points.factors
        blocks = [
            [factor * block for block in jacobian(state.system, row, state.unknowns)]
            for row, factor in zip(state.rows, factors, strict=True)
        ]
        hidden, output = (torch.cat(list(parts)) for parts in zip(*blocks, strict=True))
        residual = torch.cat(
            [f * r.linear.residual for r, f in zip(state.rows, factors, strict=True)]
        )
        self.clock.tick("Jacobian")
        range_, inverse = _range(output)
        self._norms = torch.maximum(self._norms, torch.linalg.vector_norm(hidden, dim=0))
        floor = 1e-6 * float(self._norms.max())
        scale = self._norms.clamp(min=floor or 1.0)
        scaled = hidden / scale
        projected = scaled - range_ @ (range_.T @ scaled)
        wanted = range_ @ (range_.T @ residual) - residual
        steps = DampedSteps(projected, wanted)
        self.clock.tick("normal equations")
        while self._damping <= MOST_DAMPING:
            move = steps.solve(self._damping)
            # Where the linearised problem has its minimum in β.
            along = inverse @ (range_.T @ (residual + scaled @ move))
            predicted = float(wanted.norm() ** 2 - (wanted - projected @ move).norm() ** 2)
            self.clock.tick("step")
            theta = self.theta + move / scale
            moved = System(at_parameters(state.system.features, theta), state.system.others)
            found = self._solved(moved, state.unknowns - along)
            self.clock.tick("equations")
            if found.merit < state.merit and predicted > 0:
                gain = (state.merit**2 - found.merit**2) / predicted
                self._accept(theta, found, gain)
                return
            self._damping *= self._factor
            self._factor *= 2
        self.problem.set_values(others_of(state.system, state.unknowns))
        self.stuck = True

    def _accept(self, theta: torch.Tensor, found: State, gain: float) -> None:
        """Go there; damp less the better the linearisation has told the fall, as ``gain`` says."""
        self.theta, self._state = theta, found
        less = max(1 / 3, 1 - (2 * min(gain, 1.0) - 1) ** 3)
        self._damping, self._factor = max(less * self._damping, LEAST_DAMPING), 2.0
        self.history.append((found.merit / self.points.size, self.history[-1][1]))
        if found.merit < CHECKED * self._merit_checked:
            self._check()

    def _evaluated(self, system: System, unknowns: torch.Tensor) -> State:
        self.problem.set_values(others_of(system, unknowns))
        rows = self.problem.linearise(self.points.fit, field_of(system, unknowns))
        merit = total(rows, self.points.factors)
        return State(system, unknowns, rows, merit if math.isfinite(merit) else math.inf)

    def _solved(self, system: System, guess: torch.Tensor) -> State:
        """The state with β solved for, linearised at a guess; the guess where that is better."""
        points = self.points
        if points.linear:
            best, affine = None, points.rows
        else:
            best = self._evaluated(system, guess)
            if best.merit == math.inf:
                return best
            field, values = field_of(system, guess), others_of(system, guess)
            affine = [r.affine(field, values) for r in best.rows]
        upper = triangularise(system.blocks(affine, points.factors), system.unknowns)
        for damping in OUTPUT_DAMPINGS:
            solved = LeastSquares(upper).solve(damping)
            found = replace(self._evaluated(system, solved.unknowns), solved=solved)
            if best is None or found.merit < best.merit:
                best = found
                break
        assert best is not None
        self.problem.set_values(others_of(system, best.unknowns))
        return best

    def _check(self) -> None:
        """Note the residual at unseen points, and the best state by it."""
        state, points = self._state, self.points
        self._merit_checked = state.merit
        rows = self.problem.linearise(points.check, field_of(state.system, state.unknowns))
        unseen = [norm / points.check_size for norm in norms(rows, points.check_factors)]
        size = float(np.linalg.norm(unseen))
        if size < float(np.linalg.norm(self._best_unseen)):
            self.best, self._best_unseen = state, unseen
        self.history[-1] = (state.merit / points.size, size)
        self.clock.tick("unseen points")

    def fit(self) -> Fit:
        """What has been found, at the best of all steps."""
        state, points = self.best, self.points
        values = others_of(state.system, state.unknowns)
        self.problem.set_values(values)
        fit, solved = self.start, state.solved
        if solved is not None:
            rows = sum(map(len, state.rows))
            variance = state.merit**2 / max(rows - solved.rank, 1)
            errors = torch.sqrt(variance * solved.inverse_diagonal(len(values)))
            fit = replace(
                fit,
                damping=solved.damping,
                rank=solved.rank,
                standard_errors=tuple(map(float, errors)),
            )
        return replace(
            fit,
            unknowns=state.unknowns,
            residual=state.merit / points.size,
            unseen=float(np.linalg.norm(self._best_unseen)),
            fitted_by_equation=tuple(n / points.size for n in norms(state.rows, points.factors)),
            unseen_by_equation=tuple(self._best_unseen),
            converged=self.at_rest,
            variables=tuple(map(float, values)),
            moved=self.steps,
        )


class DampedSteps:
    """``min |A δ - b|² + λ |δ|²`` for several λ, by Cholesky on whichever side of A is shorter.

    That is ``(AᵀA + λ) δ = Aᵀ b``, or ``δ = Aᵀ y`` with ``(A Aᵀ + λ) y = b``. It squares the
    condition number, which a step can bear: with n columns of norm 1 at most, the round-off in the
    product is about 1e-16 n, below the smallest λ that is used, and a step that is a little off is
    judged by the residual like any other. Each λ then costs n³/3 operations, where
    triangularisation would take ten times as many.
    """

    def __init__(self, matrix: Any, target: Any) -> None:
        self._matrix = matrix
        rows, columns = matrix.shape
        self._wide = columns > rows
        self._right = target if self._wide else matrix.T @ target
        self._product = _product(matrix.T if self._wide else matrix)

    def solve(self, damping: float) -> Any:
        """δ, with λ = ``damping``."""
        damped = self._product.clone()
        damped.diagonal().add_(damping)
        factor, _ = torch.linalg.cholesky_ex(damped)  # where that fails the residual does not fall
        found = torch.cholesky_solve(self._right[:, None], factor)[:, 0]
        return self._matrix.T @ found if self._wide else found


def _product(matrix: Any, blocks: int = 8) -> Any:
    """``AᵀA``, the blocks below the diagonal copied from those above: half the operations."""
    columns = matrix.shape[1]
    result = matrix.new_empty((columns, columns))
    bounds = [columns * i // blocks for i in range(blocks + 1)]
    for start, end in itertools.pairwise(bounds):
        result[start:end, start:] = matrix[:, start:end].T @ matrix[:, start:]
        result[start:, start:end] = result[start:end, start:].T
    return result


def _range(matrix: Any) -> tuple[Any, Any]:
    """Orthonormal basis U of the range, (M, k), and X: ``X Uᵀ r`` is the least-squares solution."""
    size = torch.linalg.vector_norm(matrix, dim=0)
    size = torch.where(size > 0, size, torch.ones_like(size))
    u, s, vt = torch.linalg.svd(matrix / size, full_matrices=False)
    kept = s > RANGE * s[0]
    return u[:, kept], (vt[kept].T / s[kept]) / size[:, None]


def set_hidden_layers(net: Any, features: Features) -> None:
    """Give a network the hidden layers of these features, in place."""
    set_weights(net, rep_weights(net.spec, net.to_numpy(), features))


def rep_weights(spec: RepSpec, weights: Weights, features: Features) -> Weights:
    """A network's weights with the hidden layers of these features; the output layer is kept."""
    assert spec.domain is not None and spec.slope_scale is not None
    moved: Weights = []
    for old, level in zip(weights, features.levels, strict=False):
        layers: list[Rep | Fourier | Dense] = []
        for given, affine in zip(old, level, strict=True):
            kernel, bias = (tensor.cpu().numpy() for tensor in affine)
            if isinstance(given, Rep):
                # x = half_width · normalised + center
                slope = kernel.T * spec.domain.half_width
                offset = bias[0] + kernel.T @ spec.domain.center
                layers.append(given.with_ridges(np.array(spec.slope_scale), slope, offset))
            else:
                layers.append(Dense(kernel, bias[0]))
        moved.append(layers)
    return [*moved, weights[-1]]
