"""The specification refuses what makes no sense, and says what to write instead."""

import math

import numpy as np
import pytest

from deepxde_repnet import Box, RepSpec
from deepxde_repnet.spec import slope_scale_from_wavenumber

SIZES = [2, 8, 8, 1]


def test_defaults_are_incomplete_and_numbers_are_spread_over_the_axes():
    spec = RepSpec(SIZES, wavenumber=3)
    assert spec.domain is None and spec.slope_scale is None and spec.hidden_gain is None
    assert spec.wavenumber == (3.0, 3.0)
    assert spec.parameterization is None


def test_completed_knows_everything():
    spec = RepSpec(SIZES, wavenumber=3).completed(Box((0, 0), (1, 2)), [1, 2], 1.5)
    assert spec.slope_scale == (1.0, 2.0)
    assert spec.hidden_gain == 1.5
    assert spec.parameterization == "log-scale"
    assert spec.wavenumber is None
    assert RepSpec(SIZES).completed(Box((0,) * 5, (1,) * 5), [1] * 5, 1.5, dim=5).dim == 5


@pytest.mark.parametrize(
    "sizes, fans",
    [
        ([2, 8, 4, 1], [[(2, 8)], [(8, 4)], [(4, 1)]]),
        ([2, [3, 4], [5, 6], 2], [[(2, 3), (2, 4)], [(3, 5), (4, 6)], [(5, 1), (6, 1)]]),
        ([2, 8, [3, 4], 2], [[(2, 8)], [(8, 3), (8, 4)], [(3, 1), (4, 1)]]),
        ([2, [3, 4], 8, 3], [[(2, 3), (2, 4)], [(7, 8)], [(8, 3)]]),
        ([2, [3, 4], [1, 2]], [[(2, 3), (2, 4)], [(3, 1), (4, 2)]]),
    ],
)
def test_fans(sizes, fans):
    assert RepSpec(sizes).fans == fans


@pytest.mark.parametrize(
    "sizes, message",
    [
        ([2, 1], "has 2 entries.*at least one hidden layer"),
        ([2, 0, 1], "contains 0.*positive integer"),
        ([2, -3, 1], "contains -3.*positive integer"),
        ([2, 8.0, 1], "contains 8.0.*positive integer"),
        ([2, True, 1], "contains True.*positive integer"),
        ([[2, 2], 8, 1], "the input size is one integer"),
        ([2, [8, 8], [8, 8, 8], 3], "different lengths"),
        ([2, [8, 8], 3], "ends with 3 outputs after 2"),
    ],
)
def test_bad_layer_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        RepSpec(sizes)


@pytest.mark.parametrize("sizes", [None, 7, "2, 8, 1"])
def test_layer_sizes_that_are_no_list(sizes):
    with pytest.raises(TypeError, match="must be a list such as"):
        RepSpec(sizes)


@pytest.mark.parametrize("name", ["wavenumber", "slope_scale"])
@pytest.mark.parametrize(
    "value, message",
    [
        (-1, "positive and finite"),
        (0, "positive and finite"),
        (math.nan, "positive and finite"),
        (math.inf, "positive and finite"),
        ((1, -2), "positive and finite"),
        ((1, 2, 3), "3 values but the network has 2 inputs"),
        ("steep", "number or a sequence of numbers"),
        ([[1, 2]], "number or a sequence of numbers"),
        ([], "number or a sequence of numbers"),
    ],
)
def test_bad_scales(name, value, message):
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        RepSpec(SIZES, **{name: value})


def test_both_scales():
    with pytest.raises(ValueError, match="keep one of them"):
        RepSpec(SIZES, wavenumber=1, slope_scale=1)


@pytest.mark.parametrize(
    "lower, upper, message",
    [
        ((0, 0), (1,), "2 numbers and an upper corner of 1"),
        ((0, 1), (1, 1), "lower = 1.0 and upper = 1.0 on axis 1"),
        ((0, 2), (1, 1), "lower must be less"),
        ((0, -math.inf), (1, 1), "must be finite"),
        ((0, math.nan), (1, 1), "must be finite"),
        (("a", 0), (1, 1), "number or a sequence of numbers"),
    ],
)
def test_bad_boxes(lower, upper, message):
    with pytest.raises(ValueError, match=message):
        Box(lower, upper)


def test_domain_of_the_wrong_dimension():
    with pytest.raises(ValueError, match="domain has 3 axes but the network has 2 inputs"):
        RepSpec(SIZES, domain=Box((0, 0, 0), (1, 1, 1)))


@pytest.mark.parametrize("gain", [0, -1, math.nan, math.inf, "big", True])
def test_bad_hidden_gain(gain):
    with pytest.raises(ValueError, match="hidden_gain=.*positive finite number"):
        RepSpec(SIZES, hidden_gain=gain)


def test_unknown_names_are_listed_against():
    with pytest.raises(ValueError, match="parameterization='log'.*'shift', 'scaled', 'log-scale'"):
        RepSpec(SIZES, parameterization="log")
    with pytest.raises(ValueError, match="activation='tahn'.*tanh"):
        RepSpec(SIZES, activation="tahn")
    with pytest.raises(ValueError, match="kernel_initializer='Xavier'.*'Glorot uniform'"):
        RepSpec(SIZES, kernel_initializer="Xavier")
    with pytest.raises(ValueError, match="activation has 2 entries for 3 layers"):
        RepSpec(SIZES, activation=["tanh", "sin"])


@pytest.mark.parametrize("activation", ["tanh", "TANH", "LAAF-10 relu", None, np.tanh])
def test_known_activations(activation):
    assert RepSpec(SIZES, activation=activation).activation is activation


@pytest.mark.parametrize("seed", [-1, 1.5, "7", True])
def test_bad_seed(seed):
    with pytest.raises(ValueError, match="seed=.*non-negative integer"):
        RepSpec(SIZES, seed=seed)


def test_slope_scale_of_the_measured_rule():
    scale = slope_scale_from_wavenumber([4 * np.pi, 2.0], np.array([0.5, 3.0]))
    assert scale == pytest.approx([0.4 * 4 * np.pi * 0.5, 0.4 * 2 * 3])


def test_box_normalises_to_the_cube():
    box = Box((0, -3), (1, 10))
    corners = np.array([[0, -3], [1, 10], [0.5, 3.5]])
    assert box.normalise(corners) == pytest.approx(np.array([[-1, -1], [1, 1], [0, 0]]))
    assert str(box) == "[0, 1] x [-3, 10]"


@pytest.mark.parametrize("sines", [-0.1, 1.5, float("nan"), "half", True])
def test_bad_share_of_sines(sines):
    with pytest.raises(ValueError, match="sines=.*from 0 .* to 1"):
        RepSpec(SIZES, sines=sines)


@pytest.mark.parametrize(
    "options", [{"activation": "LAAF-10 tanh"}, {"layer_sizes": [2, [8, 8], 2]}]
)
def test_sines_need_neurons_of_their_own(options):
    with pytest.raises(ValueError, match="Leave sines out"):
        RepSpec(**{"layer_sizes": SIZES, "sines": 0.5} | options)
    assert not RepSpec(**{"layer_sizes": SIZES} | options).takes_sines


def test_number_of_sines():
    assert RepSpec([2, 30, 20, 1], sines=0.25).n_sines == 8
    assert RepSpec([2, 30, 20, 1]).n_sines == 0
