"""What ``solve`` returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .. import _host
from ..spec import Array, as_array


@dataclass(frozen=True)
class Fit:
    """A solution for one set of features.

    Attributes:
        unknowns: Coefficients and bias of each output, in that order.
        damping, rank: Of the last linear solve: ε, and the number of unknowns that the equations
            determine (see ``least_squares``).
        residual, unseen: Weighted residual at the fitted points and at others, relative to that
            of the zero field.
        fitted_by_equation, unseen_by_equation: Of each residual, relative to the whole of the
            problem; the first is empty for a linear problem.
        steps: Number of linear solves.
        converged: Whether the iteration came to rest.
        noise: Name of a set of given values -> standard deviation of the noise found in it, in
            units of its residual; these values count neither as fitted nor as unseen residual.
        variables, standard_errors: Of the problem's other unknowns, in the order given.
        moved: Number of Levenberg-Marquardt steps in which the hidden layers moved too.
        diverged: Which of the other unknowns have left all bounds.
        stopped: Why the iteration was ended from outside, or None.
    """

    unknowns: Any
    damping: float
    rank: int
    residual: float
    unseen: float
    fitted_by_equation: tuple[float, ...]
    unseen_by_equation: tuple[float, ...]
    steps: int
    converged: bool
    variables: tuple[float, ...] = ()
    standard_errors: tuple[float, ...] = ()
    noise: dict[str, float] = field(default_factory=dict)
    moved: int = 0
    diverged: tuple[int, ...] = ()
    stopped: str | None = None


class Estimate(NamedTuple):
    """An unknown of the problem other than its solution."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class Trial:
    """One set of features that was tried.

    Attributes:
        family: Activation.
        slope_scale: In normalised units, one per axis.
        features: Their number.
        fit: What came of it.
    """

    family: str
    slope_scale: tuple[float, ...]
    features: int
    fit: Fit


@dataclass(frozen=True)
class Solution:
    """A solved problem; printed, it is a table of how it was found.

    Attributes:
        residuals: Name of each residual -> (at the fitted points, at unseen ones), weighted and
            relative to the whole of the problem.
        trials: All features that were tried, in that order, with their residuals.
        kept: The one of them that is the solution.
        equations: Name of each equation and condition -> number of points fitted.
        verdict: One word. "converged": the residual at unseen points is below ``tol``, the problem
            is determined and ``error_estimate`` is small too. "unresolved": the residual is above,
            or the error may be large. "undetermined": the equations and conditions leave directions
            free. "contradictory": conditions, values and equations contradict each other.
            "diverged": an unknown variable left all bounds. "stopped": ended by ``seconds=`` or
            Ctrl-C.
        reason: Why it has not converged and what to do, or None.
        determined: Whether the equations and conditions determine the solution.
        error_estimate: Relative root mean square error to be expected, over all outputs, from the
            residual at unseen points and the stability of the equations (see ``stability``).
        linear: Whether the problem was found to be linear.
        seconds: Time by stage.
        tol: As given.
        hint: For a model: what other features would do, where that is much better; else None.
        unknowns: Number of coefficients and biases, and of all other parameters that were sought.
    """

    trials: tuple[Trial, ...]
    kept: Trial
    equations: dict[str, int]
    residuals: dict[str, tuple[float, float]]
    verdict: str
    reason: str | None
    determined: bool
    error_estimate: float
    linear: bool
    seconds: dict[str, float]
    tol: float
    hint: str | None
    unknowns: int
    _inputs: int | None
    _values: Callable[[Array], Array]
    _model: Callable[[], Any]

    @cached_property
    def model(self) -> Any:
        """A ``dde.Model`` with the network that holds the solution, in DeepXDE's float.

        In float32 the coefficients are rounded: ``predict`` of this object keeps all digits. Given
        a model, ``solve`` returns that one; otherwise it is made when it is first asked for, since
        the first optimizer of a process costs PyTorch more than a second.
        """
        return self._model()

    @property
    def converged(self) -> bool:
        """Whether the verdict is "converged"."""
        return self.verdict == "converged"

    @property
    def family(self) -> str:
        """Activation of the features."""
        return self.kept.family

    @property
    def slope_scale(self) -> tuple[float, ...]:
        """In normalised units, one per axis."""
        return self.kept.slope_scale

    @property
    def features(self) -> int:
        """Number of features (of the largest branch)."""
        return self.kept.features

    @property
    def variables(self) -> tuple[Estimate, ...]:
        """The other unknowns, entry by entry, each with its standard error.

        Where the given values were found to carry noise (``noise``), the standard error is what
        that noise does to the unknown while the equations hold. Otherwise it takes what is left of
        all weighted residuals for independent noise of one size, and shows little more than that
        the values were exact.
        """
        fit = self.kept.fit
        return tuple(map(Estimate, fit.variables, fit.standard_errors))

    @property
    def noise(self) -> dict[str, float]:
        """Condition -> standard deviation of the noise found in its values, in their unit.

        Empty where no given values carry noise, or ``loss_weights`` say what they are worth.
        """
        return dict(self.kept.fit.noise)

    @property
    def rank(self) -> int:
        """Numerical rank of the last linear solve."""
        return self.kept.fit.rank

    @property
    def residual(self) -> float:
        """Weighted residual at the fitted points, relative to that of the zero field."""
        return self.kept.fit.residual

    @property
    def residual_unseen(self) -> float:
        """The same at points that were not fitted."""
        return self.kept.fit.unseen

    def predict(self, x: Any) -> Array:
        """The solution at points x (N, d), computed in float64, shape (N, m), in DeepXDE's float.

        Raises:
            ValueError: If x is no array of finite numbers with the problem's number of columns.
        """
        points = np.atleast_2d(as_array("x", x))
        if points.ndim != 2 or self._inputs not in (None, points.shape[1]):
            raise ValueError(
                f"x has the shape {points.shape}; it must be (N, {self._inputs or 'd'})."
            )
        if not np.isfinite(points).all():
            raise ValueError("x holds NaN or infinity; leave these points out.")
        return self._values(points).astype(_host.real(np))

    def __str__(self) -> str:
        fit = self.kept.fit
        scale = ", ".join(f"{s:.3g}" for s in self.slope_scale)
        lines = [
            f"{self.features} {self.family} features, slope scale ({scale}): "
            f"{self.unknowns} unknowns, {sum(self.equations.values())} equations, rank {fit.rank}",
            f"{'residual':<32}{'points':>8}{'fitted':>10}{'unseen':>10}",
        ]
        counts = list(self.equations.items())
        for name, (fitted, unseen) in self.residuals.items():
            count = next((n for key, n in counts if name.startswith(key)), 0)
            lines.append(f"{name:<32}{count:>8}{fitted:>10.1e}{unseen:>10.1e}")
        lines.append(f"{'all':<40}{fit.residual:>10.1e}{fit.unseen:>10.1e}")
        for name, size in fit.noise.items():
            lines.append(f"{name}: noise of standard deviation {size:.2g}, which is not fitted")
        for i, found in enumerate(self.variables):
            if i in fit.diverged:
                lines.append(f"unknown {i + 1}: left all bounds ({found.value:.1e})")
            else:
                spread = f" ± {found.standard_error:.1e}" if self.converged else ""
                lines.append(f"unknown {i + 1}: {found.value:.10g}{spread}")
        lines.append(f"error to be expected (relative): {self.error_estimate:.1e}")
        solver = "one linear solve" if self.linear else f"{fit.steps} Gauss-Newton steps"
        if fit.moved:
            solver += f", {fit.moved} Levenberg-Marquardt steps on all parameters"
        stages = ", ".join(f"{name} {s:.1f}" for name, s in self.seconds.items())
        lines.append(
            f"{len(self.trials)} sets of features tried, {solver}; "
            f"{sum(self.seconds.values()):.1f} s ({stages})"
        )
        lines.append(self.verdict if self.reason is None else f"{self.verdict}: {self.reason}")
        if self.hint:
            lines.append(self.hint)
        return "\n".join(lines)
