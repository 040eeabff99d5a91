"""A test loss that the training loss leaves behind: when it is said, and what."""

import warnings

import deepxde as dde
import numpy as np
import pytest

from deepxde_repnet import FourierFNN, RepDeepONetCartesianProd, RepFNN, _host
from deepxde_repnet.train import gap

SAID = "does not follow it"


# -------------------------------------------------------------------------------------------------
# The rule, on made-up histories


def left_behind(train, test, every=1000):
    """Each entry is one test: the loss, or its terms."""
    return gap.left_behind([every * i for i in range(len(train))], train, test)


TEST = [[1.0], [0.9], [0.9], [0.8]]


def test_a_training_loss_that_falls_alone():
    assert left_behind([[1.0], [0.1], [0.02], [0.01]], TEST)
    assert left_behind([[1.0, 1.0], [0.1, 0], [0.02, 0], [0.01, 0]], [[*t, 0.1] for t in TEST])


@pytest.mark.parametrize(
    ("train", "test"),
    [
        pytest.param([1.0, 0.01, 0.001], [1.0, 0.9, 0.9], id="too few tests"),
        pytest.param([1.0, 0.1, 0.06, 0.04], [1.0, 0.9, 0.8, 0.8], id="not yet far enough"),
        pytest.param([1.0, 0.1, 0.1, 0.001], [1.0, 0.9, 0.9, 0.9], id="far in one test only"),
        pytest.param([1.0, 1e-2, 1.2e-2, 1.5e-2], [1.0, 0.9, 0.9, 0.9], id="coming back"),
        pytest.param([1.0, 1e-4, 1e-4, 1e-4], [1.0, 9e-3, 7e-3, 5e-3], id="following"),
        pytest.param([1e-2, 5e-3, 4e-3, 3e-3], [1.0, 0.5, 0.4, 0.3], id="harder from the start"),
        pytest.param([1.0, 1e-10, 1e-10, 1e-10], [1.0, 4e-9, 5e-9, 6e-9], id="rounding errors"),
        pytest.param([1.0, 1e-6, 1e-7, 1e-8], [1.0, 9e-5, 8e-5, 7e-5], id="near enough"),
        pytest.param([1.0, 1e-3, np.nan, 1e-4], [1.0, 0.9, 0.9, 0.9], id="no number"),
        pytest.param([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], id="nothing at all"),
    ],
)
def test_what_is_no_gap(train, test):
    assert not left_behind([[v] for v in train], [[v] for v in test])


def test_noise_does_not_hide_a_gap_beyond_measure():
    assert left_behind([[1.0], [1e-9], [1e-7], [3e-8]], TEST)
    assert not left_behind([[1.0], [1e-3], [2e-3], [4e-3]], TEST[:1] + 3 * [[0.8]])


def test_a_noisy_start_is_no_gap():
    rng = np.random.default_rng(0)
    for _ in range(200):
        train = np.exp(rng.normal(0, 1.5, 8))
        assert not left_behind(train[:, None], np.exp(rng.normal(0, 0.5, 8))[:, None])


def test_tests_of_every_step_are_thinned():
    n = 302
    train = [[v] for v in np.geomspace(1, 1e-3, n)]
    test = n * [[1.0]]
    told = [k for k in range(1, n + 1) if left_behind(train[:k], test[:k], every=1)]
    assert told and told[0] == 301


def test_what_came_before_the_first_does_not_count():
    steps, train = [1000 * i for i in range(7)], [[1.0]] * 3 + [[1.0], [0.1], [0.02], [0.01]]
    test = [[1e6]] * 3 + TEST
    assert gap.left_behind(steps, train, test, 3)
    assert not gap.left_behind(steps, train, test) and not gap.left_behind(steps, train, test, 4)


def test_terms_that_are_not_tested_do_not_count():
    """DeepXDE gives zero for conditions of integral equations in the test."""
    train = [[1.0, 5.0], [0.1, 5.0], [0.02, 5.0], [0.01, 5.0]]
    assert left_behind(train, [[*t, 0.0] for t in TEST])
    assert not left_behind(train, [[*t, 5.0] for t in TEST])
    assert not left_behind(train, TEST)  # not the same terms


# -------------------------------------------------------------------------------------------------
# In training


def heat(n, num_test=400, bcs=True, **options):
    """u_t = 0.05 u_xx from a half wave."""
    space, time = dde.geometry.Interval(0, 1), dde.geometry.TimeDomain(0, 1)
    geometry = dde.geometry.GeometryXTime(space, time)

    def pde(x, y):
        return dde.grad.jacobian(y, x, i=0, j=1) - 0.05 * dde.grad.hessian(y, x, i=0, j=0)

    conditions = [
        dde.icbc.DirichletBC(geometry, lambda x: 0, lambda _, on: on),
        dde.icbc.IC(geometry, lambda x: np.sin(np.pi * x[:, :1]), lambda _, on: on),
    ]
    counts = {"num_domain": n, "num_boundary": 20, "num_initial": 20, "num_test": num_test}
    return dde.data.TimePDE(geometry, pde, conditions, **counts, **options)


def network(Net=RepFNN, sizes=(2, 32, 32, 1), **options):
    return Net(list(sizes), "tanh", "Glorot uniform", **options)


def trained(data, net, iterations=400, lr=1e-3, **options):
    """The model, and what it warned of."""
    dde.config.set_random_seed(0)
    model = dde.Model(data, net)
    model.compile("adam", lr=lr, verbose=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.train(iterations=iterations, display_every=100, verbose=0, **options)
    return model, [str(w.message) for w in caught if w.category is UserWarning]


def ratio(model):
    return np.sum(model.losshistory.loss_test[-1]) / np.sum(model.losshistory.loss_train[-1])


def test_too_steep_for_its_points():
    model, (said,) = trained(heat(40), network(slope_scale=6, seed=1))
    assert ratio(model) > gap.APART
    assert said.startswith("RepFNN: the test loss, ") and SAID in said
    assert "fits its 40 points" in said  # those inside
    assert "slope scale 6, which take about 1500" in said  # (8/π · 6/0.4)², as on the page
    assert "RepFNN(..., slope_scale=0.99)" in said
    again = dde.Model.train(model, iterations=300, display_every=100, verbose=0)
    assert again is not None  # a warning is an error here: it is said once


@pytest.mark.parametrize(
    ("n", "options"),
    [(400, {"slope_scale": 1.5}), (1500, {"slope_scale": 6}), (40, {"slope_scale": 0.99})],
)
def test_what_the_warning_advises_is_not_warned_of(n, options):
    model, said = trained(heat(n), network(seed=1, **options), lr=2e-3)
    assert said == [] and ratio(model) < 10


def steep(**options):
    return network(slope_scale=6, seed=1, **options)


@pytest.mark.parametrize(
    ("make", "options"),
    [
        pytest.param(lambda: (heat(40, None), steep()), {}, id="no test points"),
        pytest.param(lambda: (heat(40), network(dde.nn.FNN, [2, 32, 1])), {}, id="not ours"),
        pytest.param(
            lambda: (heat(40, train_distribution="pseudo"), steep()),
            {"callbacks": [dde.callbacks.PDEPointResampler(period=150)]},
            id="points drawn anew",
        ),
        pytest.param(
            lambda: (heat(40, None, train_distribution="pseudo"), steep()),
            {"callbacks": [dde.callbacks.PDEPointResampler(period=150)]},
            id="tested at the first points",
        ),
    ],
)
def test_nothing_is_said(make, options):
    _, said = trained(*make(), **options)
    assert said == []


def test_nothing_is_said_before_a_comparison_at_the_same_points():
    """What is compared begins anew with other points, and with other weights."""
    model = dde.Model(heat(40), steep())
    model.compile("adam", lr=1e-3, verbose=0)
    train = {"iterations": 250, "display_every": 50, "verbose": 0}
    model.train(**train)
    model.data.replace_with_anchors(np.random.default_rng(0).uniform(0, 1, (40, 2)))
    model.train(**train)
    model.compile("adam", lr=1e-3, verbose=0, loss_weights=[1, 2, 2])
    model.train(**train)
    assert ratio(model) > gap.APART
    with pytest.warns(UserWarning, match=SAID):
        model.train(**train)


def test_extrapolation_is_not_for_points_to_mend():
    x, beyond = np.linspace(0, 1, 30)[:, None], np.linspace(0, 3, 90)[:, None]
    data = dde.data.DataSet(
        X_train=x, y_train=np.sin(5 * x), X_test=beyond, y_test=np.sin(5 * beyond)
    )
    model, said = trained(data, network(sizes=(1, 16, 1), seed=1), lr=1e-2)
    assert ratio(model) > gap.APART and said == []


def poisson(n, k=8 * np.pi):
    def pde(x, y):
        return dde.grad.hessian(y, x) + k**2 * dde.backend.sin(k * x)

    return dde.data.PDE(dde.geometry.Interval(0, 1), pde, [], num_domain=n, num_test=200)


def test_enough_points_by_their_number():
    _, (said,) = trained(
        poisson(30), network(sizes=(1, 32, 32, 1), wavenumber=20, seed=1), 900, 3e-3
    )
    assert "features of slope scale 4 they should be enough, and are not here" in said
    assert "RepFNN(..., wavenumber=10)" in said and "about 60." in said


def test_frequencies_of_a_fourier_network():
    net = network(FourierFNN, (1, 32, 32, 1), frequencies=60.0, seed=1)
    _, (said,) = trained(poisson(40), net)
    assert "rad per unit length, root mean square, which take about" in said
    assert "FourierFNN(..., frequencies=" in said


def test_features_of_a_transform_are_not_counted_in_points():
    net = network(slope_scale=4, seed=1)
    net.apply_feature_transform(lambda x: dde.backend.concat([x, dde.backend.sin(9 * x)], 1))
    _, (said,) = trained(poisson(12), net)
    assert "They are too few, or its features too steep" in said
    assert "RepFNN(..., slope_scale=2)" in said


def test_functions_of_an_operator():
    rng = np.random.default_rng(0)
    x, k = np.linspace(0, 1, 40, dtype=np.float32)[:, None], np.pi * np.arange(1, 9)
    known, unseen = (rng.normal(size=(n, 8)).astype(np.float32) for n in (12, 60))
    outputs = [(a @ np.sin(k[:, None] * x.T)).astype(np.float32) for a in (known, unseen)]
    data = dde.data.TripleCartesianProd((known, x), outputs[0], (unseen, x), outputs[1])
    net = RepDeepONetCartesianProd([8, 32, 32], [1, 32, 32], "tanh", "Glorot uniform", seed=1)
    _, (said,) = trained(data, net, 700, 2e-3)
    assert "fits its 12 functions, at 40 points, and not others" in said
    assert "RepDeepONetCartesianProd(..., wavenumber=" in said


# -------------------------------------------------------------------------------------------------
# Its parts


def test_points_for_a_slope_scale():
    net = network(slope_scale=6)
    assert gap.points_for(net, np.array([6.0, 6.0])) == pytest.approx((8 / np.pi * 15) ** 2)
    assert gap.points_for(net, np.array([6.0, 0.01])) == pytest.approx(8 / np.pi * 15)
    fourier = network(FourierFNN, frequencies=9.0)
    assert gap.points_for(fourier, np.array([np.pi])) == pytest.approx(16)


@pytest.mark.parametrize(
    ("number", "said"), [(3.2, "4"), (97, "97"), (1459, "1500"), (3e8 / 7, "4.3e+07")]
)
def test_numbers_are_short(number, said):
    assert gap._round(number) == said


def inputs_of(data):
    model = dde.Model(data, network())
    model.train_state.set_data_test(*data.test())
    return _host.trained_and_tested(model)


def test_points_of_the_two_losses():
    trained, unseen = inputs_of(heat(40))
    assert trained.points.shape == (40, 2) and trained.functions is None
    assert len(unseen.points) >= 380
    assert inputs_of(heat(40, None)) is None
    data = heat(40)
    data.resample_train_points(pde_points=False, bc_points=True)
    assert inputs_of(data) is not None  # Hammersley: the same ones
    data.train_x_bc = data.train_x_bc + 0.01
    assert inputs_of(data) is None
    x = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    assert inputs_of(dde.data.DataSet(X_train=x, y_train=x, X_test=x[5:9], y_test=x[5:9])) is None
