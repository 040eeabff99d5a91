"""The arithmetic of calibration: wavenumbers of samples, and scales through a feature transform.

What it finds in whole problems, on every backend, is in ``backends/calibration.py``.
"""

from __future__ import annotations

import warnings

import deepxde as dde
import numpy as np
import pytest
import torch

from deepxde_repnet import Box, RepFNN, _host, calibrate, estimates
from deepxde_repnet.spec import SLOPE_PER_WAVENUMBER

GRID = np.stack(np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 2, 40)), -1).reshape(-1, 2)


def wave(k, points=GRID, amplitude=1.0):
    """sin(k·x) with its gradient, as a residual of one column."""
    phase = points @ np.asarray(k, dtype=float)
    values = amplitude * np.sin(phase)[:, None]
    gradients = amplitude * np.cos(phase)[:, None, None] * np.asarray(k, dtype=float)
    return values, gradients


def sample(k, name="PDE", points=GRID, amplitude=1.0, exact=True):
    values, gradients = wave(k, points, amplitude)
    return _host.Samples(name, points, values, gradients if exact else None)


# -------------------------------------------------------------------------------------------------
# estimate_wavenumber


def test_wavenumber_of_a_source_by_its_gradient():
    found = estimates.estimate_wavenumber([sample((20, 7))], 2)
    np.testing.assert_allclose(found.wavenumber, [20, 7], rtol=0.03)
    assert found.sources == ("source term", "source term")


def test_wavenumber_of_data_by_nearest_neighbours():
    found = estimates.estimate_wavenumber([sample((20, 7), "target", exact=False)], 2)
    np.testing.assert_allclose(found.wavenumber, [20, 7], rtol=0.1)
    assert found.sources == ("target", "target")


@pytest.mark.parametrize("order", [1, -1])
def test_the_largest_along_each_axis_is_taken(order):
    samples = [sample((20, 1), "PDE 1"), sample((3, 9), "condition 1 (DirichletBC)", exact=False)]
    found = estimates.estimate_wavenumber(samples[::order], 2)
    np.testing.assert_allclose(found.wavenumber, [20, 9], rtol=0.1)
    assert found.sources == ("source term", "condition 1 (DirichletBC)")


def test_amplitude_does_not_matter():
    found = [estimates.estimate_wavenumber([sample((20, 7), amplitude=a)], 2) for a in (1, 1e6)]
    np.testing.assert_allclose(found[0].wavenumber, found[1].wavenumber, rtol=1e-6)


def test_axis_along_which_data_do_not_lie_is_unknown():
    line = np.column_stack([np.linspace(0, 1, 50), np.zeros(50)])
    found = estimates.estimate_wavenumber([sample((20, 7), "condition 1 (IC)", line)], 2)
    assert found.wavenumber[0] == pytest.approx(20, rel=0.1)
    found = estimates.estimate_wavenumber(
        [sample((20, 7), "condition 1 (IC)", line, exact=False)], 2
    )
    assert np.isnan(found.wavenumber[1]) and found.sources[1] == ""


def test_constants_round_off_and_nothing_say_nothing():
    constant = _host.Samples("PDE", GRID, np.full((len(GRID), 1), 3.0))
    tiny = sample((20, 7), amplitude=1e-8)
    empty = _host.Samples("PDE", GRID[:0], np.zeros((0, 1)))
    for samples in ([], [constant], [tiny], [empty], [constant, tiny, empty]):
        found = estimates.estimate_wavenumber(samples, 2)
        assert np.isnan(found.wavenumber).all() and found.sources == ("", "")


def test_points_that_are_not_finite_are_left_out():
    values, gradients = wave((20, 7))
    values[3], gradients[8] = np.nan, np.inf
    found = estimates.estimate_wavenumber([_host.Samples("PDE", GRID, values, gradients)], 2)
    np.testing.assert_allclose(found.wavenumber, [20, 7], rtol=0.03)


def test_gradient_that_autodiff_does_not_reach_is_not_believed():
    """A source that is data has a gradient of zero along x; its neighbours know better."""
    values, gradients = wave((20, 7))
    found = estimates.estimate_wavenumber([_host.Samples("PDE", GRID, values, 0 * gradients)], 2)
    np.testing.assert_allclose(found.wavenumber, [20, 7], rtol=0.1)


def test_several_columns_are_one_vector():
    first, second = wave((20, 0)), wave((0, 9))
    values = np.hstack([first[0], second[0]])
    gradients = np.concatenate([first[1], second[1]], axis=1)
    found = estimates.estimate_wavenumber([_host.Samples("PDE", GRID, values, gradients)], 2)
    np.testing.assert_allclose(found.wavenumber, [20 / np.sqrt(2), 9 / np.sqrt(2)], rtol=0.05)


# -------------------------------------------------------------------------------------------------
# Feature transforms


def through(transform, x, wavenumber, n_features, steepness=SLOPE_PER_WAVENUMBER, **options):
    net = RepFNN([n_features, 8, 1], "tanh", "Glorot uniform", **options)
    net.apply_feature_transform(transform)
    domain = Box(x.min(axis=0), x.max(axis=0))
    slopes = None
    if wavenumber is not None:
        slopes = steepness * np.asarray(wavenumber, dtype=float) * domain.half_width
    return calibrate._through_transform(net, x, domain, slopes)


def slope_along(x, derivatives, box, scale):
    """Root mean square slope of a ridge over the features, per normalised unit of x."""
    half = np.ptp(x) / 2
    return np.sqrt(((derivatives * half / box.half_width) ** 2).mean(axis=0) @ scale**2)


LINE = np.linspace(-1, 3, 200)[:, None]


def test_scaling_changes_nothing():
    """In normalised units a multiple of x is x itself."""
    box, scale = through(lambda x: 100 * x, LINE, [12.0], 1)
    np.testing.assert_allclose((box.lower, box.upper), ([-100], [300]), rtol=1e-5)
    np.testing.assert_allclose(scale, [0.4 * 12 * 2], rtol=0.01)


def test_sine_and_cosine():
    """Of the two features of a periodic function each may serve; slopes add up to 0.4 k."""
    box, scale = through(
        lambda x: torch.cat([torch.sin(np.pi * x), torch.cos(np.pi * x)], 1), LINE, [20.0], 2
    )
    np.testing.assert_allclose((box.lower, box.upper), ([-1, -1], [1, 1]), rtol=1e-3)
    derivatives = np.pi * np.hstack([np.cos(np.pi * LINE), -np.sin(np.pi * LINE)])
    assert slope_along(LINE, derivatives, box, scale) == pytest.approx(0.4 * 20 * 2, rel=0.05)
    assert scale[0] == pytest.approx(scale[1], rel=0.1)


def test_fast_features_need_no_steep_ridges():
    """sin 40x varies as fast as the solution already."""
    _, scale = through(lambda x: torch.sin(40 * x), LINE, [20.0], 1)
    assert scale[0] < 0.4 * 20 * 2 / 10


def test_axes_keep_their_own_scales():
    x = np.random.default_rng(0).uniform([0, 0], [1, 4], (300, 2))
    box, scale = through(lambda x: torch.cat([3 * x[:, 1:], x[:, :1]], 1), x, [30.0, 5.0], 2)
    widths = np.ptp(x, axis=0) / 2
    np.testing.assert_allclose(scale, 0.4 * np.array([5 * widths[1], 30 * widths[0]]), rtol=0.02)
    assert box.half_width[0] == pytest.approx(3 * widths[1], rel=1e-5)


def test_steepness_is_passed_on():
    scales = [through(lambda x: 2 * x, LINE, [12.0], 1, s)[1][0] for s in (0.4, 0.8)]
    assert scales[1] == pytest.approx(2 * scales[0], rel=1e-6)


def test_constant_feature_gets_a_box_of_its_own():
    box, scale = through(lambda x: torch.cat([x, torch.ones_like(x)], 1), LINE, [12.0], 2)
    assert (box.lower[1], box.upper[1]) == (0.0, 2.0)
    assert scale[0] == pytest.approx(0.4 * 12 * 2, rel=0.02)
    assert np.all(scale > 0)


def test_transform_that_is_undefined_outside():
    """Differences stay inside: sqrt has no values left of 0."""
    x = np.linspace(0, 4, 100)[:, None]
    box, scale = through(torch.sqrt, x, [6.0], 1)
    assert np.isfinite(scale).all() and scale[0] > 0
    np.testing.assert_allclose((box.lower, box.upper), ([0], [2]), atol=1e-6)


def test_given_slope_scale_is_taken_for_every_feature():
    box, scale = through(lambda x: torch.cat([x, x**2], 1), LINE, None, 2, slope_scale=7.0)
    np.testing.assert_array_equal(scale, [7.0, 7.0])
    assert box.dim == 2


# -------------------------------------------------------------------------------------------------
# Points outside, values that are not finite


def test_far_outside():
    net = RepFNN([1, 8, 1], "tanh", "zeros", domain=(0, 2), slope_scale=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibrate.warn_outside(net, np.array([[-0.9], [2.9]]))
        calibrate.warn_outside(net, np.empty((0, 1)))
        calibrate.warn_outside(net, np.zeros((3, 2)))  # of another dimension: for others to say
    with pytest.warns(UserWarning, match="2 of 3 points lie far outside .*-1.5"):
        calibrate.warn_outside(net, np.array([[-1.5], [1.0], [9.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibrate.warn_outside(net, np.array([[-1.5]]))


def test_values_that_are_not_finite_are_named():
    x = np.linspace(0, 1, 10)[:, None]
    bad = np.sin(x)
    bad[4] = np.inf
    with pytest.raises(ValueError, match=r"targets .* 1 of 10 rows, first row 4.* Remove"):
        calibrate._check_finite(None, x, bad)
    calibrate._check_finite(None, x, None)
    condition = dde.icbc.PointSetBC(x, bad)
    data = dde.data.PDE(dde.geometry.Interval(0, 1), None, condition)
    with pytest.raises(ValueError, match=r"condition 1 \(PointSetBC\)"):
        calibrate._check_finite(data, x, None)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            lambda x: 2 * x[:, :1],
            "wavenumber 6.283 rad per unit length (lowest: nothing faster in condition 1 "
            "(DirichletBC))",
        ),
        (
            lambda x: np.sin(9 * x[:, :1]),
            "(condition 1 (DirichletBC); lowest along x[1], where nothing faster was found)",
        ),
    ],
)
def test_the_lowest_wavenumber_is_credited_to_nothing(capsys, function, said):
    square = dde.geometry.Rectangle([0, 0], [1, 1])

    def pde(x, y):
        return dde.grad.hessian(y, x, i=0, j=0) + dde.grad.hessian(y, x, i=1, j=1)

    condition = dde.icbc.DirichletBC(square, function, lambda x, on: on)
    net = RepFNN([2, 8, 1], "tanh", "Glorot uniform", seed=0)
    dde.Model(dde.data.PDE(square, pde, condition, 50, 20), net).compile("adam", lr=1e-3)
    assert said in capsys.readouterr().out
