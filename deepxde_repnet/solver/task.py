"""One call of ``solve``."""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .. import _host
from ..calibrate import calibrate
from ..estimates import estimate_wavenumber
from ..nets import RepFNN, RepNet
from ..spec import Array, Box, RepSpec, as_verbosity
from ..taylor.features import Features, Tensor
from ..taylor.framework import taylor
from ..theory.initialize import draw
from . import all_parameters, arguments, choice
from .equations import Equation, Problem, Rows, System, problem_of, scales, total
from .gauss_newton import Clock, Points, field_of, solve_features
from .resources import Progress, bytes_free, check_memory, most_features
from .rounding import for_single_precision
from .solution import Fit, Solution, Trial

#: Equations of the PDE for each feature, and points of each condition for each n^((d-1)/d).
PER_FEATURE = 3.0
PER_BOUNDARY = 12.0
CHECK_INSIDE, CHECK_CONDITION = 2000, 300
MOST_INPUTS = 5

#: Ratio of residuals from which other features are worth a word.
MUCH_BETTER = 0.1


def run(
    problem: Any,
    tol: float,
    unknowns: Any,
    loss_weights: Any,
    max_features: int,
    seed: int,
    verbose: int,
    parameters: str,
    points: str,
    wavenumber: Any,
) -> Solution:
    """See ``solve``."""
    tol = arguments.tolerance(tol)
    max_features = arguments.integer("max_features", max_features, 1)
    seed = arguments.integer("seed", seed, 0, arguments.LARGEST_SEED)
    verbose = as_verbosity(verbose)
    points = arguments.points(points)
    variables = arguments.variables(unknowns)
    wavenumber = arguments.wavenumber(wavenumber)
    model = problem if isinstance(problem, _host.Model) else None
    data = problem if model is None else model.data
    _check_problem(data)
    all_parameters.check(parameters, model)
    if model is not None and not isinstance(model.net, RepNet):
        raise ValueError(
            f"the model's network is a {type(model.net).__name__}; solve takes the features of a "
            "RepFNN or RepPFNN. Use one of them, or pass the data alone: solve(model.data)."
        )
    clock = Clock()
    if loss_weights is None and model is not None:
        loss_weights = _host.compiled_loss_weights(model)
    loss_weights = arguments.weights(loss_weights)
    progress = Progress(tol, verbose)
    hint = None
    with _host.double_precision(data, variables):
        task = _Task(
            data, model, seed, loss_weights, clock, variables, tol, points, wavenumber, progress
        )
        with task.restored_on_failure():
            if model is None:
                trials = choice.choose(
                    task.trial, task.wavenumber, tol, task.most_features(max_features)
                )
            else:
                if model.net.spec is None:
                    calibrate(model, {"verbose": verbose})
                trials = task.own_of_all() if parameters == "all" else [task.own()]
            best = task.best(trials)
            if model is not None and parameters == "output":
                hint = task.hint(best[0])
        task.problem.set_values(taylor.asarray(best[0].fit.variables))
    progress.close()
    # The network that holds the solution is made in the user's float.
    return task.finish(trials, *best, hint)


def _given_wavenumber(given: Array, domain: Box) -> Array:
    """Radians per half width along each axis."""
    if given.size not in (1, domain.dim):
        raise ValueError(
            f"wavenumber={given.tolist()} must be a positive number, or one for each of the "
            f"{domain.dim} axes, in radians per unit of length."
        )
    return np.broadcast_to(given, (domain.dim,)) * domain.half_width


def _check_problem(data: Any) -> None:
    kind = _host.kind_of_data(data)
    if kind != "pde":
        raise ValueError(
            f"solve takes a dde.data.PDE or dde.data.TimePDE, and this is a {kind}; integral and "
            "fractional equations, operators and plain data sets are to be trained."
        )
    if data.geom.dim > MOST_INPUTS:
        raise ValueError(
            f"the problem has {data.geom.dim} coordinates and solve takes up to {MOST_INPUTS}: the "
            "number of features that resolve a solution grows with its power. Train a network."
        )
    if data.pde is None:
        raise ValueError("the problem has no equation (pde is None); there is nothing to solve.")


class _Task:
    """One call of ``solve``: the problem and what is worked out of it once."""

    def __init__(
        self,
        data: Any,
        model: Any,
        seed: int,
        loss_weights: Any,
        clock: Clock,
        variables: tuple[Any, ...],
        tol: float,
        points: str,
        wavenumber: Any,
        progress: Progress,
    ) -> None:
        self._given_points, self._progress = points == "data", progress
        self.data, self.model, self.seed, self.clock = data, model, seed, clock
        # With weights of the user's own, given values have those.
        self.tol, self.noisy = tol, loss_weights is None
        self.conditions = _host.conditions(data)
        bounds = _host.bounding_box(data.geom)
        assert bounds is not None
        self.domain = Box(*bounds)
        few = self._equations(40, even=False, seed=seed)
        if model is None:
            self.problem = problem_of(data, few, variables)
        else:
            outputs, transform = _host.n_outputs(model.net), _host.output_transform(model.net)
            self.problem = Problem(data, outputs, transform, variables)
        self.first_values = self.problem.values()
        self.linear = not variables and self._is_linear(few)
        sampled = self._equations(300, even=True, seed=seed)
        rows = self.problem.linearise(sampled)
        if wavenumber is None:
            self.wavenumber = self._wavenumber(rows)
        else:
            self.wavenumber = _given_wavenumber(wavenumber, self.domain)
        self.scales = scales(rows, self.wavenumber / self.domain.half_width)
        self.weights = self._weights(loss_weights, len(rows))
        self.density = 1.0  # of the points, relative to what features alone need
        self._points: dict[int, Points] = {}
        self._systems: dict[int, System] = {}
        clock.tick("equations")

    @contextlib.contextmanager
    def restored_on_failure(self) -> Iterator[None]:
        """Give the problem's other unknowns their values back; the network still has its own."""
        try:
            yield
        except BaseException:
            self.problem.set_values(self.first_values)
            raise

    def _weights(self, given: list[float] | None, count: int) -> list[float]:
        if given is None:
            return [1.0] * count
        if len(given) != count:
            raise ValueError(
                f"loss_weights has {len(given)} entries and the problem has {count} residuals, "
                "equations first; give each of them a weight that is not negative."
            )
        return given

    def _equations(self, features: int, even: bool, seed: int) -> list[Equation]:
        dim = self.data.geom.dim
        inside = math.ceil(PER_FEATURE * features)
        boundary = math.ceil(PER_BOUNDARY * features ** ((dim - 1) / dim))
        return self._drawn(inside, min(boundary, inside), even, seed)

    def _drawn(self, inside: int, boundary: int, even: bool, seed: int) -> list[Equation]:
        with _host.seeded(seed):
            equations = [Equation("PDE", None, _host.interior_points(self.data, inside, even))]
            for i, condition in enumerate(self.conditions, start=1):
                name = _host.condition_name(i, condition)
                points = _host.condition_points(self.data, condition, boundary, even)
                if len(points) == 0:
                    raise ValueError(
                        f"no points were found for {name}: its filter takes none of the points "
                        "drawn on the boundary, at the initial time and inside, no anchor and no "
                        "point of the script that is not excluded. Check the function that says "
                        "where it holds, or give its points as anchors= of the data."
                    )
                equations.append(Equation(name, condition, points))
        return equations

    def _is_linear(self, equations: list[Equation]) -> bool:
        """Whether the derivatives of all residuals are the same at two random fields."""
        generator = np.random.default_rng(0)

        def random(x: Tensor, axes: Any) -> Tensor:
            return taylor.asarray(generator.standard_normal((len(x), self.problem.n_outputs)))

        one = self.problem.linearise(equations, random)
        other = self.problem.linearise(equations, random)
        return all(
            a.linear.slopes.keys() == b.linear.slopes.keys()
            and all(
                taylor.allclose(a.linear.slopes[axes], b.linear.slopes[axes], rtol=1e-9, atol=0)
                for axes in a.linear.slopes
            )
            for a, b in zip(one, other, strict=True)
        )

    def _wavenumber(self, rows: list[Rows]) -> Array:
        """Radians per half width along each axis, from the residuals of the zero field."""
        samples = [
            _host.Samples(
                r.name,
                taylor.to_numpy(r.x[: len(r)]),
                taylor.to_numpy(r.linear.residual[:, None]),
            )
            for r in rows
            if np.isfinite(taylor.to_numpy(r.linear.residual)).all()
        ]
        found = estimate_wavenumber(samples, self.domain.dim).wavenumber * self.domain.half_width
        known = found[np.isfinite(found)]
        found = np.where(np.isfinite(found), found, known.max() if known.size else 0.0)
        return np.maximum(found, np.pi)

    def points(self, features: int) -> Points:
        """Points for that many features, drawn once."""
        if features not in self._points:
            fit = self._fitted(features)
            self.problem.set_values(self.first_values)
            rows, (check, checked) = self.problem.linearise(fit), self._checked
            factors, check_factors = self._factors(rows), self._factors(checked)
            size = total(rows, factors)
            check_size = total(checked, check_factors)
            if not (math.isfinite(size) and math.isfinite(check_size)):
                raise ValueError(
                    "the problem's equations or conditions are not finite somewhere in its domain "
                    "when the solution is zero; exclude these points (exclusions= of the data)."
                )
            # Without any data the solution is zero, and so is every residual.
            self._points[features] = Points(
                fit,
                check,
                rows,
                checked,
                factors,
                check_factors,
                size or 1.0,
                check_size or 1.0,
                self.linear,
                self.tol,
                self.noisy,
                self.problem.n_outputs > sum(row.name.startswith("PDE") for row in rows),
                (1.0 * fit[0].x[: 2 * features], self.wavenumber / self.domain.half_width),
            )
        return self._points[features]

    def _fitted(self, features: int) -> list[Equation]:
        if not self._given_points:
            return self._equations(math.ceil(self.density * features), even=True, seed=self.seed)
        inside, *others = _host.script_points(self.data)
        equations = [Equation("PDE", None, inside)]
        for i, (condition, points) in enumerate(zip(self.conditions, others, strict=True), start=1):
            equations.append(Equation(_host.condition_name(i, condition), condition, points))
        for equation in equations:
            if len(equation.points) == 0:
                raise ValueError(
                    f'the script has no points for {equation.name}; with points="own" they are '
                    "drawn from the geometry."
                )
        return equations

    def most_features(self, wanted: int) -> int:
        """Up to ``wanted``, what memory and the script's own points, if they are used, allow."""
        most = most_features(wanted, self.problem.n_outputs, bytes_free())
        if self._given_points:
            rows = sum(map(len, self.points(most).rows))
            most = min(most, max(rows // self.problem.n_outputs, 1))
        return most

    def hint(self, own: Trial) -> str | None:
        """What to say when other features would do much better than those of the user's network."""
        size = min(own.features, choice.FIRST_SIZE)
        if own.fit.unseen <= self.tol or size < 10:
            return None
        best = functools.reduce(choice.better, choice.first(self.trial, self.wavenumber, size))
        if not best.fit.unseen < MUCH_BETTER * own.fit.unseen:
            return None
        scale = ", ".join(f"{s:.3g}" for s in best.slope_scale)
        return (
            f"{size} {best.family} features of slope scale ({scale}) leave a residual of "
            f"{best.fit.unseen:.1e}; solve(model.data) chooses and grows such features."
        )

    @functools.cached_property
    def _checked(self) -> tuple[list[Equation], list[Rows]]:
        """The equations at points that are never fitted, linearised at the zero field."""
        check = self._drawn(CHECK_INSIDE, CHECK_CONDITION, even=False, seed=self.seed + 1)
        return check, self.problem.linearise(check)

    def _factors(self, rows: list[Rows]) -> list[float]:
        return [
            math.sqrt(weight / len(row)) / scale
            for row, scale, weight in zip(rows, self.scales, self.weights, strict=True)
        ]

    def trial(self, family: str, scale: tuple[float, ...], size: int, best: Trial | None) -> Trial:
        """Solve on new features; a problem that is not linear starts from the best so far."""
        spec = RepSpec(
            (self.domain.dim, size, self.problem.n_outputs),
            family,
            "Glorot uniform",
            domain=self.domain,
            slope_scale=scale,
            hidden_gain=1.0,
            seed=self.seed,
        )
        system = System(Features(spec, draw(spec), taylor), len(self.first_values))
        start = None
        self.problem.set_values(self.first_values)
        if best is not None and not self.linear:
            self.problem.set_values(taylor.asarray(best.fit.variables))
            start = field_of(self._systems[id(best)], best.fit.unknowns)
        fit = solve_features(self.problem, system, self.points(size), self.clock, start)
        trial = Trial(family, scale, size, fit)
        self._systems[id(trial)] = system
        self._progress.update(family, size, fit.unseen)
        return trial

    def own(self) -> Trial:
        """Solve on the features of the model's network."""
        system = System(self._own_features(), len(self.first_values))
        check_memory(system.unknowns, bytes_free())
        size = max(system.features.sizes)
        fit = solve_features(self.problem, system, self.points(size), self.clock)
        return self._own_trial(system, size, fit)

    def own_of_all(self) -> list[Trial]:
        """Solve on these features, and then for all parameters of the network."""
        features = self._own_features()
        size = max(features.sizes)
        # On features that cannot hold the solution everything would pass for noise.
        self.noisy = False
        moving = importlib.import_module(".all_parameters.pytorch", __package__)
        self.density = moving.density(features, PER_FEATURE * size)
        points = self.points(size)
        moving.check_size(features, points)
        first = self.own()
        system, fit = moving.solve_all(
            self.problem,
            self._systems[id(first)],
            points,
            self.clock,
            first.fit,
            self.tol,
            partial(self._progress.update, "moving features", size),
        )
        return [first, self._own_trial(system, size, fit)]

    def _own_features(self) -> Features:
        net = self.model.net
        return Features(net.spec, net.to_numpy(), taylor, transform=_host.input_transform(net))

    def _own_trial(self, system: System, size: int, fit: Fit) -> Trial:
        net = self.model.net
        activation = net.spec.activation
        family = activation if isinstance(activation, str) else type(activation).__name__
        trial = Trial(family, tuple(net.spec.slope_scale), size, fit)
        self._systems[id(trial)] = system
        return trial

    def best(self, trials: list[Trial]) -> tuple[Trial, float | None]:
        """The trial with the smallest unseen residual, and its change from a coarser one."""
        kept = functools.reduce(choice.better, trials)
        others = [t for t in trials if t.features < kept.features]
        others = others or [t for t in trials if t is not kept]
        if not others:
            return kept, None
        coarse = functools.reduce(choice.better, others)
        x = self.points(kept.features).check[0].x
        u = self._systems[id(kept)].field(x, (), kept.fit.unknowns)
        change = self._systems[id(coarse)].field(x, (), coarse.fit.unknowns) - u
        return kept, float(taylor.norm(change)) / (float(taylor.norm(u)) or math.nan)

    def finish(
        self,
        trials: list[Trial],
        kept: Trial,
        estimate: float | None,
        hint: str | None,
    ) -> Solution:
        """The solution, with the report of how it was found."""
        system, points = self._systems[id(kept)], self.points(kept.features)
        fitted = kept.fit.fitted_by_equation or [
            norm / points.size
            for norm in system.errors(points.rows, points.factors, kept.fit.unknowns)
        ]
        residuals = zip(fitted, kept.fit.unseen_by_equation, strict=True)
        solved = partial(self._solved, kept)
        if self.model is not None:
            solved()
        transformed = self.model is not None and _host.input_transform(self.model.net) is not None
        self.clock.tick("report")
        return Solution(
            trials=tuple(trials),
            kept=kept,
            equations={e.name: len(e.points) for e in points.fit},
            residuals={r.name: pair for r, pair in zip(points.rows, residuals, strict=True)},
            error_estimate=estimate,
            linear=self.linear,
            seconds=dict(self.clock.seconds),
            converged=kept.fit.converged and kept.fit.unseen <= self.tol,
            tol=self.tol,
            hint=hint,
            unknowns=system.unknowns + all_parameters.count(system.features, kept.fit),
            _inputs=None if transformed else self.domain.dim,
            _values=_Values(system, kept.fit.unknowns, self.problem.transform),
            _model=solved,
        )

    def _solved(self, kept: Trial) -> Any:
        """The model with its output layer set to the solution, in the float in use."""
        model, system = self.model, self._systems[id(kept)]
        single = _host.real(np) == np.float32
        unknowns = self._to_be_rounded(kept) if single else kept.fit.unknowns
        kernels = _kernels(system, unknowns)
        if model is None:
            net = RepFNN(
                [self.domain.dim, kept.features, self.problem.n_outputs],
                kept.family,
                "Glorot uniform",
                domain=self.domain,
                slope_scale=kept.slope_scale,
                hidden_gain=1.0,
                seed=self.seed,
            )
            model = _host.Model(self.data, net)
        elif kept.fit.moved:
            moving = importlib.import_module(".all_parameters.pytorch", __package__)
            moving.set_hidden_layers(model.net, system.features)
        _host.compile_once(model)  # which makes JAX's parameters
        _host.set_output_layer(model, kernels)
        return model

    def _to_be_rounded(self, kept: Trial) -> Tensor:
        """Coefficients for single precision: smaller ones, which lose less by it."""
        system, points = self._systems[id(kept)], self.points(kept.features)
        unknowns, rows = kept.fit.unknowns, points.rows
        if not self.linear:
            with _host.double_precision(self.data, self.problem.variables):
                self.problem.set_values(taylor.asarray(kept.fit.variables))
                rows = self.problem.linearise(points.fit, field_of(system, unknowns))
        x, other = points.fit[0].x, points.check[0].x
        return for_single_precision(system, rows, points.factors, unknowns, x, other)


class _Values:
    """The solution at points, in float64."""

    def __init__(self, system: System, unknowns: Any, transform: Any) -> None:
        self.system, self.unknowns, self.transform = system, unknowns, transform

    def __call__(self, points: Array) -> Array:
        x = taylor.asarray(points)
        with _host.double_numbers():
            u = self.system.field(x, (), self.unknowns)
            if self.transform is not None:
                u = taylor.applied(self.transform, x, u)
        return np.asarray(taylor.to_numpy(u))


def _kernels(system: System, unknowns: Any) -> list[tuple[Array, float]]:
    """Coefficients and bias of each output."""
    found, start = [], 0
    values = taylor.to_numpy(unknowns)
    for size in system.sizes:
        found.append((values[start : start + size], float(values[start + size])))
        start += size + 1
    return found
