"""The problems of examples/: their exact solutions, put in the place of a network.

DeepXDE evaluates its own equations and conditions on them, at the points of the problem, and
differentiates them as it would a network.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import deepxde as dde
import numpy as np

from examples.pinn_forward import helmholtz_2d as helmholtz_2d_trained
from examples.pinn_forward import poisson_1d_multiscale as poisson_1d_trained
from examples.pinn_forward import wave_1d as wave_1d_trained
from examples.pinn_inverse import diffusion_1d_inverse as diffusion_1d_inverse_trained
from examples.solve import (
    diffusion_1d_inverse,
    helmholtz_1_4,
    helmholtz_2d,
    helmholtz_2d_inverse,
    lshape_2d,
    nonlinear_2d,
    poisson_1d_multiscale,
    poisson_peak_2d,
    wave_1d,
)

from .registry import check
from .support import BACKEND

Field = Callable[[Any], Any]


class Case(NamedTuple):
    """A problem, its exact solution, and how many equations and conditions it has."""

    data: Any
    solution: Callable[..., Any]
    n_errors: int
    arguments: tuple[Any, ...] = ()  # of the solution, after x
    unknowns: tuple[tuple[Any, float], ...] = ()  # each dde.Variable, and its true value


def _inverse() -> Case:
    data, k2 = helmholtz_2d_inverse.problem()
    unknowns = ((k2, helmholtz_2d_inverse.k_true**2),)
    return Case(data, helmholtz_2d_inverse.solution, 3, unknowns=unknowns)


CASES: dict[str, Callable[[], Case]] = {
    "poisson_1d_multiscale": lambda: Case(
        poisson_1d_multiscale.problem(), poisson_1d_multiscale.solution, 2
    ),
    "helmholtz_2d": lambda: Case(helmholtz_2d.problem(), helmholtz_2d.solution, 2),
    "helmholtz_2d_n4": lambda: Case(
        helmholtz_2d.problem(n=4), helmholtz_2d.solution, 2, (8 * np.pi,)
    ),
    "helmholtz_1_4": lambda: Case(helmholtz_1_4.problem(), helmholtz_1_4.solution, 2),
    "poisson_peak_2d": lambda: Case(poisson_peak_2d.problem(), poisson_peak_2d.solution, 2),
    "lshape_2d": lambda: Case(lshape_2d.problem(), lshape_2d.solution, 2),
    "helmholtz_2d_inverse": _inverse,
    "diffusion_1d_inverse": lambda: Case(
        diffusion_1d_inverse.problem(), diffusion_1d_inverse.solution, 3
    ),
}
# Those that are trained, where a transform of the output takes the place of the conditions.
TRAINED_CASES: dict[str, Callable[[], Case]] = {
    "poisson_1d_multiscale": lambda: Case(
        poisson_1d_trained.problem(), poisson_1d_trained.solution, 1
    ),
    "helmholtz_2d": lambda: Case(helmholtz_2d_trained.problem(), helmholtz_2d_trained.solution, 1),
    "helmholtz_2d_n4": lambda: Case(
        helmholtz_2d_trained.problem(n=4), helmholtz_2d_trained.solution, 1, (8 * np.pi,)
    ),
    "wave_1d": lambda: Case(wave_1d_trained.problem(), wave_1d_trained.solution, 1),
    "diffusion_1d_inverse": lambda: Case(
        diffusion_1d_inverse_trained.problem(), diffusion_1d_inverse_trained.solution, 2
    ),
}
# With JAX DeepXDE has no conditions on derivatives.
CASES_WITH_DERIVATIVE_CONDITIONS: dict[str, Callable[[], Case]] = {
    "wave_1d": lambda: Case(wave_1d.problem(), wave_1d.solution, 4),
    "nonlinear_2d": lambda: Case(nonlinear_2d.problem(), nonlinear_2d.solution, 3),
}


def differentiable(function: Callable[..., Any], lib: Any) -> Callable[..., Any]:
    """A NumPy function with ``lib``, of the same names, in the place of NumPy."""
    namespace = function.__globals__ | {"np": lib}
    return types.FunctionType(
        function.__code__, namespace, None, function.__defaults__, function.__closure__
    )


def other(lib: Any, n_outputs: int) -> Field:
    """A smooth field that is the solution of none of the problems."""

    def field(x: Any) -> Any:
        phase = 1 + x[:, 0:1] + sum(3 * x[:, j : j + 1] for j in range(1, x.shape[1]))
        return lib.hstack([lib.cos(phase + i) for i in range(n_outputs)])

    return field


def residuals(data: Any, field: Field, unknowns: Sequence[tuple[Any, float]] = ()) -> list[Any]:
    """Residuals of each equation, then of each condition, with ``field`` for the network."""

    def as_it_is(target: Any, error: Any) -> Any:
        return error

    dde.grad.clear()
    if BACKEND == "jax":
        inputs = dde.backend.jax.numpy.asarray(data.train_x)
        aux = [lambda point: field(point[None])[0]]
        if unknowns:
            aux.append([value for _, value in unknowns])
        errors = data.losses(None, field(inputs), as_it_is, inputs, None, aux=aux)
    else:
        for variable, value in unknowns:
            variable.data.fill_(value)
        inputs = dde.backend.as_tensor(data.train_x).requires_grad_()
        errors = data.losses(None, field(inputs), as_it_is, inputs, None)
    return [dde.backend.to_numpy(error) for error in errors]


def library() -> Any:
    return dde.backend.jax.numpy if BACKEND == "jax" else dde.backend.torch


def _exact_solution(case: Callable[[], Case]) -> None:
    data, solution, n_errors, arguments, unknowns = case()
    given, lib = differentiable(solution, library()), library()
    wrong = other(lib, solution(data.train_x[:1], *arguments).shape[1])

    def norms(amount: float) -> list[float]:
        """Of the residuals when ``amount`` times another field is added to the solution."""
        found = residuals(data, lambda x: given(x, *arguments) + amount * wrong(x), unknowns)
        assert all(len(error) >= 2 for error in found)
        return [float(np.linalg.norm(error)) for error in found]

    exact, slightly_off, off = norms(0), norms(1e-6), norms(1)
    assert len(exact) == n_errors
    for i in range(n_errors):
        assert exact[i] < 1e-8 * off[i], f"error {i}: {exact[i]} of {off[i]}"
        # The equation would have told.
        assert slightly_off[i] > 1e-7 * off[i], f"error {i}: {slightly_off[i]} of {off[i]}"


@check(
    backends=["pytorch", "jax"],
    floats=["float64"],
    cases={n: {"case": c} for n, c in CASES.items()}
    | {f"{n}_trained": {"case": c} for n, c in TRAINED_CASES.items()},
)
def check_exact_solution(case: Callable[[], Case]) -> None:
    _exact_solution(case)


@check(
    backends=["pytorch"],
    floats=["float64"],
    cases={n: {"case": c} for n, c in CASES_WITH_DERIVATIVE_CONDITIONS.items()},
)
def check_exact_solution_with_derivative_conditions(case: Callable[[], Case]) -> None:
    _exact_solution(case)
