"""Magnitudes at initialization: moments, sampled networks, inversions, validation.

magnitudes.json holds sampled networks. Each row: first layer w ~ N(0, slope_scale²), shifts
c ~ U(-1, 1); hidden weights N(0, hidden_gain²/width), biases 0, output weights N(0, 1/width);
output_rms and slope_rms over `networks` networks, 32 outputs and 32 Sobol points, with their
relative standard errors.
"""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import qmc

from deepxde_repnet.theory import activations, magnitude

ROWS = json.loads((Path(__file__).parent / "magnitudes.json").read_text())


def row_id(row):
    return (
        f"{row['activation']}-L{row['hidden_layers']}-d{row['input_dim']}-s{row['slope_scale']}"
        f"-g{row['hidden_gain']:.3g}-n{row['width']}"
    )


@pytest.mark.filterwarnings("ignore:the network is too narrow")
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_prediction_matches_reference_networks(row):
    predicted = magnitude.predict(
        row["activation"],
        [row["input_dim"], *[row["width"]] * row["hidden_layers"], 1],
        slope_scale=row["slope_scale"],
        hidden_gain=row["hidden_gain"],
    )
    for name in ("output_rms", "slope_rms"):
        tolerance = max(0.06, 3.5 * row[f"{name}_rel_se"])
        assert getattr(predicted, name) == pytest.approx(row[name], rel=tolerance), name


def test_median_error_over_reference_networks_is_small():
    errors = []
    for row in ROWS[::6]:
        sizes = [row["input_dim"], *[10**6] * row["hidden_layers"], 1]  # width has no effect
        predicted = magnitude.predict(
            row["activation"],
            sizes,
            slope_scale=row["slope_scale"],
            hidden_gain=row["hidden_gain"],
        )
        errors += [abs(getattr(predicted, n) / row[n] - 1) for n in ("output_rms", "slope_rms")]
    assert np.median(errors) < 0.012


def sampled(activation, sizes, slope_scale, hidden_gain, points, networks=40, seed=0, sines=0):
    """E u² and E|∇u|² over sampled networks with v = 1; the output weights are averaged exactly."""
    phi, sin = activations.get(activation), activations.get("sin")
    rng = np.random.default_rng(seed)
    dim, *hidden = sizes[:-1]
    outputs, slopes = [], []
    for _ in range(networks):
        w = rng.normal(size=(dim, hidden[0])) * np.reshape(slope_scale, (-1, 1))
        c = rng.uniform(-1, 1, size=(dim, hidden[0]))
        z = points @ w + np.sum(w * c, axis=0)
        jacobian = np.broadcast_to(w[:, None, :], (dim, *z.shape))
        for number, (before, after) in enumerate(zip(hidden, hidden[1:] + [None], strict=True)):
            n = round(sines * before) if number == 0 else 0
            h, first = (
                np.concatenate([f(z[:, :n]), g(z[:, n:])], 1)
                for f, g in ((sin.value, phi.value), (sin.first, phi.first))
            )
            jacobian = first * jacobian
            if after is not None:
                weights = rng.normal(size=(before, after)) * hidden_gain / math.sqrt(before)
                z, jacobian = h @ weights, jacobian @ weights
        outputs.append(np.mean(h**2))
        slopes.append(np.mean(np.sum(jacobian**2, axis=0)))
    return math.sqrt(np.mean(outputs)), math.sqrt(np.mean(slopes))


@pytest.mark.parametrize(
    ("activation", "slope_scale", "hidden_widths"),
    [
        ("tanh", [20.0, 2.0], [400]),
        ("tanh", [30.0, 1.0], [300, 200, 300]),
        ("sin", [3.0, 0.5], [300, 300]),
        ("gelu", [0.5, 20.0, 3.0], [400, 300]),
        ("relu", [10.0, 1.0, 0.3], [300, 300]),
        ("softplus", [5.0, 0.2], [300, 300]),
        ("sigmoid", [40.0, 3.0], [300, 300]),
        ("sigmoid", [5.0], [300, 300]),
    ],
)
def test_slope_scale_per_axis_matches_sampled_networks(activation, slope_scale, hidden_widths):
    dim = len(slope_scale)
    points = 2 * qmc.Sobol(dim, seed=3).random(16) - 1
    sizes = [dim, *hidden_widths, 1]
    predicted = magnitude.predict(
        activation, sizes, slope_scale=slope_scale, hidden_gain=1.4, points=points
    )
    output, slope = sampled(activation, sizes, slope_scale, 1.4, points)
    assert predicted.output_rms == pytest.approx(output, rel=0.03)
    assert predicted.slope_rms == pytest.approx(slope, rel=0.03)


@pytest.mark.parametrize("sines", [0.25, 1.0])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_first_layer_with_sines_matches_sampled_networks(activation, sines):
    points = 2 * qmc.Sobol(2, seed=3).random(16) - 1
    given = activation, [2, 400, 300, 300, 1], [3.0, 0.7]
    predicted = magnitude.predict(
        *given[:2], slope_scale=given[2], hidden_gain=1.4, points=points, sines=sines
    )
    output, slope = sampled(*given, 1.4, points, sines=sines)
    assert predicted.output_rms == pytest.approx(output, rel=0.03)
    assert predicted.slope_rms == pytest.approx(slope, rel=0.03)
    without = magnitude.predict(*given[:2], slope_scale=given[2], hidden_gain=1.4, points=points)
    assert predicted.omega != pytest.approx(without.omega, rel=0.05)


@pytest.mark.parametrize("point", [[0.0, 0.0], [0.3, -0.8], [1.0, 1.0]])
@pytest.mark.parametrize("slope_scale", [[1.0, 1.0], [30.0, 30.0], [2.0, 60.0]])
def test_mean_over_shifts_matches_a_fine_midpoint_rule(slope_scale, point):
    # A_1 and G_1 at one point, tanh, by brute force in y = x + c.
    m = 1000
    c = (np.arange(m) + 0.5) / m * 2 - 1
    y = np.stack(np.meshgrid(point[0] + c, point[1] + c), axis=-1).reshape(-1, 2)
    s2 = np.square(slope_scale)
    q = y**2 @ s2
    log_q = np.log(q)
    grid = np.linspace(log_q.min(), log_q.max(), 4000)
    table = magnitude.moments("tanh", np.exp(grid))
    V, D, D2 = (np.interp(log_q, grid, m) for m in (table.V, table.D, table.D2))
    A = np.mean(V)
    G = np.mean(D * np.sum(s2) + (D2 - D) * (y**2 @ s2**2) / q)
    predicted = magnitude.predict("tanh", [2, 500, 1], slope_scale=slope_scale, points=[point])
    assert predicted.output_rms == pytest.approx(math.sqrt(A), rel=2e-3)
    assert predicted.slope_rms == pytest.approx(math.sqrt(G), rel=4e-3)


def test_equal_slope_scales_per_axis_are_the_isotropic_case():
    sizes = [3, 100, 100, 1]
    one = magnitude.predict("tanh", sizes, slope_scale=7.0)
    each = magnitude.predict("tanh", sizes, slope_scale=[7.0, 7.0, 7.0])
    assert one.slope_rms == each.slope_rms
    assert one.output_rms == each.output_rms


def test_axes_are_interchangeable():
    points = np.array([[0.3, -0.7], [-0.1, 0.9], [0.5, 0.5]])
    sizes = [2, 300, 300, 1]
    a = magnitude.predict("tanh", sizes, slope_scale=[50.0, 3.0], points=points)
    b = magnitude.predict("tanh", sizes, slope_scale=[3.0, 50.0], points=points[:, ::-1])
    assert a.slope_rms == pytest.approx(b.slope_rms, rel=1e-12)
    assert a.output_rms == pytest.approx(b.output_rms, rel=1e-12)


def expectation(f, q):
    """E f(z, g0) with z = sqrt(q) g0, adaptively, with breakpoints where z = O(1)."""
    scale = 1 / math.sqrt(1 + q)
    breaks = sorted({sign * a for a in (0, scale, 4 * scale, 20 * scale, 1) for sign in (-1, 1)})
    breaks = [-10.0, *(b for b in breaks if abs(b) < 10), 10.0]
    density = lambda g0: math.exp(-(g0**2) / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    return sum(
        quad(lambda g0: density(g0) * float(f(math.sqrt(q) * g0, g0)), a, b, epsabs=0, limit=200)[0]
        for a, b in zip(breaks, breaks[1:], strict=False)
    )


@pytest.mark.parametrize("q", [1e-3, 0.7, 30.0, 1e4])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "sigmoid", "softplus", "relu", "silu"])
def test_moments_match_adaptive_quadrature(activation, q):
    phi = activations.get(activation)
    m = magnitude.moments(activation, q)
    assert float(m.V) == pytest.approx(expectation(lambda z, g: phi.value(z) ** 2, q), rel=1e-7)
    assert float(m.D) == pytest.approx(expectation(lambda z, g: phi.first(z) ** 2, q), rel=1e-7)
    assert float(m.D2) == pytest.approx(
        expectation(lambda z, g: (g * phi.first(z)) ** 2, q), rel=1e-7
    )
    h = 1e-3 * q
    values = magnitude.moments(activation, [q - 2 * h, q - h, q + h, q + 2 * h]).V
    derivative = (values @ [1, -8, 8, -1]) / (12 * h)
    assert float(m.dV) == pytest.approx(derivative, rel=1e-6)


@pytest.mark.parametrize("q", [1e-3, 0.7, 5.0])
def test_closed_moments_of_sin(q):
    m = magnitude.moments("sin", q)
    assert float(m.V) == pytest.approx(expectation(lambda z, g: math.sin(z) ** 2, q), rel=1e-7)
    assert float(m.D) == pytest.approx(expectation(lambda z, g: math.cos(z) ** 2, q), rel=1e-7)
    assert float(m.D2) == pytest.approx(
        expectation(lambda z, g: (g * math.cos(z)) ** 2, q), rel=1e-7
    )
    assert float(m.dV) == pytest.approx(math.exp(-2 * q), rel=1e-12)


@pytest.mark.parametrize("q", [0.0, -1.0, math.nan, math.inf])
def test_moments_need_a_variance(q):
    with pytest.raises(ValueError, match="positive and finite"):
        magnitude.moments("tanh", q)


def test_saturated_tanh_has_omega_growing_as_the_root_of_the_slope_scale():
    # One layer, d = 1: G = E|w| (1/2) ∫ sech⁴ = (2/3) E|w| and A -> 1, with E|w| = s sqrt(2/π).
    x = np.linspace(-0.9, 0.9, 7)[:, None]
    for s in (300.0, 1000.0):
        predicted = magnitude.predict("tanh", [1, 10_000, 1], slope_scale=s, points=x)
        expected = math.sqrt(2 / 3 * s * math.sqrt(2 / math.pi))
        assert predicted.slope_rms == pytest.approx(expected, rel=1e-3)
        assert predicted.output_rms == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("gain", [0.1, 1.0, 5.0])
def test_relu_has_omega_root_of_three_halves_whatever_the_scales(gain):
    # With |x + c|² averaging to 2 d / 3 over uniform x, here a midpoint rule.
    points = np.linspace(-1, 1, 41)[:, None]
    mean_square = np.mean(points**2) + 1 / 3
    for s in (0.1, 40.0):
        predicted = magnitude.predict(
            "relu", [1, 200, 200, 200, 1], slope_scale=s, hidden_gain=gain, points=points
        )
        assert predicted.omega == pytest.approx(1 / math.sqrt(mean_square), rel=1e-6)


def test_output_scale_and_layer_sizes():
    sizes = [2, 80, 90, 100, 3]
    one = magnitude.predict("tanh", sizes, slope_scale=5.0, hidden_gain=2.0)
    two = magnitude.predict("tanh", sizes, slope_scale=5.0, hidden_gain=2.0, output_scale=2.0)
    assert two.output_rms == pytest.approx(2 * one.output_rms)
    assert two.slope_rms == pytest.approx(2 * one.slope_rms)
    assert two.omega == pytest.approx(one.omega)
    assert one.omega == pytest.approx(one.slope_rms / one.output_rms)
    assert one.layer_rms.shape == (3,)
    assert one.layer_rms[-1] == pytest.approx(one.output_rms)
    first = magnitude.predict("tanh", [2, 80, 1], slope_scale=5.0)
    assert first.output_rms == pytest.approx(one.layer_rms[0])
    assert one.valid
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.omega = 1.0


def test_hidden_gain_has_no_effect_on_one_hidden_layer():
    a = magnitude.predict("tanh", [2, 64, 1], slope_scale=5.0, hidden_gain=1.0)
    b = magnitude.predict("tanh", [2, 64, 1], slope_scale=5.0, hidden_gain=300.0)
    assert a.slope_rms == b.slope_rms
    assert b.valid


def test_default_points_are_the_documented_sobol_points():
    points = 2 * qmc.Sobol(2, seed=3).random(32) - 1
    a = magnitude.predict("tanh", [2, 64, 64, 1], slope_scale=5.0)
    b = magnitude.predict("tanh", [2, 64, 64, 1], slope_scale=5.0, points=points)
    c = magnitude.predict("tanh", [2, 64, 64, 1], slope_scale=5.0, points=points[:7])
    assert a.slope_rms == b.slope_rms
    assert a.slope_rms != c.slope_rms


def test_mean_over_many_points_is_the_mean_over_blocks_of_them():
    points = 2 * qmc.Sobol(2, seed=1).random(64) - 1
    whole = magnitude.predict("tanh", [2, 64, 1], slope_scale=9.0, points=points)
    parts = [
        magnitude.predict("tanh", [2, 64, 1], slope_scale=9.0, points=part).slope_rms
        for part in np.split(points, 2)
    ]
    assert whole.slope_rms**2 == pytest.approx(np.mean(np.square(parts)), rel=1e-6)


INVERSIONS = [
    ("tanh", "slope_scale", "slope_rms", 6.0),
    ("tanh", "slope_scale", "omega", 9.0),
    ("tanh", "hidden_gain", "slope_rms", 8.0),
    ("tanh", "hidden_gain", "omega", 5.0),
    ("sin", "slope_scale", "omega", 6.0),
    ("sin", "hidden_gain", "slope_rms", 12.0),
    ("relu", "slope_scale", "slope_rms", 3.0),
    ("relu", "hidden_gain", "slope_rms", 4.0),
    ("gelu", "slope_scale", "slope_rms", 5.0),
    ("gelu", "hidden_gain", "slope_rms", 2.0),
    ("silu", "slope_scale", "slope_rms", 2.0),
    ("softplus", "slope_scale", "omega", 1.0),
    ("softplus", "hidden_gain", "slope_rms", 3.0),
    ("sigmoid", "slope_scale", "slope_rms", 0.8),
    ("sigmoid", "hidden_gain", "omega", 1.2),
]


@pytest.mark.parametrize(("activation", "argument", "target", "value"), INVERSIONS)
def test_inverted_scales_give_sampled_networks_the_wanted_size(activation, argument, target, value):
    sizes = [2, 300, 300, 1]
    points = 2 * qmc.Sobol(2, seed=3).random(32) - 1
    slope_scale, hidden_gain = 5.0, 1.5
    if argument == "slope_scale":
        slope_scale = magnitude.slope_scale_for(
            activation, sizes, **{target: value}, hidden_gain=hidden_gain
        )
    else:
        hidden_gain = magnitude.hidden_gain_for(
            activation, sizes, **{target: value}, slope_scale=slope_scale
        )
    output_scale = magnitude.output_scale_for(
        activation, sizes, output_rms=2.5, slope_scale=slope_scale, hidden_gain=hidden_gain
    )
    output, slope = sampled(activation, sizes, [slope_scale] * 2, hidden_gain, points)
    attained = slope if target == "slope_rms" else slope / output
    assert attained == pytest.approx(value, rel=0.05)
    assert output_scale * output == pytest.approx(2.5, rel=0.05)


def test_inversions_are_exact_inverses_of_the_prediction():
    sizes = [3, 200, 200, 1]
    s = magnitude.slope_scale_for("tanh", sizes, slope_rms=20.0, hidden_gain=2.0, output_scale=3.0)
    predicted = magnitude.predict("tanh", sizes, slope_scale=s, hidden_gain=2.0, output_scale=3.0)
    assert predicted.slope_rms == pytest.approx(20.0, rel=1e-4)
    g = magnitude.hidden_gain_for("tanh", sizes, omega=6.0, slope_scale=[9.0, 3.0, 3.0])
    predicted = magnitude.predict("tanh", sizes, slope_scale=[9.0, 3.0, 3.0], hidden_gain=g)
    assert predicted.omega == pytest.approx(6.0, rel=1e-4)


def test_smallest_scale_is_returned_where_several_qualify():
    # Ω of GELU rises from that of a linear network and falls to ReLU's, which is the same.
    s = magnitude.slope_scale_for("gelu", [2, 200, 200, 1], omega=1.3)
    assert s < 1
    assert magnitude.predict("gelu", [2, 200, 200, 1], slope_scale=s).omega == pytest.approx(1.3)


@pytest.mark.parametrize(
    "invert",
    [
        lambda **target: magnitude.slope_scale_for("relu", [2, 64, 64, 1], **target),
        lambda **target: magnitude.hidden_gain_for(
            "relu", [2, 64, 64, 1], slope_scale=3.0, **target
        ),
    ],
)
def test_omega_of_relu_cannot_be_set(invert):
    with pytest.raises(ValueError, match=r"omega=3 cannot be set.*1\.22.*use another activation"):
        invert(omega=3.0)


def test_unattainable_target_is_reported_with_the_attainable_range():
    with pytest.raises(
        ValueError, match=r"omega=5 cannot be attained.*between 0\.0.* and 1\.2.*hidden_gain"
    ):
        magnitude.slope_scale_for("softplus", [2, 64, 64, 1], omega=5.0)
    with pytest.raises(ValueError, match=r"slope_rms=1e\+09 cannot be attained.*output_scale"):
        magnitude.hidden_gain_for("tanh", [2, 64, 64, 1], slope_rms=1e9, slope_scale=1.0)


def test_exactly_one_target_is_needed():
    for targets in ({}, {"slope_rms": 1.0, "omega": 1.0}):
        with pytest.raises(ValueError, match="give one of slope_rms and omega"):
            magnitude.slope_scale_for("tanh", [2, 64, 1], **targets)
        with pytest.raises(ValueError, match="give one of slope_rms and omega"):
            magnitude.hidden_gain_for("tanh", [2, 64, 64, 1], slope_scale=1.0, **targets)
    with pytest.raises(ValueError, match="omega must be positive"):
        magnitude.slope_scale_for("tanh", [2, 64, 1], omega=-1.0)


def test_hidden_gain_of_one_hidden_layer_cannot_be_inverted():
    with pytest.raises(ValueError, match="one hidden layer"):
        magnitude.hidden_gain_for("tanh", [2, 64, 1], omega=3.0, slope_scale=1.0)


@pytest.mark.parametrize(
    ("sizes", "slope_scale", "hidden_gain", "message"),
    [
        ([1, 50, 50, 50, 50, 1], 1.0, 5.0, r"= 1\.5 > 1 .* g = 5 .* n = 50: widen .* hidden_gain"),
        ([1, 300, 50, 1], 25.0, 1.0, r"slope_scale 25 > 0\.4 n = 20 .*: widen .* slope_scale"),
        ([2, 50, 1], [1.0, 25.0], 1.0, r"slope_scale 25 > 0\.4 n = 20"),
    ],
)
def test_networks_too_narrow_for_the_theory_are_warned_about(
    sizes, slope_scale, hidden_gain, message
):
    with pytest.warns(UserWarning, match=message) as record:
        predicted = magnitude.predict(
            "tanh", sizes, slope_scale=slope_scale, hidden_gain=hidden_gain
        )
    assert not predicted.valid
    assert len(record) == 1
    assert record[0].filename == __file__


def test_inversions_warn_too():
    with pytest.warns(UserWarning, match="slope_scale .* > 0.4 n"):
        magnitude.slope_scale_for("tanh", [2, 30, 1], omega=10.0)
    with pytest.warns(UserWarning, match=r"L \(3.87 g - 1\) / n"):
        magnitude.hidden_gain_for("tanh", [2, 30, 30, 1], omega=10.0, slope_scale=5.0)
    with pytest.warns(UserWarning, match="slope_scale 50 > 0.4 n"):
        magnitude.output_scale_for("tanh", [2, 30, 1], output_rms=1.0, slope_scale=50.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"activation": "elu"}, ValueError, "'elu' is not supported; write one of gelu.*tanh"),
        ({"activation": np.tanh}, TypeError, "must be a name.*gelu.*tanh"),
        ({"layer_sizes": [2, 1]}, ValueError, r"at least three positive integers.*\[2, 1\]"),
        ({"layer_sizes": [2, 0, 1]}, ValueError, "positive integers"),
        ({"layer_sizes": [2, 64.0, 1]}, ValueError, "positive integers"),
        ({"layer_sizes": [2, [32, 32], 1]}, ValueError, "positive integers"),
        ({"slope_scale": 0.0}, ValueError, "slope_scale must be a positive"),
        ({"slope_scale": math.inf}, ValueError, "slope_scale must be a positive"),
        ({"slope_scale": [1.0, 2.0, 3.0]}, ValueError, "2 of them"),
        ({"hidden_gain": -1.0}, ValueError, "hidden_gain must be positive"),
        ({"hidden_gain": "1"}, TypeError, "hidden_gain must be a number"),
        ({"output_scale": math.nan}, ValueError, "output_scale must be positive"),
        ({"sines": 1.5}, ValueError, "sines must be a number from 0"),
        ({"sines": "half"}, ValueError, "sines must be a number from 0"),
        ({"points": [0.0, 0.0]}, ValueError, r"shape \(P, 2\)"),
        ({"points": np.zeros((5, 3))}, ValueError, r"shape \(P, 2\)"),
        ({"points": np.zeros((0, 2))}, ValueError, r"shape \(P, 2\)"),
        ({"points": [[0.0, 2.0]]}, ValueError, r"\[-1, 1\]"),
        ({"points": [[0.0, math.nan]]}, ValueError, r"\[-1, 1\]"),
    ],
)
def test_wrong_arguments_are_reported(change, error, message):
    arguments = {"activation": "tanh", "layer_sizes": [2, 64, 64, 1], "slope_scale": 1.0} | change
    with pytest.raises(error, match=message):
        magnitude.predict(**arguments)


def test_overflow_is_reported():
    with pytest.raises(ValueError, match="range of float64"):
        magnitude.predict("relu", [2, *[10**6] * 60, 1], slope_scale=1.0, hidden_gain=1e3)
