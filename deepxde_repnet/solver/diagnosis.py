"""The verdict on a solution, and the reason in words that can be acted on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _host
from ..spec import Array
from ..taylor.framework import taylor
from .equations import Rows
from .gauss_newton import Descent
from .least_squares import LeastSquares, triangularise
from .solution import Trial
from .stability import Stability, values_matrix

if TYPE_CHECKING:
    from .task import _Task

#: Error that a converged solution may be expected to have, relative: so many times ``tol``, but no
#: less than the second number and no more than the third, or a few times ``tol``.
PER_TOL, LEAST_ERROR, MOST_ERROR, FEW = 1000.0, 1e-6, 0.03, 3.0

#: A condition would hold a direction of the null space when it sees that part of it.
SEEN = 0.02

#: Alternatives that are named.
NAMED = 3

#: Conditions contradict each other when together they leave so much of their values, and so many
#: times what each leaves by itself; or only meet with different values, when that is so at no more
#: than the last part of their points.
CONTRADICT, TOGETHER, MEETING = 0.02, 10.0, 0.08

#: Damping ε with which conditions are met by themselves.
ALONE = 1e-10

#: Part of the largest residual that marks where it is, and of the domain's width that is one place.
MARKED, NEAR = 0.5, 0.02

#: Of the residual, relative to the next smaller number of features, from which it does not depend
#: on them; and the part to which it falls without the condition that contradicts the others.
FLOOR, FREED = 0.95, 0.05

#: Number of trials that have to leave the same residual.
MOST_ALIKE = 4

#: Relative residual of an undetermined problem from which its equations do not all hold; and one
#: with which those of a nonlinear problem hold well enough to say that it is undetermined.
LEFT, HOLDS = 1e-2, 1e-3
NOT_MET = (
    "The equations and conditions have no solution: all features leave the same residual, {:.2g}, "
    "as when a source and fluxes do not balance, or a resonance is driven."
)

#: Relative error by the noise of given values from which little is known of the solution.
MOST_NOISE = 0.3
NOISY = (
    "The noise found in the given values leaves the solution, or what is sought with it, largely "
    "open: the error to be expected is as large. More values, or less noise, would tell."
)

#: Thickness of a layer, relative to the half width, that features may not see.
THIN = 0.02


@dataclass(frozen=True)
class Finding:
    """What is said of a solution; see the attributes of ``Solution``."""

    verdict: str
    reason: str | None
    determined: bool
    error_estimate: float


def largest_error(tol: float) -> float:
    """The largest relative error to be expected of a solution that is called converged."""
    return max(min(max(PER_TOL * tol, LEAST_ERROR), MOST_ERROR), FEW * tol)


def judge(task: _Task, kept: Trial, descent: Descent, stability: Stability) -> Finding:
    """The verdict on the solution that was kept, with its reason."""
    fit = kept.fit

    def finding(verdict: str, reason: str | None) -> Finding:
        return Finding(verdict, reason, stability.determined, stability.error)

    if fit.diverged:
        return finding("diverged", _diverged(task, fit.diverged))
    if not stability.determined and (task.linear or fit.unseen <= max(task.tol, HOLDS)):
        reason = _Missing(task, descent, stability).reason()
        if fit.unseen <= max(task.tol, LEFT):
            return finding("undetermined", reason)
        # A homogeneous problem with solutions of its own has others only for some right-hand sides.
        if _is_floor(task, kept):
            return finding("contradictory", f"{NOT_MET.format(fit.unseen)} {reason}")
        return finding("undetermined", f"{reason} Besides, a residual of {fit.unseen:.2g} is left.")
    if task.misfit is not None:
        return finding("contradictory", task.misfit)
    resolved = fit.unseen <= task.tol
    if resolved and stability.from_noise > MOST_NOISE:
        return finding("unresolved", NOISY)
    if resolved and fit.converged and stability.own_error <= largest_error(task.tol):
        return finding("converged", None)
    if task.stopped is not None:
        return finding("stopped", f"The search ended early: {task.stopped}.")
    if resolved and fit.converged:
        return finding("unresolved", _weak(task, stability))
    contradiction = _conditions_contradict(task, kept, descent)
    if contradiction is not None:
        certain, reason = contradiction
        return finding("contradictory" if certain else "unresolved", reason)
    return finding("unresolved", advice(task, kept))


def _diverged(task: _Task, which: tuple[int, ...]) -> str:
    names = " and ".join(f"unknown {i + 1}" for i in which)
    first = ", ".join(f"{float(task.first_values[i]):.3g}" for i in which)
    return (
        f"{names} left all bounds from the first value {first}, and the equations do not hold; the "
        "first value is restored. Start nearer to the solution: another value of the "
        "dde.Variable, or start= for the field."
    )


def _weak(task: _Task, stability: Stability) -> str:
    return (
        "The equations hold the solution only weakly: fields that differ by 1 (relative) differ in "
        f"their residuals by {1 / max(stability.amplification, 1e-300):.0e}, and so the residual "
        "that is left may stand for an error as large as the estimate. A smaller tol= would tell, "
        "or a condition or value that holds it better."
    )


# -------------------------------------------------------------------------------------------------
# What is missing


@dataclass(frozen=True)
class _Candidate:
    """A condition that would hold something of the null space; it sees (points, k) of it."""

    text: str
    seen: Array
    initial: bool
    derivative: bool


class _Missing:
    """Which conditions would determine what the equations leave free."""

    def __init__(self, task: _Task, descent: Descent, stability: Stability) -> None:
        self._task, self._descent, self._free = task, descent, stability.free
        self._system = descent.system
        self._others = len(task.first_values)
        self._constant = False

    def reason(self) -> str:
        """The null space in words, what would determine the solution, and how to pass it."""
        variables = self._variables()
        if variables is not None:
            return variables
        said = [self._what()]
        if not self._constant:
            enough = self._enough()
            if enough:
                said.append(f"It would be determined by {enough}.")
        if self._task.problem.transform is None:
            said.append(
                "Where the script's network imposes conditions by an output transform, give that "
                "to solve too: solve(data, output_transform=...), or a model whose RepFNN has it."
            )
        return " ".join(said)

    def _field(self, x: Any, axes: tuple[int, ...] = ()) -> Array:
        """A derivative of the free directions at points x, (outputs, N, k)."""
        matrix = values_matrix(self._system, x, axes)
        moved = matrix @ self._free[: matrix.shape[1]]
        return moved.reshape(len(self._system.sizes), len(x), -1)

    def _variables(self) -> str | None:
        """What to say when it is the problem's other unknowns that are free."""
        if not self._others:
            return None
        # Of a direction that moves the field by 1, an unknown's part is relative to its size.
        x = self._descent.points.check[0].x
        moved = float(np.sqrt((self._field(x) ** 2).mean()))
        parts = np.abs(self._free[-self._others :]).max(axis=1)
        names = [f"unknown {i + 1}" for i in np.flatnonzero(parts > 1e-3 * parts.max())]
        if not names or moved > 1e-3 * float(parts.max()):
            return None
        if len(names) == 1:
            return (
                f"{names[0].capitalize()} is not determined: no equation, condition or value "
                "depends on it at this solution."
            )
        return (
            f"{', '.join(names[:-1]).capitalize()} and {names[-1]} are not determined by "
            "themselves, only some combination of them; give one of them, or more values."
        )

    def _what(self) -> str:
        x = self._descent.points.check[0].x
        field = self._field(x)
        sizes = np.sqrt((field**2).mean(axis=1))  # (outputs, k)
        outputs = [i + 1 for i in range(len(sizes)) if sizes[i].max() > 0.1 * sizes.max()]
        of = f"output {outputs[0]} of " if len(sizes) > 1 and len(outputs) == 1 else ""
        start = f"The equations and conditions do not determine {of}the solution: "
        flat = np.ptp(field, axis=1).max() < 1e-3 * float(np.abs(field).max())
        count = self._free.shape[1]
        self._constant = bool(flat and count == 1)
        if self._constant:
            return start + "any constant can be added to it. Give its value at one point."
        if count == 1:
            return start + "a field can be added to it that changes no residual."
        many = "many" if count > 3 else str(count)
        return start + f"{many} fields can be added to it that change no residual."

    def _enough(self) -> str:
        """The conditions that would determine it: one of several, or several together."""
        candidates = list(self._candidates())
        alone = [c for c in candidates if self._held(c.seen) == self._free.shape[1]]
        if alone:
            # Where the beginning is enough, the other sides are not where it is missing.
            initial = [c for c in alone if c.initial]
            return ", or by ".join(c.text for c in (initial or alone)[:NAMED])
        # Of a large null space only a part is known: all sides are safer than those it asks for.
        values = [c for c in candidates if not c.derivative]
        whole = np.concatenate([c.seen for c in values])
        if self._free.shape[1] > NAMED and self._held(whole) == self._free.shape[1]:
            return " and ".join(c.text for c in values)
        chosen, left = [], np.eye(self._free.shape[1])
        while left.shape[1] and candidates:
            best = max(candidates, key=lambda c: self._held(c.seen @ left))
            if not self._held(best.seen @ left):
                return ""
            chosen.append(best.text)
            _, sizes, right = np.linalg.svd(best.seen @ left)
            kept = np.ones(right.shape[0], bool)
            kept[: len(sizes)] = sizes < SEEN
            left = left @ right[kept].T
        return " and ".join(chosen) if not left.shape[1] else ""

    @staticmethod
    def _held(seen: Array) -> int:
        if seen.shape[1] == 0:
            return 0
        return int((np.linalg.svd(seen, compute_uv=False) >= SEEN).sum())

    def _candidates(self) -> Iterator[_Candidate]:
        """Values, then derivatives, on each part of the boundary, first at the initial time."""
        outputs = len(self._system.sizes)
        sides = _host.sides(self._task.data)
        half = self._task.domain.half_width
        for derivative in (False, True):
            for side in sides:
                x = taylor.asarray(side.points)
                root = math.sqrt(len(side.points))
                if derivative:
                    slopes = [self._field(x, (j,)) for j in range(side.points.shape[1])]
                    seen = sum(
                        half[j] * side.normal[None, :, j, None] * s for j, s in enumerate(slopes)
                    )
                else:
                    seen = self._field(x)
                for output in range(outputs):
                    of = "the solution" if outputs == 1 else f"output {output + 1}"
                    what = f"the value of {of}"
                    if derivative:
                        what = f"the derivative of {of} along {side.along}"
                    here = np.asarray(seen)[output] / root
                    text = f"{what} at {side.name}"
                    yield _Candidate(text, here, side.along == "t", derivative)


# -------------------------------------------------------------------------------------------------
# Contradictions


def _conditions_contradict(task: _Task, kept: Trial, descent: Descent) -> tuple[bool, str] | None:
    """Whether conditions contradict each other or the rest, and what to say; None if not.

    The first of the pair tells a contradiction from conditions that only meet with different
    values, at a corner for instance.
    """
    rows = descent.affine()
    checked = [row.affine(descent.place.state, descent.place.values) for row in descent.checked()]
    # Values at points, between which anything can be, are compared with the whole problem.
    conditions = [i for i, r in enumerate(rows) if not (r.name.startswith("PDE") or r.data)]
    fitted = np.asarray(descent.norms())
    met_badly = [i for i in conditions if fitted[i] > 0.1 * fitted.max()]
    system = task.small_system()
    factors = descent.points.factors

    def left(chosen: list[int]) -> tuple[float, list[Array], float]:
        """Norm, parts and size of what some conditions, met by themselves, leave between points."""
        weights = [factors[i] for i in chosen]
        blocks = system.blocks([rows[i] for i in chosen], weights)
        solved = LeastSquares(triangularise(blocks, system.unknowns)).solve(ALONE)
        weights = [descent.points.check_factors[i] for i in chosen]
        parts, sizes = [], []
        for block in system.by_row([checked[i] for i in chosen], weights):
            parts.append(taylor.to_numpy(block[:, :-1] @ solved.unknowns - block[:, -1]))
            sizes.append(float(taylor.norm(block[:, -1])))
        return math.hypot(*(np.linalg.norm(p) for p in parts)), parts, math.hypot(*sizes)

    meeting = None
    alone = {i: left([i])[0] for i in conditions}
    for i, j in itertools.combinations(conditions, 2):
        if i not in met_badly and j not in met_badly:
            continue
        norm, parts, size = left([i, j])
        if norm <= CONTRADICT * size or norm <= TOGETHER * (alone[i] + alone[j]):
            continue
        where, share = _where(task, [checked[i], checked[j]], parts)
        if share > MEETING:
            return True, (
                f"{_capital(rows[i].name)} and {rows[j].name} contradict each other at {where}: no "
                "function meets both. Check their values, and the functions that say where they "
                "hold."
            )
        meeting = meeting or (
            False,
            f"{_capital(rows[i].name)} and {rows[j].name} meet with different values at {where}, "
            "where the solution jumps; smooth features do not resolve that.",
        )
    if meeting is not None:
        return meeting
    return _one_too_many(task, kept, descent, rows)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _where(task: _Task, rows: list[Rows], parts: list[Array]) -> tuple[str, float]:
    """Where the residuals are large, in words, and at what part of a condition's points.

    Where that part is small, the point with the largest.
    """
    large = [np.abs(part) > MARKED * np.abs(part).max(initial=0.0) for part in parts]
    share = max(float(marked.mean()) for marked in large)
    index = int(np.argmax([np.abs(part).max(initial=0.0) for part in parts]))
    if share <= MEETING:
        large[index] = np.abs(parts[index]) == np.abs(parts[index]).max()
    row = rows[index]
    points = taylor.to_numpy(row.x[: len(row)])[large[index]]
    said = []
    for axis, name in enumerate(_host.axis_names(task.data.geom)):
        low, high = points[:, axis].min(), points[:, axis].max()
        width = 2 * task.domain.half_width[axis]
        if high - low < NEAR * width:
            middle = (low + high) / 2
            bounds = (task.domain.lower[axis], task.domain.upper[axis])
            value = next((b for b in bounds if abs(middle - b) < NEAR * width), middle)
            said.append(f"{name} = {value:.3g}")
        elif high - low < 0.9 * width:
            said.append(f"{name} from {low:.3g} to {high:.3g}")
    return ", ".join(said) or "points all over", share


def _one_too_many(
    task: _Task, kept: Trial, descent: Descent, rows: list[Rows]
) -> tuple[bool, str] | None:
    """A condition, or one of several equations, without which all others hold.

    Where all features leave the same residual.
    """
    if not _is_floor(task, kept) or _has_thin_layers(rows, descent):
        return None
    whole = descent.linearised(rows, descent.factors)[0].residual
    equations = [i for i, r in enumerate(rows) if r.name.startswith("PDE")]
    conditions = [i for i in range(len(rows)) if i not in equations]
    for group in (conditions, equations if len(equations) > 1 else []):
        left = {}
        for i in group:
            some = [k for k in range(len(rows)) if k != i]
            solved, _ = descent.linearised(
                [rows[k] for k in some], [descent.factors[k] for k in some]
            )
            left[i] = solved.residual / whole
        least = min(left, key=lambda i: left[i], default=None)
        if least is not None and left[least] < FREED:
            name = rows[least].name
            name = f"The values of {name}" if rows[least].data else _capital(name)
            return True, (
                f"{name} and the rest of the problem contradict each other: without it all "
                "else holds, and with it all features leave the same residual."
            )
    return None


def _is_floor(task: _Task, kept: Trial) -> bool:
    """Whether the fitted residual is the same for all features, and like that at unseen points.

    For more of them as for fewer, and for most slope scales of the smallest number: what features
    cannot express depends on their scale.
    """
    by_size: dict[int, list[float]] = {}
    for trial in task.trials:
        by_size.setdefault(trial.features, []).append(trial.fit.residual)
    sizes = sorted(by_size)
    reached = kept.fit.residual
    if kept.fit.unseen > reached / FLOOR**2:
        return False
    same = [t for t in task.trials if t.features == sizes[0] and alike(t, kept)]
    falls = len(sizes) > 1 and min(by_size[sizes[-1]]) <= FLOOR * min(by_size[sizes[-2]])
    return len(same) >= MOST_ALIKE and not falls


def alike(one: Trial, other: Trial) -> bool:
    """Whether two trials leave the same residual at their points."""
    return FLOOR * other.fit.residual < one.fit.residual < other.fit.residual / FLOOR


def _has_thin_layers(rows: list[Rows], descent: Descent) -> bool:
    """Whether the highest derivatives have coefficients so small that layers may be thin.

    Of ``ε u^(p) + c u^(q)``, q < p, the thickness is ``(ε/c)^(1/(p-q))``.
    """
    for row in rows:
        if not row.name.startswith("PDE"):
            continue
        sizes = {axes: float(taylor.norm(c)) for axes, c in row.linear.slopes.items()}
        for axis, half in enumerate(descent.half_width):
            pure = {len(a): s for a, s in sizes.items() if set(a) <= {axis} and s > 0}
            highest = max(pure, default=0)
            for order, size in pure.items():
                if order < highest:
                    thickness = (pure[highest] / size) ** (1 / (highest - order))
                    if thickness < THIN * half:
                        return True
    return False


# -------------------------------------------------------------------------------------------------
# Advice


def advice(task: _Task, kept: Trial) -> str:
    """What keeps a solution from being resolved, and what has an effect on it in this call."""
    fit, tol = kept.fit, task.tol
    if fit.unseen <= tol:
        return "The iteration did not come to rest: the residual is small and may fall on."
    own = task.own_features
    more = "a wider last hidden layer" if own else "more features (max_features=)"
    if not own and kept.features < 0.9 * task.settings.max_features:
        more = "a subdivision, or training: more of these features hardly help"
    steeper = "a larger slope_scale=" if own else "a larger wavenumber="
    flatter = "a smaller slope_scale=" if own else "a smaller wavenumber="
    if fit.moved and not fit.converged:
        reason = "was still improving at the last step: call solve again, or take a larger network"
    elif not task.linear and not fit.moved and _is_floor(task, kept):
        reason = (
            "is one where Gauss-Newton came to rest and more features change nothing: a minimum of "
            "the residual that need not be a solution, or no solution at all. Start elsewhere "
            "(start=, a function of the points)"
        )
    elif fit.unseen > 10 * fit.residual:
        script = 'more of them (points="own")' if task.settings.points == "data" else more
        reason = (
            f"fits its points but not those between them: {script}, or features that are flatter "
            f"({flatter})"
        )
    elif fit.residual > tol:
        reason = (
            f"does not fit its points: {more}, or steeper ones ({steeper}); a solution with a "
            "kink, a layer or a singularity is out of their reach"
        )
    else:
        reason = f"fits its points a little better than others: {more}"
    return f"The residual is above tol = {tol:.0e}. The solution {reason}."
