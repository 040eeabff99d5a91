"""One call of ``solve``."""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .. import _host
from ..calibrate import calibrate
from ..estimates import estimate_wavenumber
from ..nets import RepFNN, RepNet
from ..spec import Array, Box, RepSpec
from ..taylor.features import Features, Tensor
from ..taylor.framework import taylor
from ..theory.initialize import draw
from . import all_parameters, arguments, choice, diagnosis, noise, starts
from .arguments import Settings
from .equations import Equation, Problem, Rows, State, System, problem_of, scales, total
from .gauss_newton import Clock, Descent, OutOfTime, Points, field_of, solve_features
from .resources import Progress, bytes_free, check_memory, most_features
from .rounding import for_single_precision
from .solution import Fit, Solution, Trial
from .stability import Stability, examine

#: Equations of the PDE for each feature, and points of each condition for each n^((d-1)/d).
PER_FEATURE = 3.0
PER_BOUNDARY = 12.0
CHECK_INSIDE, CHECK_CONDITION = 2000, 300
MANY_INPUTS = 5

#: Ratio of residuals from which other features are worth a word.
MUCH_BETTER = 0.1

#: Change of the solution with other features, relative to the error to be expected, from which the
#: features hold it and not the equations.
APART = 10.0

#: Ratio of amplifications on other features from which a direction has no bound.
FREER = 5.0

#: A nonlinear problem that is left with so much residual is started from elsewhere too.
LOST = 0.03

#: Trials of so many features, or more, are not kept at hand but for the best of them.
HEAVY = 1000

#: Values held back to tell exact ones from noisy ones where a coefficient is sought: every so
#: many-th, of no fewer than the second number, and the ratio of errors that decides for noise.
HELD_BACK, FEWEST, CLEARLY = 5, 20, 0.7


#: Part of the squared residual that given values must have for noise to be thought of, and for
#: nothing else to be thought of; and the residual of all else with which the equations hold.
NOTABLE, MUCH, HOLDS = 0.01, 0.3, 1e-3

#: Relative residual from which nothing of a problem has been met.
NOTHING = 0.9


class _Stopped(Exception):
    """The search has been ended from outside."""


def run(problem: Any, **given: Any) -> Solution:
    """See ``solve``."""
    model = problem if isinstance(problem, _host.Model) else None
    data = problem if model is None else model.data
    own = model is not None and isinstance(model.net, RepNet)
    if model is not None and given["loss_weights"] is None:
        given["loss_weights"] = _host.compiled_loss_weights(model)
    settings = arguments.settings(
        **given, features_given=own, net=None if model is None else model.net
    )
    _check_problem(data)
    all_parameters.check(settings.parameters, model if own else None)
    if model is not None and not own:
        _check_network(model.net)
    clock = Clock(settings.seconds)
    progress = Progress(settings.tol, settings.verbose)
    hint = None
    with _host.double_precision(data, settings.variables):
        task = _Task(data, model, own, settings, clock, progress)
        with task.restored_on_failure():
            task.search()
            clock.unlimited()
            kept = task.best()
            finding = task.finding(kept)
            if own and settings.parameters == "output" and task.stopped is None:
                hint = task.hint(kept)
        found = kept.fit.variables if finding.verdict != "diverged" else None
        task.problem.set_values(
            task.first_values if found is None else taylor.asarray(np.array(found))
        )
    progress.close()
    # The network that holds the solution is made in the user's float.
    return task.finish(kept, finding, hint)


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
    if data.geom.dim > MANY_INPUTS:
        warnings.warn(
            f"the problem has {data.geom.dim} coordinates, and the number of features that resolve "
            "a solution grows with its power: solve() tries, and may not get far.",
            stacklevel=4,
        )
    if data.pde is None:
        raise ValueError("the problem has no equation (pde is None); there is nothing to solve.")


def _check_network(net: Any) -> None:
    """Whether what a network other than ours imposes is known."""
    if _host.input_transform(net) is not None:
        raise ValueError(
            f"the model's network is a {type(net).__name__} with an input transform, which may "
            "impose conditions (periodic ones, for instance) that solve would lose; use RepFNN in "
            "its place, with the same transforms."
        )


class _Task:
    """One call of ``solve``: the problem and what is worked out of it once."""

    def __init__(
        self,
        data: Any,
        model: Any,
        own: bool,
        settings: Settings,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self.data, self.model, self.own_features = data, model, own
        self.settings, self.clock, self._progress = settings, clock, progress
        self.seed, self.tol = settings.seed, settings.tol
        self.conditions = _host.conditions(data)
        bounds = _host.bounding_box(data.geom)
        assert bounds is not None
        self.domain = Box(*bounds)
        few = self._equations(40, even=False, seed=self.seed)
        transform = settings.output_transform
        if model is not None:
            transform = _host.output_transform(model.net)
        if own:
            outputs = _host.n_outputs(model.net)
            self.problem = Problem(data, outputs, transform, settings.variables)
        else:
            self.problem = problem_of(data, few, settings.variables, transform)
        self.first_values = self.problem.values()
        self.linear = not settings.variables and self._is_linear(few)
        sampled = self._equations(300, even=True, seed=self.seed)
        at_zero = self.problem.linearise(sampled)
        self.wavenumber = self._wavenumber(at_zero)
        #: The state at which the equations are linearised first; None is the zero field.
        self.origin: State | None = None
        rows = at_zero
        if not starts.is_finite(at_zero):
            self.origin = starts.elsewhere(self, at_zero)
            rows = self.problem.linearise(sampled, self.origin)
        self.first: State | None = self.origin
        if settings.start is not None:
            self.first = starts.given(self, settings.start)
        self.scales = scales(rows, self.wavenumber / self.domain.half_width)
        self.weights = self._weights(settings.loss_weights, len(rows))
        #: Whether there are more outputs than equations: some are coefficients to be found.
        self.open = self.problem.n_outputs > sum(row.name.startswith("PDE") for row in rows)
        #: Whether given values may carry noise: not with weights of the user's own.
        self.data_rows = [] if settings.loss_weights is not None else _given_values(rows)
        self.noisy = False
        self.density = 1.0  # of the points, relative to what features alone need
        self.trials: list[Trial] = []
        #: Every trial of every search, so that the id of one stands for it below.
        self._tried: list[Trial] = []
        self.stopped: str | None = None
        #: What the values that were first taken for noisy say against the equations, or None.
        self.misfit: str | None = None
        self._points: dict[int, Points] = {}
        self._systems: dict[int, System] = {}
        self._descents: dict[int, Descent] = {}
        self._stability: dict[int, Stability] = {}
        self._times: dict[int, float] = {}
        self._predicted: bool | None = None
        clock.tick("equations")

    @contextlib.contextmanager
    def restored_on_failure(self) -> Iterator[None]:
        """Give the problem's other unknowns their values back; the network still has its own."""
        try:
            yield
        except BaseException:
            self.problem.set_values(self.first_values)
            raise

    # ---------------------------------------------------------------------------------------------
    # The problem

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
        """Radians per half width along each axis: as given, or from the zero field's residuals."""
        if self.settings.wavenumber is not None:
            return _given_wavenumber(self.settings.wavenumber, self.domain)
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

    # ---------------------------------------------------------------------------------------------
    # Points

    def points(self, features: int) -> Points:
        """Points for that many features, drawn once."""
        if features not in self._points:
            self._points[features] = self._new_points(self._fitted(features), features)
        return self._points[features]

    def _new_points(self, fit: list[Equation], features: int) -> Points:
        self.problem.set_values(self.first_values)
        rows, (check, checked) = self.problem.linearise(fit, self.origin), self._checked
        factors, check_factors = self.factors(rows), self.factors(checked)
        size = total(rows, factors)
        check_size = total(checked, check_factors)
        if not (math.isfinite(size) and math.isfinite(check_size)):
            raise ValueError(starts.not_finite([*rows, *checked], self.origin))
        # Without any data the solution is zero, and so is every residual.
        return Points(
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
            self.open,
            (1.0 * fit[0].x[: 2 * features], self.wavenumber / self.domain.half_width),
            self.scales,
            self.domain.half_width,
        )

    def _fitted(self, features: int) -> list[Equation]:
        if self.settings.points == "own":
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

    @functools.cached_property
    def _checked(self) -> tuple[list[Equation], list[Rows]]:
        """The equations at points that are never fitted, linearised at the first state."""
        check = self._drawn(CHECK_INSIDE, CHECK_CONDITION, even=False, seed=self.seed + 1)
        return check, self.problem.linearise(check, self.origin)

    def factors(self, rows: list[Rows]) -> list[float]:
        """What makes residuals comparable: weight, number of points, size of the terms."""
        return [
            math.sqrt(weight / len(row)) / scale
            for row, scale, weight in zip(rows, self.scales, self.weights, strict=True)
        ]

    def most_features(self, wanted: int) -> int:
        """Up to ``wanted``, what memory and the script's own points, if they are used, allow."""
        most = most_features(wanted, self.problem.n_outputs, bytes_free())
        if self.settings.points == "data":
            rows = sum(map(len, self.points(most).rows))
            most = min(most, max(rows // self.problem.n_outputs, 1))
        return most

    # ---------------------------------------------------------------------------------------------
    # The search

    def search(self) -> None:
        """Try features until nothing more is wanted, can be had, or time is over."""
        try:
            self._search()
        except (OutOfTime, KeyboardInterrupt, _Stopped) as reason:
            if not self.trials:
                raise
            if self.stopped is None:
                self.stopped = "out of time" if isinstance(reason, OutOfTime) else "interrupted"

    def _search(self) -> None:
        if self.own_features and self.model.net.spec is None:
            calibrate(self.model, {"verbose": self.settings.verbose, "trained": False})
        if self.settings.parameters == "all":
            self._own_of_all()
            return
        attempt = self._own if self.own_features else self._chosen
        attempt()
        exact = self.best()
        if not self._may_be_noise(exact):
            return
        trials, self.trials = self.trials, []
        self._go_on(noisy=True)
        try:
            attempt()
        finally:
            self._decide(exact, trials)

    def _decide(self, exact: Trial, trials: list[Trial]) -> None:
        """Between noise and what the values lead to as they are, the trials of which are given."""
        best = self.best() if self.trials else None
        holds = best is not None and best.fit.unseen <= max(self.tol, HOLDS)
        if best is not None and holds:
            if best.fit.noise:
                against = self._contradiction(best)
                if against is None:
                    return
                # Features that do not resolve the solution meet no values either.
                alike = [t for t in trials if diagnosis.alike(t, exact)]
                if exact.fit.residual < NOTHING and len(alike) >= diagnosis.MOST_ALIKE:
                    self.misfit = against
            elif choice.better(exact, best) is best:
                return
        self.trials = trials
        self._go_on(noisy=False)

    def _may_be_noise(self, exact: Trial) -> bool:
        """Whether given values carry a part of what is left when they are taken to be exact."""
        if not self.data_rows or exact.fit.unseen <= self.tol:
            return False
        if not self.open and self.stability(exact).free.size:
            return False
        return self._share_of_values(exact) > NOTABLE or self.open

    def _share_of_values(self, trial: Trial) -> float:
        """The part that given values have of the squared residual at unseen points."""
        squares = np.square(trial.fit.unseen_by_equation)
        return float(squares[self.data_rows].sum() / squares.sum())

    def _go_on(self, noisy: bool) -> None:
        self.noisy = noisy
        self._points.clear()

    def _chosen(self) -> None:
        """Choose and grow features."""
        choice.choose(
            self.trial,
            self._finished,
            self._rescued,
            self.wavenumber,
            self.tol,
            self.most_features(self.settings.max_features),
        )

    def _finished(self, best: Trial) -> bool:
        """Whether no better features are wanted than these, or they would make no difference."""
        if best.fit.unseen <= self.tol:
            stability = self.stability(best)
            small = stability.own_error <= diagnosis.largest_error(self.tol)
            return bool(stability.free.size) or small
        if best.features > choice.FIRST_SIZE:
            return False
        tried = len(self.trials) >= FIRST_TRIALS
        if tried and self.linear and not self.open and self.stability(best).free.size:
            return True
        return bool(self.data_rows) and not self.noisy and self._noise_is_plain(best)

    def _rescued(self, best: Trial) -> Trial:
        """Another start where the iteration from the first one has led nowhere."""
        nowhere = best.fit.unseen > LOST or not math.isfinite(best.fit.unseen)
        if self.linear or self.first is not None or not nowhere:
            return best
        other = starts.of_conditions(self, self.problem.linearise(self.few_equations()))
        self.first = other
        found = self.trial(best.family, best.slope_scale, best.features, None)
        if choice.better(best, found) is best:
            self.first = None
            return best
        return found

    def few_equations(self) -> list[Equation]:
        """Equations at as many points as the first features take."""
        return self._equations(choice.FIRST_SIZE, even=True, seed=self.seed)

    def _noise_is_plain(self, best: Trial) -> bool:
        """Whether exact values are out of the question, before more features are tried."""
        share = self._share_of_values(best)
        if share > MUCH and self._contradiction(best) is None:
            return True
        if len(self.trials) < FIRST_TRIALS:
            return False
        # What all features leave alike is no question of features.
        alike = [t for t in self.trials if t.fit.unseen < best.fit.unseen / diagnosis.FLOOR]
        if share > MUCH and len(alike) >= diagnosis.MOST_ALIKE:
            return True
        if not self.open:
            return False
        if self._predicted is None:
            self._predicted = self._noise_predicts_better(best)
        return self._predicted

    def _noise_predicts_better(self, best: Trial) -> bool:
        """Whether values that were held back are met better where the others may carry noise.

        More outputs than equations can be bent to any values; only others show which view is right.
        """
        sets = [c for c in self.conditions if _host.is_point_set(c)]
        if not all(len(c) >= FEWEST for c in sets):
            return False
        held = [np.arange(len(c)) % HELD_BACK == 0 for c in sets]
        parts = {
            id(c): _host.part_of(c, np.flatnonzero(~h)) for c, h in zip(sets, held, strict=True)
        }
        others = [
            Equation("held back", (part := _host.part_of(c, np.flatnonzero(h))), part.points)
            for c, h in zip(sets, held, strict=True)
        ]
        equations = [
            Equation(e.name, part, np.asarray(part.points, float))
            if (part := parts.get(id(e.condition))) is not None
            else e
            for e in self._fitted(best.features)
        ]
        errors = []
        for noisy in (False, True):
            self.noisy = noisy
            points = self._new_points(equations, best.features)
            system = self._system(best.family, best.slope_scale, best.features)
            descent, _ = solve_features(self.problem, system, points, self.clock, self.first)
            rows = self.problem.linearise(others, descent.field)
            errors.append(math.hypot(*(float(taylor.norm(r.linear.residual)) for r in rows)))
        self.noisy = False
        return errors[1] < CLEARLY * errors[0]

    def _contradiction(self, best: Trial) -> str | None:
        """What speaks against noise in what is left of given values, or None."""
        descent = self._descent(best)
        for i in self.data_rows:
            if noise.looks_like_noise(descent, i):
                continue
            misfit = descent.misfit(i)
            values = taylor.to_numpy(descent.points.rows[i].linear.residual)
            size, whole = (float(np.sqrt(np.mean(v**2))) for v in (misfit, values))
            return (
                f"The values of {descent.place.rows[i].name} and the equations contradict each "
                f"other: they differ by {size:.2g} (root mean square; the values themselves: "
                f"{whole:.2g}), and not as noise does."
            )
        return None

    def trial(self, family: str, scale: tuple[float, ...], size: int, best: Trial | None) -> Trial:
        """Solve on new features; a problem that is not linear starts from the best so far."""
        seconds = self._expected_seconds(size)
        if self.trials and seconds > self.clock.left():
            self.stopped = (
                f"out of time for the next attempt, which would take about {seconds:.0f} s"
            )
            raise _Stopped
        before = self.clock.left()
        system = self._system(family, scale, size)
        start = self.first
        self.problem.set_values(self.first_values)
        if best is not None and not self.linear and not best.fit.diverged:
            self.problem.set_values(taylor.asarray(np.array(best.fit.variables)))
            start = field_of(self._systems[id(best)], best.fit.unknowns)
        descent, fit = solve_features(self.problem, system, self.points(size), self.clock, start)
        if math.isfinite(before):
            self._times[size] = before - self.clock.left()
        return self._record(Trial(family, scale, size, fit), system, descent)

    def _system(self, family: str, scale: tuple[float, ...], size: int) -> System:
        spec = RepSpec(
            (self.domain.dim, size, self.problem.n_outputs),
            family,
            "Glorot uniform",
            domain=self.domain,
            slope_scale=scale,
            hidden_gain=1.0,
            seed=self.seed,
        )
        return System(Features(spec, draw(spec), taylor), len(self.first_values))

    def small_system(self, size: int = choice.FIRST_SIZE) -> System:
        """Ridges of the problem's wavenumber, for questions about a part of the problem."""
        scale = choice.FAMILIES["tanh"] * self.wavenumber
        return self._system("tanh", tuple(float(s) for s in scale), size)

    def _expected_seconds(self, size: int) -> float:
        """Of a trial, from the last ones: as the cube of the number of features."""
        if not self._times:
            return 0.0
        largest = max(self._times)
        return self._times[largest] * (size / largest) ** 3

    def _record(self, trial: Trial, system: System, descent: Descent) -> Trial:
        self.trials.append(trial)
        self._tried.append(trial)
        self._systems[id(trial)] = system
        if trial.features >= HEAVY:
            for other in self.trials:
                if other.features >= HEAVY and other is not self.best():
                    self._descents.pop(id(other), None)
        self._descents[id(trial)] = descent
        self.clock.armed = True
        self._progress.update(trial.family, trial.features, trial.fit.unseen)
        if trial.fit.stopped:
            self.stopped = trial.fit.stopped
            raise _Stopped
        return trial

    def _own(self) -> Trial:
        """Solve on the features of the model's network."""
        system = System(self._own_features(), len(self.first_values))
        check_memory(system.unknowns, bytes_free())
        size = max(system.features.sizes)
        self.problem.set_values(self.first_values)
        descent, fit = solve_features(
            self.problem, system, self.points(size), self.clock, self.first
        )
        return self._record(self._own_trial(size, fit), system, descent)

    def _own_of_all(self) -> None:
        """Solve on these features, and then for all parameters of the network."""
        features = self._own_features()
        size = max(features.sizes)
        # On features that cannot hold the solution everything would pass for noise.
        self.data_rows = []
        moving = importlib.import_module(".all_parameters.pytorch", __package__)
        self.density = moving.density(features, PER_FEATURE * size)
        points = self.points(size)
        moving.check_size(features, points)
        first = self._own()
        system, fit = moving.solve_all(
            self.problem,
            self._systems[id(first)],
            points,
            self.clock,
            first.fit,
            self.tol,
            partial(self._progress.update, "moving features", size),
        )
        self.problem.set_values(taylor.asarray(np.array(fit.variables)))
        descent = Descent.at(self.problem, system, points, self.clock, fit)
        self._record(self._own_trial(size, fit), system, descent)

    def _own_features(self) -> Features:
        net = self.model.net
        return Features(net.spec, net.to_numpy(), taylor, transform=_host.input_transform(net))

    def _own_trial(self, size: int, fit: Fit) -> Trial:
        net = self.model.net
        activation = net.spec.activation
        family = activation if isinstance(activation, str) else type(activation).__name__
        return Trial(family, tuple(net.spec.slope_scale), size, fit)

    # ---------------------------------------------------------------------------------------------
    # What was found

    def best(self) -> Trial:
        """The trial with the smallest unseen residual."""
        return functools.reduce(choice.better, self.trials)

    def _descent(self, trial: Trial) -> Descent:
        if id(trial) not in self._descents:
            self.problem.set_values(taylor.asarray(np.array(trial.fit.variables)))
            system, points = self._systems[id(trial)], self.points(trial.features)
            self._descents[id(trial)] = Descent.at(
                self.problem, system, points, self.clock, trial.fit
            )
        return self._descents[id(trial)]

    def stability(self, trial: Trial) -> Stability:
        """How firmly the equations hold the solution of a trial."""
        if id(trial) not in self._stability:
            self._stability[id(trial)] = examine(self._descent(trial))
            self.clock.tick("stability")
        return self._stability[id(trial)]

    def finding(self, kept: Trial) -> diagnosis.Finding:
        """The verdict, and what it rests on."""
        stability, descent = self.stability(kept), self._descent(kept)
        limit = diagnosis.largest_error(self.tol)
        if stability.loose.size and not (self.open or stability.free.size):
            other = self._other_features(kept, finer=True)
            if other is not None:
                # Features that express more find it freer: nothing but their number holds it.
                finer = self.stability(other)
                freer = finer.amplification > FREER * stability.amplification
                if not finer.free.size and finer.loose.size and freer:
                    finer = replace(finer, free=finer.loose)
                if finer.free.size:
                    return diagnosis.judge(self, kept, self._descent(other), finer)
            change = self._change(kept, other)
            if change > max(limit, APART * stability.error):
                stability = replace(stability, error=change, free=stability.loose)
        if self.open:
            other = self._other_features(kept, finer=False)
            error = max(stability.error, self._change(kept, other))
            stability = replace(stability, error=error)
            # Between the values there is always some direction that only the features hold.
            if kept.fit.noise or stability.own_error <= limit:
                stability = replace(stability, free=stability.free[:, :0])
        return diagnosis.judge(self, kept, descent, stability)

    def _other_features(self, kept: Trial, finer: bool) -> Trial | None:
        """The problem solved on features of another kind, or on more; None where neither does it.

        Outputs for which there is no equation are held by values at some points and, between them,
        by what the features can express, and so is what the equations hardly hold: other features
        show how much that is.
        """
        if self.own_features or kept.fit.noise or self.stopped or kept.fit.unseen > self.tol:
            return None
        (other,) = (f for f in choice.FAMILIES if f != kept.family)
        ratio = choice.FAMILIES[other] / choice.FAMILIES[kept.family]
        ways = [(other, ratio, 1), (kept.family, choice.GROWTH, 2)]
        for family, factor, more in reversed(ways) if finer else ways:
            scale = tuple(factor * s for s in kept.slope_scale)
            found = self.trial(family, scale, more * kept.features, None)
            if found.fit.unseen <= choice.BEHIND * max(self.tol, kept.fit.unseen):
                return found
        return None

    def _change(self, kept: Trial, other: Trial | None) -> float:
        """How far the solution is from another, relative."""
        if other is None:
            return 0.0
        x = self.points(kept.features).check[0].x
        one, two = (self._systems[id(t)].field(x, (), t.fit.unknowns) for t in (kept, other))
        return float(taylor.norm(one - two)) / (float(taylor.norm(one)) or 1.0)

    def hint(self, own: Trial) -> str | None:
        """What to say when other features would do much better than those of the user's network."""
        size = min(own.features, choice.FIRST_SIZE)
        if own.fit.unseen <= self.tol or size < 10 or _host.input_transform(self.model.net):
            return None
        trials, self.trials = self.trials, []
        self._go_on(noisy=False)
        try:
            best = functools.reduce(choice.better, choice.first(self.trial, self.wavenumber, size))
        finally:
            self.trials = trials
        if not best.fit.unseen < MUCH_BETTER * own.fit.unseen:
            return None
        scale = ", ".join(f"{s:.3g}" for s in best.slope_scale)
        transform = ""
        if self.problem.transform is not None:
            transform = ", output_transform=...), with the function given to the network,"
        return (
            f"{size} {best.family} features of slope scale ({scale}) leave a residual of "
            f"{best.fit.unseen:.1e}; solve(model.data{transform or ')'} chooses and grows such "
            "features."
        )

    def finish(self, kept: Trial, finding: diagnosis.Finding, hint: str | None) -> Solution:
        """The solution, with the report of how it was found."""
        system, points = self._systems[id(kept)], self.points(kept.features)
        fitted = kept.fit.fitted_by_equation or [
            norm / points.size
            for norm in system.errors(points.rows, points.factors, kept.fit.unknowns)
        ]
        residuals = zip(fitted, kept.fit.unseen_by_equation, strict=True)
        solved = partial(self._solved, kept)
        if self.own_features:
            solved()
        transformed = self.own_features and _host.input_transform(self.model.net) is not None
        self.clock.tick("report")
        return Solution(
            trials=tuple(self.trials),
            kept=kept,
            equations={e.name: len(e.points) for e in points.fit},
            residuals={r.name: pair for r, pair in zip(points.rows, residuals, strict=True)},
            verdict=finding.verdict,
            reason=finding.reason,
            determined=finding.determined,
            error_estimate=finding.error_estimate,
            linear=self.linear,
            seconds=dict(self.clock.seconds),
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
        if not self.own_features:
            net = RepFNN(
                [self.domain.dim, kept.features, self.problem.n_outputs],
                kept.family,
                "Glorot uniform",
                domain=self.domain,
                slope_scale=kept.slope_scale,
                hidden_gain=1.0,
                seed=self.seed,
            )
            if self.problem.transform is not None:
                net.apply_output_transform(self.problem.transform)
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
                before = self.problem.values()
                self.problem.set_values(taylor.asarray(np.array(kept.fit.variables)))
                rows = self.problem.linearise(points.fit, field_of(system, unknowns))
                self.problem.set_values(before)
        x, other = points.fit[0].x, points.check[0].x
        return for_single_precision(system, rows, points.factors, unknowns, x, other)


#: Trials of the first round.
FIRST_TRIALS = len(choice.FAMILIES) * len(choice.MULTIPLES)


def _given_values(rows: list[Rows]) -> list[int]:
    return [i for i, row in enumerate(rows) if row.data]


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
