"""What solve() claims: never more than is so, with a reason that can be acted on."""

import signal
import threading

import deepxde as dde
import numpy as np
import pytest
import torch

import deepxde_repnet
from deepxde_repnet import RepFNN
from deepxde_repnet.solver import choice, diagnosis, noise

PI = np.pi
LINE = dde.geometry.Interval(0, 1)
SQUARE = dde.geometry.Rectangle([0, 0], [1, 1])
STRIP = dde.geometry.GeometryXTime(LINE, dde.geometry.TimeDomain(0, 1))


@pytest.fixture(autouse=True)
def double(request):
    request.addfinalizer(lambda: dde.config.set_default_float("float32"))
    dde.config.set_default_float("float64")


def boundary(x, on_boundary):
    return on_boundary


def initial(x, on_initial):
    return on_initial


def at(axis, value):
    return lambda x, on: on and np.isclose(x[axis], value)


def second(y, x, axis=0, component=0):
    return dde.grad.hessian(y, x, component=component, i=axis, j=axis)


def first(y, x, axis=0, component=0):
    return dde.grad.jacobian(y, x, i=component, j=axis)


def sine(x, y):
    return second(y, x) + PI**2 * torch.sin(PI * x)


def line_data(pde, conditions):
    return dde.data.PDE(LINE, pde, conditions, 16, 2)


def solve(data, **options):
    return deepxde_repnet.solve(data, **{"verbose": 0, **options})


def ends(value=0):
    return dde.icbc.DirichletBC(LINE, lambda x: value, boundary)


# ---------------------------------------------------------------------------------------------
# Undetermined, with what is missing; the mended problem is solved


def wave(x, y):
    return second(y, x, 1) - 4 * second(y, x, 0)


def wave_conditions():
    return [
        dde.icbc.DirichletBC(STRIP, lambda x: 0, boundary),
        dde.icbc.IC(STRIP, lambda x: np.sin(PI * x[:, :1]), initial),
    ]


def neumann(x, y):
    source = torch.cos(PI * x[:, :1]) * torch.cos(PI * x[:, 1:])
    return second(y, x, 0) + second(y, x, 1) + 2 * PI**2 * source


def oscillator(x, y):
    return y + 0.5 * second(y, x)


TIME = dde.geometry.TimeDomain(0, 6)
UNDETERMINED = {
    "no conditions": (
        lambda more: line_data(sine, more),
        lambda: [ends()],
        [
            "value of the solution at x = 0 and the value of the solution at x = 1",
            "output_transform",
        ],
    ),
    "one of two": (
        lambda more: line_data(sine, [dde.icbc.DirichletBC(LINE, lambda x: 0, at(0, 0)), *more]),
        lambda: [dde.icbc.DirichletBC(LINE, lambda x: 0, at(0, 1))],
        ["by the value of the solution at x = 1"],
    ),
    "wave without a velocity": (
        lambda more: dde.data.TimePDE(
            STRIP, wave, [*wave_conditions(), *more], 16, 4, num_initial=4
        ),
        lambda: [
            dde.icbc.OperatorBC(
                STRIP, lambda x, y, _: first(y, x, 1), lambda x, on: np.isclose(x[1], 0)
            )
        ],
        ["by the derivative of the solution along t at t = 0."],
    ),
    "oscillator with a value only": (
        lambda more: dde.data.TimePDE(
            TIME, oscillator, [dde.icbc.IC(TIME, lambda x: 1, initial), *more], 16, 2
        ),
        lambda: [
            dde.icbc.OperatorBC(
                TIME, lambda x, y, _: first(y, x), lambda x, on: np.isclose(x[0], 0)
            )
        ],
        ["by the derivative of the solution along t at t = 0."],
    ),
    "fluxes only": (
        lambda more: dde.data.PDE(
            SQUARE, neumann, [dde.icbc.NeumannBC(SQUARE, lambda x: 0, boundary), *more], 16, 4
        ),
        lambda: [dde.icbc.PointSetBC(np.array([[0.5, 0.5]]), np.array([[0.0]]))],
        ["any constant can be added to it. Give its value at one point."],
    ),
}


@pytest.mark.filterwarnings("ignore:.*vertices")
@pytest.mark.parametrize("name", UNDETERMINED)
def test_what_is_missing_is_named_and_following_the_advice_helps(name):
    build, missing, parts = UNDETERMINED[name]
    found = solve(build([]))
    assert found.verdict == "undetermined" and not found.determined and not found.converged
    for part in parts:
        assert part in found.reason and part in str(found)
    assert solve(build(missing())).converged


def test_a_product_of_unknowns_and_one_without_effect_are_named():
    points = np.array([[0.3], [0.5]])

    def found(residual, variables):
        given = dde.icbc.PointSetBC(points, np.sin(PI * points))
        data = line_data(residual, [ends(), given])
        return solve(data, external_trainable_variables=variables)

    a, b = dde.Variable(1.0), dde.Variable(1.0)

    def product(x, y):
        return a * b * second(y, x) + 2 * PI**2 * torch.sin(PI * x)

    def without(x, y):
        return a * second(y, x) + 2 * PI**2 * torch.sin(PI * x) + 0 * b

    assert "Unknown 1 and unknown 2 are not determined" in found(product, [a, b]).reason
    a, b = dde.Variable(1.0), dde.Variable(1.0)
    second_one = found(without, [a, b])
    assert second_one.verdict == "undetermined"
    assert "Unknown 2 is not determined" in second_one.reason


def test_near_resonance_is_determined_and_resonance_is_not():
    def data(k2):
        def pde(x, y):
            exact = torch.sin(4 * PI * x[:, :1]) * torch.sin(4 * PI * x[:, 1:])
            laplacian = second(y, x, 0) + second(y, x, 1)
            return laplacian + k2 * y + (32 * PI**2 - k2) * exact

        return dde.data.PDE(
            SQUARE, pde, [dde.icbc.DirichletBC(SQUARE, lambda x: 0, boundary)], 9, 4
        )

    near, resonant = solve(data(5 * PI**2 * 1.001)), solve(data(5 * PI**2))
    assert near.converged and resonant.verdict == "undetermined"
    x = np.random.default_rng(0).uniform(size=(300, 2))
    exact = np.sin(4 * PI * x[:, :1]) * np.sin(4 * PI * x[:, 1:])
    error = np.linalg.norm(near.predict(x) - exact) / np.linalg.norm(exact)
    assert error / 3 < near.error_estimate < 1e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_does_not_change_a_verdict(seed):
    for name in ("no conditions", "wave without a velocity", "fluxes only"):
        build, missing, _ = UNDETERMINED[name]
        assert solve(build([]), seed=seed).verdict == "undetermined"
        assert solve(build(missing()), seed=seed).verdict == "converged"


def test_threads_and_repetition_do_not_change_a_verdict():
    data = UNDETERMINED["wave without a velocity"][0]
    before = torch.get_num_threads()
    try:
        verdicts = set()
        for threads in (1, 2, 2):
            torch.set_num_threads(threads)
            verdicts.add(solve(data([])).verdict)
    finally:
        torch.set_num_threads(before)
    assert verdicts == {"undetermined"}


# ---------------------------------------------------------------------------------------------
# Conditions in an output transform


def hard(x, y):
    return x * (1 - x) * y


def test_conditions_of_an_output_transform_are_kept():
    x = np.linspace(0, 1, 50)[:, None]
    data = line_data(sine, [])
    from_data = solve(data, output_transform=hard)
    net = dde.nn.FNN([1, 20, 1], "tanh", "Glorot uniform")
    net.apply_output_transform(hard)
    from_fnn = solve(dde.Model(data, net))
    own = RepFNN([1, 200, 1], "tanh", "Glorot uniform", seed=0)
    own.apply_output_transform(hard)
    from_own = solve(dde.Model(data, own))
    for found in (from_data, from_fnn, from_own):
        assert found.converged
        np.testing.assert_allclose(found.predict(x), np.sin(PI * x), atol=1e-6)
        np.testing.assert_allclose(found.model.predict(x), np.sin(PI * x), atol=1e-6)
    assert from_fnn.model.net is not net


def test_arguments_without_an_effect_are_refused():
    model = dde.Model(line_data(sine, [ends()]), RepFNN([1, 50, 1], "tanh", "Glorot uniform"))
    for option in ({"max_features": 100}, {"wavenumber": 3.0}):
        with pytest.raises(ValueError, match="has no effect on a model"):
            solve(model, **option)
    with pytest.raises(ValueError, match="for data alone"):
        solve(model, output_transform=hard)
    for option, message in (
        ({"seconds": 0}, "seconds=0"),
        ({"start": 3}, "start=3"),
        ({"output_transform": 3}, "output_transform=3"),
        ({"start": lambda x: x[:2]}, r"shape \(900, 1\)"),
    ):
        with pytest.raises(ValueError, match=message):
            solve(line_data(sine, [ends()]), **option)


# ---------------------------------------------------------------------------------------------
# Noise, and what is none


def test_a_misfit_is_no_noise():
    x = np.linspace(0, 1, 50)[:, None]
    conditions = [
        dde.icbc.DirichletBC(LINE, lambda x: 0, at(0, 0)),
        dde.icbc.PointSetBC(x, np.sin(3 * x)),
    ]
    found = solve(line_data(lambda x, y: first(y, x), conditions))
    assert found.verdict == "contradictory" and not found.noise
    assert "contradict each other: they differ by 0.7" in found.reason


def test_exact_values_of_an_oscillating_coefficient_are_not_taken_for_noise():
    def pde(x, y):
        u, q = y[:, :1], y[:, 1:]
        exact = 2 + torch.sin(2 * PI * x)
        source = 4 * PI**2 * torch.sin(2 * PI * x) + torch.sin(20 * x) * exact
        return -second(y, x) + q * u - source

    x = np.linspace(0, 1, 100)[:, None]
    given = dde.icbc.PointSetBC(x, 2 + np.sin(2 * PI * x), component=0)
    data = line_data(pde, [dde.icbc.DirichletBC(LINE, lambda x: 2, boundary, component=0), given])
    found = solve(data)
    assert found.converged and not found.noise
    assert np.abs(found.predict(x)[:, 1:] - np.sin(20 * x)).max() < 1e-3


@pytest.mark.parametrize(
    ("residual", "white"),
    [
        (lambda x, rng: rng.standard_normal(len(x)), True),
        (lambda x, rng: rng.uniform(-1, 1, len(x)), True),
        (lambda x, rng: np.sin(6 * x[:, 0]), False),
        (lambda x, rng: np.sin(6 * x[:, 0]) + 0.5 * rng.standard_normal(len(x)), False),
        (lambda x, rng: np.zeros(len(x)), True),
    ],
)
def test_independent_residuals_are_told_from_smooth_ones(residual, white):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for dim in (1, 2):
            x = rng.uniform(size=(100, dim))
            assert noise.is_white(x, residual(x, rng)) == white


def test_what_explains_nothing_is_no_noise():
    rng = np.random.default_rng(0)
    x, values = rng.uniform(size=(50, 1)), rng.standard_normal(50)
    assert not noise.is_noise(x, 0.95 * values, values)
    assert noise.is_noise(x, 0.5 * values, values)


# ---------------------------------------------------------------------------------------------
# Contradictions


def test_two_values_on_one_side_are_named_with_the_place():
    def pde(x, y):
        return second(y, x, 0) + second(y, x, 1) - 1

    conditions = [
        dde.icbc.DirichletBC(SQUARE, lambda x: 0, boundary),
        dde.icbc.DirichletBC(SQUARE, lambda x: 1, at(0, 0)),
    ]
    found = solve(dde.data.PDE(SQUARE, pde, conditions, 16, 4))
    assert found.verdict == "contradictory"
    assert "Condition 1 (DirichletBC) and condition 2 (DirichletBC)" in found.reason
    assert "at x = 0" in found.reason


def test_a_velocity_whose_filter_takes_the_ends_is_named():
    velocity = dde.icbc.OperatorBC(
        STRIP, lambda x, y, _: first(y, x, 1) - 1, lambda x, on: on or np.isclose(x[1], 0)
    )
    data = dde.data.TimePDE(STRIP, wave, [*wave_conditions(), velocity], 16, 4, num_initial=4)
    found = solve(data)
    assert found.verdict == "contradictory"
    assert "Condition 1 (DirichletBC) and condition 3 (OperatorBC)" in found.reason


def test_one_condition_too_many_is_named():
    slope = dde.icbc.NeumannBC(LINE, lambda x: 1, at(0, 0))
    found = solve(line_data(sine, [ends(), slope]))
    assert found.verdict == "contradictory" and "the rest of the problem" in found.reason


def test_conditions_that_only_meet_with_different_values_are_no_contradiction():
    def heat(x, y):
        return first(y, x, 1) - 0.1 * second(y, x, 0)

    conditions = [
        dde.icbc.DirichletBC(STRIP, lambda x: 0, boundary),
        dde.icbc.IC(STRIP, lambda x: 1, initial),
    ]
    data = dde.data.TimePDE(STRIP, heat, conditions, 16, 4, num_initial=4)
    found = solve(data, max_features=600)
    assert found.verdict == "unresolved"
    assert "meet with different values" in found.reason and "t = 0" in found.reason


# ---------------------------------------------------------------------------------------------
# Starts


def test_an_equation_that_is_singular_at_zero_starts_elsewhere():
    time = dde.geometry.TimeDomain(0, 1)

    def pde(x, y):
        return first(y, x) - 1 / y

    found = solve(dde.data.TimePDE(time, pde, [dde.icbc.IC(time, lambda x: 1, initial)], 16, 2))
    x = np.linspace(0, 1, 50)[:, None]
    assert found.converged
    np.testing.assert_allclose(found.predict(x), np.sqrt(1 + 2 * x), atol=1e-8)


def test_an_equation_that_is_singular_everywhere_says_what_to_do():
    with pytest.raises(ValueError, match=r"singular there.*start=.*output_transform="):
        solve(line_data(lambda x, y: torch.log(-(y**2)), [ends(2)]))
    with pytest.raises(ValueError, match="exclude"):
        solve(line_data(lambda x, y: second(y, x) + torch.log(x - 0.5), [ends(2)]))


def test_a_start_of_the_users_decides_between_solutions():
    def pendulum(x, y):
        return second(y, x) + y**3 + 60 * y

    def bump(x):
        return 20 * np.sin(2 * PI * x)

    data = line_data(pendulum, [ends()])
    zero, other = solve(data), solve(data, start=bump)
    assert np.abs(zero.predict(np.array([[0.25]]))).max() < 1e-6
    again = solve(data, start=other)
    x = np.linspace(0, 1, 50)[:, None]
    np.testing.assert_allclose(again.predict(x), other.predict(x), atol=1e-3)


def test_predators_and_prey_are_found_where_zero_leads_to_the_trivial_solution():
    time = dde.geometry.TimeDomain(0, 2)

    def pde(x, y):
        r, p = y[:, :1], y[:, 1:]
        return [
            first(y, x, 0, 0) - (2 * r - 8 * r * p),
            first(y, x, 0, 1) - (4 * r * p - 1.06 * p),
        ]

    conditions = [
        dde.icbc.IC(time, lambda x: 0.5, initial, component=0),
        dde.icbc.IC(time, lambda x: 0.075, initial, component=1),
    ]
    found = solve(dde.data.TimePDE(time, pde, conditions, 50, 2))
    assert found.converged
    assert found.predict(np.zeros((1, 1)))[0] == pytest.approx([0.5, 0.075], abs=1e-6)


def test_an_unknown_that_leaves_all_bounds_is_named_and_put_back():
    rate = dde.Variable(0.1)
    time = dde.geometry.TimeDomain(0, 1)
    x = np.linspace(0.05, 1, 20)[:, None]

    def decay(t, y):
        return first(y, t) + torch.exp(rate) * y

    # Values of zero at once: the rate can only grow, and never enough.
    conditions = [dde.icbc.IC(time, lambda x: 1, initial), dde.icbc.PointSetBC(x, 0 * x)]
    data = dde.data.TimePDE(time, decay, conditions, 16, 2)
    found = solve(data, external_trainable_variables=rate, max_features=60)
    assert not found.converged
    assert np.isfinite(rate.item()) and abs(rate.item()) < 1e4


# ---------------------------------------------------------------------------------------------
# Something in hand


def front():
    def pde(x, y):
        return -1e-4 * (second(y, x, 0) + second(y, x, 1)) + first(y, x, 0) - 1

    return dde.data.PDE(SQUARE, pde, [dde.icbc.DirichletBC(SQUARE, lambda x: 0, boundary)], 16, 4)


@pytest.mark.parametrize("seconds", [1e-3, 0.2])
def test_the_best_so_far_comes_back_when_time_is_over(seconds):
    found = solve(front(), seconds=seconds)
    assert found.verdict == "stopped" and "out of time" in found.reason
    assert found.trials and np.isfinite(found.residual_unseen)
    assert found.predict(np.full((3, 2), 0.5)).shape == (3, 1)
    assert "stopped" in str(found)


def test_the_best_so_far_comes_back_at_ctrl_c(monkeypatch):
    real, count = choice.better, []

    def better(one, other):
        count.append(1)
        if len(count) == 3:
            signal.raise_signal(signal.SIGINT)
        return real(one, other)

    assert threading.current_thread() is threading.main_thread()
    monkeypatch.setattr(choice, "better", better)
    found = solve(front())
    assert found.verdict == "stopped" and "interrupted" in found.reason


def test_searches_that_gain_little_end(monkeypatch):
    tried = []
    fit = solve(line_data(sine, [ends()])).kept.fit

    def trial(family, scale, size, best):
        from dataclasses import replace

        tried.append(scale)
        return choice.Trial(family, scale, size, replace(fit, unseen=0.5 * 0.99 ** len(tried)))

    choice.choose(trial, lambda t: False, lambda t: t, np.array([PI, PI]), 1e-9, 300)
    assert len(tried) <= 8 + 4


def test_more_than_five_coordinates_are_tried_with_a_warning():
    cube = dde.geometry.Hypercube([0] * 6, [1] * 6)

    def pde(x, y):
        return sum(second(y, x, i) for i in range(6)) - 12

    def exact(x):
        return (x**2).sum(1, keepdims=True)

    data = dde.data.PDE(cube, pde, [dde.icbc.DirichletBC(cube, exact, boundary)], 9, 9)
    with pytest.warns(UserWarning, match="6 coordinates"):
        found = solve(data, tol=1e-3)
    x = np.random.default_rng(0).uniform(size=(200, 6))
    assert np.linalg.norm(found.predict(x) - exact(x)) / np.linalg.norm(exact(x)) < 1e-2


def test_the_error_that_is_called_converged_is_bounded():
    assert diagnosis.largest_error(1e-6) == pytest.approx(1e-3)
    assert diagnosis.largest_error(1e-12) == pytest.approx(1e-6)
    assert diagnosis.largest_error(1e-4) == diagnosis.largest_error(1e-3) == 0.03


# ---------------------------------------------------------------------------------------------
# What is not resolved is neither noise nor a contradiction; what is degenerate is no null space


def test_waves_that_are_not_resolved_contradict_nothing():
    k = 200 * PI
    x = np.random.default_rng(0).uniform(size=(200, 1))
    given = dde.icbc.PointSetBC(x, np.sin(k * x))
    data = line_data(lambda x, y: second(y, x) + k**2 * y, [given])
    found = solve(data, max_features=300)
    assert found.verdict == "unresolved" and not found.noise


def test_a_plate_is_followed_from_condition_to_condition():
    def plate(x, y):
        laplacian = second(y, x, 0) + second(y, x, 1)
        load = torch.sin(PI * x[:, :1]) * torch.sin(PI * x[:, 1:])
        return second(laplacian, x, 0) + second(laplacian, x, 1) - 4 * PI**4 * load

    def clamped(axis):
        return dde.icbc.OperatorBC(
            SQUARE,
            lambda x, y, _: first(y, x, axis),
            lambda x, on: on and (np.isclose(x[axis], 0) or np.isclose(x[axis], 1)),
        )

    held = dde.icbc.DirichletBC(SQUARE, lambda x: 0, boundary)
    for conditions, axis in (([held], "x"), ([held, clamped(0)], "y")):
        found = solve(dde.data.PDE(SQUARE, plate, conditions, 16, 4))
        assert found.verdict == "undetermined"
        assert f"derivative of the solution along {axis} at {axis} = 0" in found.reason
    both = [held, clamped(0), clamped(1)]
    found = solve(dde.data.PDE(SQUARE, plate, both, 16, 4), tol=1e-3)
    assert found.converged


@pytest.mark.parametrize("size", [1e-3, 1e-6])
def test_outputs_of_very_different_size_are_determined(size):
    time = dde.geometry.TimeDomain(0, 1e4)
    k = 1e-3

    def pde(t, y):
        c, temperature = y[:, :1], y[:, 1:]
        heated = first(y, t, 0, 1) - 20 / size * k * c + 1e-4 * (temperature - 300)
        return [first(y, t) + k * c, heated]

    conditions = [
        dde.icbc.IC(time, lambda x: size, initial, component=0),
        dde.icbc.IC(time, lambda x: 300, initial, component=1),
    ]
    found = solve(dde.data.TimePDE(time, pde, conditions, 100, 2))
    assert found.determined and found.converged


def test_equations_that_are_degenerate_at_zero_are_started_elsewhere():
    left = dde.icbc.DirichletBC(LINE, lambda x: 1, at(0, 0))
    found = solve(line_data(lambda x, y: y * first(y, x) - (1 + x), [left]))
    x = np.linspace(0, 1, 20)[:, None]
    assert found.converged
    np.testing.assert_allclose(found.predict(x), 1 + x, atol=1e-8)


def test_equations_that_contradict_each_other_are_named():
    def pde(x, y):
        return [first(y, x, 0) - x[:, 1:], first(y, x, 1) + x[:, :1]]

    given = dde.icbc.PointSetBC(np.zeros((1, 2)), np.zeros((1, 1)))
    found = solve(dde.data.PDE(SQUARE, pde, [given], 16, 4))
    assert found.verdict == "contradictory" and "PDE 1" in found.reason
