"""solve() on the backends that have it: exact solutions, the matrix, what it restores and refuses.

What is particular to PyTorch is in ``tests/solver``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import deepxde as dde
import numpy as np

import deepxde_repnet
from deepxde_repnet import RepFNN, RepPFNN, _host
from deepxde_repnet.spec import Box, RepSpec
from deepxde_repnet.theory.initialize import Dense, draw
from deepxde_repnet.theory.reference import forward
from examples.solve import diffusion_1d_inverse

from .registry import check, without
from .support import (
    BACKEND,
    features,
    hard_boundary,
    plain,
    points,
    raises,
    sine_product,
    with_unknown,
)

SOLVING = ["pytorch", "jax"]
K = 2 * np.pi
SQUARE = dde.geometry.Rectangle([0, 0], [1, 1])
OBSERVED = np.random.default_rng(1).uniform(0.1, 0.9, (9, 2))


def wave(x: Any) -> Any:
    return sine_product((K, K), x)


def laplacian(x: Any, y: Any, component: int = 0) -> Any:
    return sum(plain(dde.grad.hessian(y, x, component=component, i=j, j=j)) for j in (0, 1))


def pde(x: Any, y: Any) -> Any:
    """-Δu = f with the solution ``wave``."""
    return -laplacian(x, y) - 2 * K**2 * sine_product((K, K), x, dde.backend.sin)


def everywhere(x: Any, on_boundary: Any) -> Any:
    return on_boundary


def left(x: Any, on_boundary: Any) -> Any:
    return on_boundary and np.isclose(x[0], 0)


def problem(equation: Any = pde, conditions: Any = None) -> Any:
    if conditions is None:
        conditions = [dde.icbc.DirichletBC(SQUARE, wave, everywhere)]
    return dde.data.PDE(SQUARE, equation, conditions, num_domain=50, num_boundary=20)


def solve(data: Any, tol: float = 1e-6, **options: Any) -> Any:
    return deepxde_repnet.solve(data, tol=tol, verbose=0, **options)


def error(solution: Any, exact: Callable[[Any], Any]) -> float:
    x = np.random.default_rng(0).uniform(size=(500, 2))
    return float(np.linalg.norm(solution._values(x) - exact(x)) / np.linalg.norm(exact(x)))


@check(backends=SOLVING)
def check_solve_linear() -> None:
    solution = solve(problem(), 1e-8)
    assert solution.linear and solution.converged
    assert error(solution, wave) < 1e-8
    # The same on every backend.
    assert (solution.family, solution.features) == ("sin", 300), str(solution)
    np.testing.assert_allclose(solution.slope_scale, (3.1506496372, 3.1415926536), rtol=1e-9)
    x = points(50, (0, 0), (1, 1))
    assert solution.predict(x).dtype == np.float32
    np.testing.assert_allclose(solution.model.predict(x), solution.predict(x), atol=2e-3)
    assert BACKEND == "pytorch" or "torch" not in sys.modules


@check(backends=SOLVING)
def check_solve_to_a_few_digits() -> None:
    # The normal equations, which finer tolerances do not use.
    solution = solve(problem(), 1e-3)
    assert solution.residual_unseen <= 1e-3 and error(solution, wave) < 1e-3
    assert solution.kept.fit.damping >= 1e-8


@check(backends=SOLVING)
def check_solve_nonlinear() -> None:
    def cubic(x: Any, y: Any) -> Any:
        exact = sine_product((K, K), x, dde.backend.sin)
        return pde(x, y) + plain(y) ** 3 - exact**3

    solution = solve(problem(cubic))
    assert solution.converged and not solution.linear and solution.predict(OBSERVED).shape == (9, 1)
    assert error(solution, wave) < 1e-6


@check(backends=SOLVING, floats=["float32", "float64"])
def check_solve_unknown() -> None:
    def residual(x: Any, y: Any, k2: Any) -> Any:
        source = sine_product((K, K), x, dde.backend.sin)
        return -laplacian(x, y) - k2 * plain(y) - K**2 * source

    equation, k2 = with_unknown(residual, 20.0)
    conditions = [
        dde.icbc.DirichletBC(SQUARE, lambda x: 0, everywhere),
        dde.icbc.PointSetBC(OBSERVED, wave(OBSERVED)),
    ]
    solution = solve(problem(equation, conditions), external_trainable_variables=[k2])
    (found,) = solution.variables
    # In float32 the values at the points are rounded, by up to 6e-8.
    double = _host.real(np) == np.float64
    assert abs(found.value / K**2 - 1) < (1e-8 if double else 1e-5), found
    array = k2.value if BACKEND == "jax" else k2
    assert abs(dde.backend.to_numpy(array) / found.value - 1) < 1e-6
    assert str(array.dtype).endswith("float64" if double else "float32")


@check(backends=["jax"], floats=["float64"])
def check_solve_unknown_field() -> None:
    """The example with a coefficient that is the second output, a derivative of a product."""
    solution = solve(diffusion_1d_inverse.problem(), 1e-5, max_features=300)
    assert not solution.linear
    assert diffusion_1d_inverse.error(solution) < 1e-3


@check(backends=SOLVING)
def check_solve_periodic() -> None:
    def shifted(x: Any) -> Any:
        return np.cos(K * x[:, 0:1]) * np.sin(K * x[:, 1:2])

    def equation(x: Any, y: Any) -> Any:
        source = dde.backend.cos(K * x[:, 0:1]) * dde.backend.sin(K * x[:, 1:2])
        return -laplacian(x, y) + plain(y) - (2 * K**2 + 1) * source

    def bottom_and_top(x: Any, on_boundary: Any) -> Any:
        return on_boundary and (np.isclose(x[1], 0) or np.isclose(x[1], 1))

    sides = dde.icbc.DirichletBC(
        SQUARE, shifted, lambda x, on: on and (np.isclose(x[0], 1) or bottom_and_top(x, on))
    )
    conditions = [sides, dde.icbc.PeriodicBC(SQUARE, 0, left)]
    assert error(solve(problem(equation, conditions), 1e-7), shifted) < 1e-6


@check(backends=SOLVING, cases={"one": {"parallel": False}, "parallel": {"parallel": True}})
def check_solve_model(parallel: bool) -> None:
    """In place, with hard conditions; every output of a parallel network has its own features."""

    def both(x: Any, y: Any) -> Any:
        value = plain(y)
        return [pde(x, y), value[:, 1:2] - 2 * value[:, 0:1]]

    def exact(x: Any) -> Any:
        return np.hstack([wave(x), 2 * wave(x)])

    if parallel:
        net = RepPFNN([2, [150, 160], 2], "sin", "Glorot uniform", seed=0, slope_scale=4.0)
    else:
        net = RepFNN([2, 40, 250, 2], "tanh", "Glorot uniform", seed=0)
    net.apply_output_transform(hard_boundary)
    model = dde.Model(problem(both, []), net)
    solution = solve(model, 1e-3)
    assert solution.model is model
    assert error(solution, exact) < 1e-3
    x = points(50, (0, 0), (1, 1))
    assert np.abs(model.predict(x) - exact(x)).max() < 2e-2
    model.compile("adam", lr=1e-6, verbose=0)
    np.testing.assert_allclose(model.predict(x), solution.predict(x), atol=2e-2)
    history, _ = model.train(iterations=1, verbose=0)
    assert np.sum(history.loss_train[0]) < 1


@check(backends=SOLVING)
def check_solve_input_transform() -> None:
    interval = dde.geometry.Interval(0, 1)

    def equation(x: Any, y: Any) -> Any:
        return plain(dde.grad.hessian(y, x)) + K**2 * dde.backend.sin(K * x)

    condition = dde.icbc.DirichletBC(interval, lambda x: 0, everywhere)
    data = dde.data.PDE(interval, equation, condition, 50, 2)
    net = RepFNN([2, 60, 1], "tanh", "Glorot uniform", seed=0)
    net.apply_feature_transform(features)
    solution = solve(dde.Model(data, net))
    x = np.linspace(0, 1, 101)[:, None]
    assert np.abs(solution._values(x) - np.sin(K * x)).max() < 1e-4


@check(
    backends=SOLVING,
    cases={
        name: {"condition": condition}
        for name, condition in {
            "dirichlet": lambda: dde.icbc.DirichletBC(SQUARE, wave, everywhere),
            "periodic": lambda: dde.icbc.PeriodicBC(SQUARE, 0, left),
            "point_set": lambda: dde.icbc.PointSetBC(OBSERVED, wave(OBSERVED)),
            "operator": lambda: dde.icbc.OperatorBC(
                SQUARE, lambda x, y, X: (1 + x[:, 1:2]) * y - 3, left
            ),
            "point_set_operator": lambda: dde.icbc.PointSetOperatorBC(
                OBSERVED, wave(OBSERVED), lambda x, y, X: 2 * y
            ),
        }.items()
    },
)
def check_solve_matrix(condition: Callable[[], Any]) -> None:
    """Of conditions on values, against the residuals of one feature after the other."""
    from deepxde_repnet.solver.equations import Equation, Problem, System
    from deepxde_repnet.taylor.features import Features
    from deepxde_repnet.taylor.framework import taylor

    given = condition()
    data = problem(conditions=[given])
    spec = RepSpec(
        [2, 12, 1], domain=Box((0, 0), (1, 1)), slope_scale=(2, 3), hidden_gain=1.0, seed=1
    )
    weights = draw(spec)
    with _host.double_precision(data):
        at = _host.condition_points(data, given, 10, even=False)
        rows = Problem(data, 1).linearise([Equation("condition", given, at)])
        (block,) = System(Features(spec, weights, taylor)).blocks(rows, [1.0])

        def residual(unit: np.ndarray) -> np.ndarray:
            layer = Dense(unit[:12, None], unit[12:])
            y = dde.backend.as_tensor(forward(spec, [weights[0], [layer]], at).value)
            (found,) = _host.residuals(data, given, at, dde.backend.as_tensor(at), y)
            return dde.backend.to_numpy(found)[:, 0]

        zero = residual(np.zeros(13))
        brute = np.stack([residual(unit) - zero for unit in np.eye(13)], axis=1)
    block = taylor.to_numpy(block)
    assert len(block) >= 5
    np.testing.assert_allclose(block[:, :-1], brute, rtol=0, atol=1e-9 * abs(brute).max())
    np.testing.assert_allclose(block[:, -1], -zero, rtol=0, atol=1e-12)


@check(backends=["jax"], floats=["float64"])
def check_solve_coefficients() -> None:
    """Of derivatives of derived quantities, in the user's own code; and at any number of points."""
    from deepxde_repnet.taylor import jax as taylor

    generator, values = np.random.default_rng(0), {}

    def value(axes: Any) -> Any:
        return values.setdefault(axes, generator.standard_normal((1500, 1)))

    def equation(points: Any, x: Any, y: Any, variables: Any) -> Any:
        dde.grad.clear()
        u_x = dde.grad.jacobian(y, x, j=0)
        flux = (1 + x[:, 0:1] ** 2) * u_x[0], lambda x: (1 + x[0:1] ** 2) * u_x[1](x)
        mixed = dde.grad.jacobian(dde.grad.jacobian(flux, x, j=0), x, j=1)
        return [mixed[0] + y[0] ** 2]

    x = generator.uniform(size=(1500, 2))
    (linear,) = taylor.Equations(equation, None, ()).linearise(x, x, value)
    # ∂_1 ∂_0 (a ∂_0 u) = a' u_01 + a u_001, with a' = 2 x_0
    x0 = x[:, 0:1]
    assert set(linear.slopes) == {(), (0, 1), (0, 0, 1)}
    np.testing.assert_allclose(linear.slopes[()], 2 * value(()))
    np.testing.assert_allclose(linear.slopes[0, 1], 2 * x0)
    np.testing.assert_allclose(linear.slopes[0, 0, 1], 1 + x0**2)
    expected = 2 * x0 * value((0, 1)) + (1 + x0**2) * value((0, 0, 1)) + value(()) ** 2
    np.testing.assert_allclose(linear.residual, expected[:, 0], atol=1e-12)


@check(backends=SOLVING, cases={"column": {"by_index": True}, "slice": {"by_index": False}})
def check_solve_counts_outputs(by_index: bool) -> None:
    """Also where they are taken by an index, which JAX does not check."""

    def both(x: Any, y: Any) -> Any:
        value = plain(y)
        first, second = (value[:, 0:1], value[:, 1:2])
        if by_index:
            first, second = (value[:, i] for i in (0, 1))
        return [pde(x, y), second - 2 * first]

    solution = solve(problem(both), 1e-4)
    assert error(solution, lambda x: np.hstack([wave(x), 2 * wave(x)])) < 1e-3


class Broken(Exception):
    pass


@check(
    backends=SOLVING,
    floats=["float32", "float64"],
    cases={"exception": {"failure": Broken}, "interrupt": {"failure": KeyboardInterrupt}},
)
def check_solve_restores(failure: type[BaseException]) -> None:
    calls = []

    def failing(x: Any) -> Any:
        calls.append(1)
        # The first call tells the number of outputs, and what it raises is the problem's fault.
        if len(calls) > 2:
            raise failure
        return wave(x)

    modules = dde.gradients.gradients_forward, dde.gradients.gradients_reverse

    def state() -> list[Any]:
        found: list[Any] = [dde.config.default_float(), dde.backend.as_tensor(np.ones(1)).dtype]
        found += [getattr(m, name) for m in modules for name in ("jacobian", "hessian")]
        return [*found, *np.random.get_state()[1], *data.train_x.ravel()]

    data = problem(conditions=[dde.icbc.DirichletBC(SQUARE, failing, everywhere)])
    before = state()
    try:
        solve(data)
    except failure:
        pass
    else:
        raise AssertionError("it was to fail")
    assert state() == before


@check(
    backends=["jax"],
    cases={
        name: {"condition": condition}
        for name, condition in {
            "neumann": lambda: dde.icbc.NeumannBC(SQUARE, wave, left),
            "robin": lambda: dde.icbc.RobinBC(SQUARE, lambda x, y: y, left),
            "periodic": lambda: dde.icbc.PeriodicBC(SQUARE, 0, left, derivative_order=1),
            "operator": lambda: dde.icbc.OperatorBC(
                SQUARE, lambda x, y, X: dde.grad.jacobian(y, x, j=1), left
            ),
            "point_set_operator": lambda: dde.icbc.PointSetOperatorBC(
                OBSERVED, wave(OBSERVED), lambda x, y, X: dde.grad.hessian(y, x)
            ),
        }.items()
    },
)
def check_solve_derivative_condition(condition: Callable[[], Any]) -> None:
    given = condition()
    name = type(given).__name__
    with raises(NotImplementedError, f"a {name} takes a derivative", "DDE_BACKEND=pytorch"):
        solve(problem(conditions=[given]))


def _coupled(x: Any, y: Any) -> Any:
    return pde(x, y) * plain(y).mean()


def _elsewhere(x: Any, y: Any) -> Any:
    """The function that JAX passes, called for a point that is none of the points."""
    return pde(x, y) + y[1](0.5 * x)


@check(backends=SOLVING)
def check_solve_conduction() -> None:
    """(exp(u/2) u')' = 0: what it depends on u by cancels at the solution."""
    interval = dde.geometry.Interval(0, 2)

    def equation(x: Any, y: Any) -> Any:
        slope, bend = plain(dde.grad.jacobian(y, x)), plain(dde.grad.hessian(y, x))
        exp = dde.backend.lib.exp if BACKEND == "pytorch" else dde.backend.jax.numpy.exp
        factor = exp(0.5 * plain(y))
        return 0.5 * factor * slope**2 + factor * bend

    def exact(x: Any) -> Any:
        return 2 * np.log1p(np.expm1(2.5) * x / 2)

    data = dde.data.PDE(
        interval, equation, dde.icbc.DirichletBC(interval, exact, everywhere), 50, 2
    )
    solution = solve(data, 1e-9)
    x = np.linspace(0, 2, 50)[:, None]
    assert solution.converged and np.abs(solution._values(x) - exact(x)).max() < 1e-8


@check(backends=SOLVING)
def check_solve_condition_whose_slopes_cancel() -> None:
    """(u - x)² = 0 at the ends, beside u = x there."""
    interval = dde.geometry.Interval(0, 1)
    conditions = [
        dde.icbc.OperatorBC(
            interval, lambda x, y, X: y**2 - 2 * (x + 0.3) * y + (x + 0.3) ** 2, everywhere
        ),
        dde.icbc.DirichletBC(interval, lambda x: x + 0.3, everywhere),
    ]

    def equation(x: Any, y: Any) -> Any:
        return plain(dde.grad.hessian(y, x)) + plain(y) ** 2 - (x + 0.3) ** 2

    solution = solve(dde.data.PDE(interval, equation, conditions, 50, 2), 1e-9)
    assert solution.converged


def _coupled_beside_a_large_one(x: Any, y: Any) -> Any:
    return [1e9 * pde(x, y), plain(y) - 1e-3 * plain(y).mean()]


@check(backends=SOLVING)
def check_solve_refuses_weakly_coupled_points() -> None:
    with raises(ValueError, "another point"):
        solve(problem(_coupled_beside_a_large_one))
    condition = dde.icbc.OperatorBC(SQUARE, lambda x, y, X: y - 1e-6 * y.mean(), left)
    with raises(ValueError, "another point"):
        solve(problem(conditions=[condition]))


@check(backends=SOLVING)
def check_solve_refuses_coupled_points() -> None:
    for equation in (_coupled, _elsewhere)[: 2 if BACKEND == "jax" else 1]:
        with raises(ValueError, "another point"):
            solve(problem(equation))


@check(
    backends=SOLVING,
    cases={
        name: {"condition": condition, "named": named}
        for name, condition, named in (
            (
                "dirichlet",
                lambda: dde.icbc.DirichletBC(SQUARE, lambda x: wave(x)[:, 0], everywhere),
                "condition 1 (DirichletBC)",
            ),
            (
                "point_set",
                lambda: dde.icbc.PointSetBC(OBSERVED, wave(OBSERVED)[:, 0]),
                "condition 1 (PointSetBC)",
            ),
            (
                "operator",
                lambda: dde.icbc.OperatorBC(SQUARE, lambda x, y, X: y - x[:, 1], left),
                "condition 1 (OperatorBC)",
            ),
            ("equation", None, "PDE gives a residual"),
        )
    },
)
def check_solve_refuses_residuals_that_are_no_columns(condition: Any, named: str) -> None:
    if condition is None:
        data = problem(lambda x, y: pde(x, y) - x[:, 0])
    else:
        data = problem(conditions=[condition()])
    with raises(ValueError, named, "[:, None]"):
        solve(data)


@check(backends=["jax"])
def check_solve_refuses_unknowns_that_are_not_taken() -> None:
    with raises(ValueError, "def pde(x, y, unknowns)"):
        solve(problem(), external_trainable_variables=[dde.Variable(1.0)])
    with raises(ValueError, "dde.Variable"):
        solve(problem(), external_trainable_variables=[1.0])


@check(backends=without(*SOLVING))
def check_solve_names_its_backends() -> None:
    interval = dde.geometry.Interval(0, 1)
    data = dde.data.Function(interval, np.sin, 5, 5)
    with raises(NotImplementedError, "pytorch and jax", repr(BACKEND)):
        deepxde_repnet.solve(data)
