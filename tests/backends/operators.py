"""Operator networks: DeepXDE's DeepONets with RepNet trunks, and branches where asked."""

from __future__ import annotations

import inspect
import tempfile
import warnings
from pathlib import Path
from typing import Any

import deepxde as dde
import numpy as np

import deepxde_repnet
from deepxde_repnet.nets import RepOperator
from deepxde_repnet.spec import PARAMETERIZATIONS
from deepxde_repnet.theory import initialize, reference

from .interface import OURS
from .registry import check, without
from .support import (
    BACKEND,
    assert_close,
    compiled,
    float_type,
    fresh,
    points,
    printed,
    raises,
    train,
    warned,
)

OPERATORS = {
    "DeepONet": deepxde_repnet.RepDeepONet,
    "DeepONetCartesianProd": deepxde_repnet.RepDeepONetCartesianProd,
}
CASES = {name: {"name": name} for name in OPERATORS}
SENSORS = 6
#: Widths of the last layers of branch and trunk for two outputs.
STRATEGIES = {
    "independent": (5, 5),
    "split_both": (10, 10),
    "split_branch": (10, 5),
    "split_trunk": (5, 10),
}
with_operators = without("jax")
#: Elsewhere the first step of training takes seconds.
EAGER = BACKEND in ("pytorch", "paddle")


def functions(n: int = 8) -> np.ndarray:
    """Sensor values of n input functions, one sensor the same for all."""
    v = np.random.default_rng(3).uniform(-1, 2, (n, SENSORS))
    v[:, 0] = 0.5
    return v.astype(float_type())


def outputs(v: np.ndarray, x: np.ndarray, k: float = 9.0) -> np.ndarray:
    """Outputs (N1, N2), oscillating along the first coordinate with the wavenumber k."""
    wave = np.stack([np.sin(k * x[:, 0]), np.cos(k * x[:, 0])])
    return (v[:, 1:3] @ wave).astype(v.dtype)


def data_for(
    name: str, n_outputs: int = 1, dim: int = 1, k: float = 9.0, width: float = 1.0
) -> Any:
    """Targets that oscillate with the wavenumber k, in the layout of each kind of network."""
    v, x = functions(), width * points(60, [0] * dim, [1] * dim)
    y = outputs(v, x, k)
    if name == "DeepONet":
        # Each function at all points, in an order of no use.
        order = np.random.default_rng(5).permutation(y.size)
        rows = (np.repeat(v, len(x), 0)[order], np.tile(x, (len(v), 1))[order])
        target = np.repeat(y.reshape(-1, 1)[order], n_outputs, 1)
        return dde.data.Triple(rows, target, rows, target)
    if n_outputs > 1:
        y = np.repeat(y[:, :, None], n_outputs, 2)
    return dde.data.TripleCartesianProd((v, x), y, (v, x), y)


def operator(
    name: str, trunk: Any = (1, 16, 16, 8), branch: Any = (SENSORS, 12, 8), **options: Any
) -> Any:
    options.setdefault("seed", 1)
    return OPERATORS[name](list(branch), list(trunk), "tanh", "Glorot uniform", **options)


def known(dim: int = 1, **options: Any) -> dict[str, Any]:
    """Arguments that leave nothing to choose."""
    box = ([-1.0] * dim, [3.0] * dim)
    return {"domain": box, "slope_scale": 3.0, "hidden_gain": 1.3} | options


def losses(model: Any) -> list[float]:
    return [float(np.sum(loss)) for loss in model.losshistory.loss_train]


def trunk_values(spec: Any, x: np.ndarray) -> np.ndarray:
    """The oracle's trunk, of the initial draw."""
    return np.tanh(reference.forward(spec, initialize.draw(spec), x).value)


def branch_values(model: Any, v: np.ndarray, number: int = 0) -> np.ndarray:
    """What DeepXDE's own branch gives."""
    net = model.net
    if BACKEND == "tensorflow.compat.v1":
        tf = dde.backend.tf
        kernels = model.sess.run(tf.trainable_variables())
        # Branch and trunk are built in turn, and a branch is the two layers that take the sensors.
        starts = [i for i, w in enumerate(kernels) if w.shape[:1] == (SENSORS,) and w.ndim == 2]
        w1, b1, w2, b2 = kernels[starts[number] : starts[number] + 4]
        return np.tanh(v @ w1 + b1) @ w2 + b2
    several = isinstance(net.branch, (list, tuple)) or type(net.branch).__name__ in (
        "ModuleList",
        "LayerList",
    )
    branch = net.branch[number] if several else net.branch
    return dde.backend.to_numpy(branch(dde.backend.as_tensor(v)))


# -------------------------------------------------------------------------------------------------
# As DeepXDE's


@check(backends=with_operators, cases=CASES)
def check_operator_signature(name: str) -> None:
    ours, theirs = OPERATORS[name], getattr(dde.nn, name)
    expected = [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
    parameters = inspect.signature(ours).parameters.values()
    keyword_only = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert [(p.name, p.default) for p in positional] == expected
    assert [p.name for p in keyword_only] == [*OURS, "branch_slope_scale", "branch_domain"]
    assert all(p.default is None for p in keyword_only)
    assert ours.__doc__ and all(f"{p.name}:" in ours.__doc__ for p in keyword_only)
    assert ours.__name__ == f"Rep{name}" and getattr(dde.nn, f"Rep{name}") is ours
    assert issubclass(ours, theirs) and issubclass(ours, RepOperator)


@check(backends=["jax"])
def check_no_operators_on_jax() -> None:
    for name in OPERATORS:
        assert not hasattr(dde.nn, name)
        with raises(NotImplementedError, f"Rep{name}", "jax", f"dde.nn.{name}", "DDE_BACKEND"):
            getattr(dde.nn, f"Rep{name}")([3, 8], [1, 8, 8], "tanh", "Glorot uniform")


@check(backends=with_operators, floats=["float32", "float64"], cases=CASES)
def check_operator_oracle(name: str) -> None:
    """The trunk is the oracle's of the same seed; the branch and the product are DeepXDE's."""
    short = float_type() is np.float32
    for parameterization in (None,) if short else PARAMETERIZATIONS:
        fresh()
        net = operator(name, [2, 16, 16, 8], **known(2, parameterization=parameterization))
        data = data_for(name, dim=2)
        model, said = compiled(data, net)
        assert said == "", "nothing was left to choose"
        v, x = data.train_x
        found = np.asarray(model.predict((v, x)))
        trunk, branch = trunk_values(net.spec, x), branch_values(model, v)
        if name == "DeepONet":
            expected = (branch * trunk).sum(1, keepdims=True)
        else:
            expected = branch @ trunk.T
        assert_close(found, expected, 1e-5 if short else 1e-12, "values")


@check(
    backends=with_operators,
    cases={
        f"{name}-{strategy}": {"name": name, "strategy": strategy}
        for name in OPERATORS
        for strategy in STRATEGIES
    },
)
def check_operator_strategy(name: str, strategy: str) -> None:
    """Two outputs: the trunk's part of each is the oracle's, and training goes on from there."""
    if (BACKEND, name) == ("paddle", "DeepONet"):
        return  # DeepXDE has no strategies there
    b, t = STRATEGIES[strategy]
    net = operator(
        name,
        [1, 16, t],
        [SENSORS, 12, b],
        num_outputs=2,
        multi_output_strategy=strategy,
        **known(),
    )
    data = data_for(name, 2)
    model, _ = compiled(data, net, lr=1e-2)
    v, x = data.train_x
    found = np.asarray(model.predict((v, x)))
    if strategy == "independent":
        # The first trunk has the seed itself, the other another draw.
        trunk, branch = trunk_values(net.spec, x), branch_values(model, v)
    else:
        trunk = trunk_values(net.spec, x)[:, :5]
        branch = branch_values(model, v)[:, :5]
    if name == "DeepONet":
        assert found.shape == (len(x), 2)
        assert_close(found[:, 0], (branch * trunk).sum(1), 1e-5, "first output")
    else:
        assert found.shape == (len(v), len(x), 2)
        assert_close(found[..., 0], branch @ trunk.T, 1e-5, "first output")
    assert np.abs(found[..., 0] - found[..., 1]).max() > 1e-2
    if EAGER or (name, strategy) == ("DeepONetCartesianProd", "split_both"):
        train(model, 30)
        assert losses(model)[-1] < losses(model)[0], losses(model)


@check(backends=with_operators, cases=CASES)
def check_operator_activations(name: str) -> None:
    """One name for both, or one for each; the trunk's follows its last layer as well."""
    if (BACKEND, name) == ("paddle", "DeepONet"):
        return  # DeepXDE 1.15 fails with a dict there, and so do we
    activation = {"branch": "relu", "trunk": "sin"}
    net = OPERATORS[name](
        [SENSORS, 12, 8], [1, 16, 8], activation, "Glorot uniform", **known(seed=4)
    )
    data = data_for(name)
    model, _ = compiled(data, net)
    v, x = data.train_x
    found = np.asarray(model.predict((v, x)))
    trunk = np.sin(reference.forward(net.spec, initialize.draw(net.spec), x).value)
    assert net.given.activation == "sin"
    if BACKEND == "tensorflow.compat.v1":
        return
    branch = branch_values(model, v)
    expected = (branch * trunk).sum(1, keepdims=True) if name == "DeepONet" else branch @ trunk.T
    assert_close(found, expected, 1e-4, "values")


@check(backends=["pytorch"], since={"pytorch": "deepxde>=1.15"})
def check_operator_adaptive_activation() -> None:
    """As in DeepXDE one factor serves the whole trunk."""
    arguments: Any = [[SENSORS, 8], [1, 8, 8], "LAAF-5 tanh", "Glorot uniform"]
    theirs = dde.nn.DeepONet(*arguments)
    ours = deepxde_repnet.RepDeepONet(*arguments, **known(), parameterization="shift")
    # A shift for each input of each of 8 neurons in the place of their biases.
    assert ours.num_trainable_parameters() == theirs.num_trainable_parameters()


@check(backends=with_operators, cases=CASES)
def check_operator_own_branch(name: str) -> None:
    """``(dim, network)`` for the branch."""
    own = dde.nn.FNN([SENSORS, 9, 8], "relu", "Glorot uniform")
    if BACKEND == "tensorflow.compat.v1":
        tf = dde.backend.tf
        own = tf.keras.Sequential([tf.keras.layers.Dense(9, "relu"), tf.keras.layers.Dense(8)])
    net = operator(name, branch=[SENSORS, own])
    model, said = compiled(data_for(name), net, lr=1e-2)
    assert "targets" in said
    if EAGER:
        train(model, 20)
        assert losses(model)[-1] < losses(model)[0]
    with raises(ValueError, f"Rep{name}", "network of your own", "branch_slope_scale"):
        operator(name, branch=[SENSORS, own], branch_slope_scale=0.4)


@check(backends=with_operators, cases=CASES)
def check_operator_branch(name: str) -> None:
    """A RepNet layer in the branch too: its box is the range of the sensors' values."""
    net = operator(name, branch_slope_scale=0.5, **known())
    assert not net.settled
    if BACKEND != "tensorflow.compat.v1":
        with raises(RuntimeError, f"Rep{name}", "branch_domain"):
            net((dde.backend.as_tensor(functions()), dde.backend.as_tensor(points(8, [0], [1]))))
    data = data_for(name)
    model, said = compiled(data, net, lr=1e-2)
    v, x = data.train_x
    assert f"Rep{name}" in said and "branch inputs in [" in said, said
    found = np.asarray(model.predict((v, x)))
    lower, upper = v.min(axis=0).astype(float), v.max(axis=0).astype(float)
    half = np.maximum((upper - lower) / 2, 1e-3 * (upper - lower).max() / 2)
    box = deepxde_repnet.Box((lower + upper) / 2 - half, (lower + upper) / 2 + half)
    spec = net.branch_given.completed(box, net.branch_given.slope_scale, 1.0)
    branch = reference.forward(spec, initialize.draw(spec), v).value
    trunk = trunk_values(net.spec, x)
    expected = (branch * trunk).sum(1, keepdims=True) if name == "DeepONet" else branch @ trunk.T
    assert_close(found, expected, 1e-4, "values")
    train(model, 30)
    assert losses(model)[-1] < losses(model)[0]

    settled = operator(
        name, branch_slope_scale=0.5, branch_domain=([-1] * SENSORS, [2] * SENSORS), **known()
    )
    assert settled.settled


@check(backends=["pytorch", "tensorflow"])
def check_operator_regularization() -> None:
    """PyTorch: weight decay of all; TensorFlow: handed on to both networks' layers."""
    net = operator("DeepONet", regularization=["l2", 1.0])
    if BACKEND == "pytorch":
        model, _ = compiled(data_for("DeepONet"), net, lr=1e-2)
        before = net.trunk.to_numpy()[0][0].direction
        train(model, 40)
        after = net.trunk.to_numpy()[0][0].direction
        assert np.linalg.norm(after) < 0.9 * np.linalg.norm(before)
        return
    assert net.trunk.regularizer is not None and net.branch.regularizer is not None


@check(backends=["tensorflow.compat.v1"])
def check_operator_regularization_of_graph_mode() -> None:
    for name in OPERATORS:
        fresh()
        net = operator(name, regularization=["l2", 1e-3])
        model, _ = compiled(data_for(name), net)
        train(model, 2)
        assert np.size(model.losshistory.loss_train[-1]) == 2, "the penalty is one of the losses"


@check(backends=["tensorflow.compat.v1"])
def check_operator_options_of_graph_mode() -> None:
    net = operator("DeepONet", trainable_trunk=[False, True, True], use_bias=False)
    model, _ = compiled(data_for("DeepONet"), net)
    variables = dde.backend.tf.trainable_variables()
    assert all("direction" not in v.name and "shift" not in v.name for v in variables), variables
    train(model, 2)
    assert np.isfinite(losses(model)[-1])
    arguments = [[SENSORS, 12, 8], [1, 16, 8], "tanh", "He normal"]
    with raises(ValueError, "stacked=True", "branch_slope_scale"):
        dde.nn.RepDeepONet(*arguments, stacked=True, branch_slope_scale=0.5)
    fresh()
    net = dde.nn.RepDeepONet(*arguments, stacked=True, **known())
    model, _ = compiled(data_for("DeepONet"), net)
    train(model, 1)
    assert np.isfinite(losses(model)[-1])


# -------------------------------------------------------------------------------------------------
# Calibration


@check(backends=with_operators, cases=CASES)
def check_operator_calibration(name: str) -> None:
    """Domain from the trunk's points, wavenumber from the targets; one line says so."""
    data = data_for(name, k=9.0)
    net = operator(name)
    assert not net.settled and net.spec is None
    if BACKEND == "tensorflow.compat.v1":
        with raises(RuntimeError, f"Rep{name}", "compile"):
            net.build()
    else:
        v, x = data.train_x
        with raises(RuntimeError, f"Rep{name}", "compile"):
            net((dde.backend.as_tensor(v), dde.backend.as_tensor(x)))
    model, said = compiled(data, net, lr=1e-2)
    assert said.startswith(f"Rep{name}: domain [") and "(training points)" in said, said
    assert "(targets)" in said and "hidden gain" in said, said
    x = data.train_x[1]
    assert_close(np.array(net.spec.domain.upper), x.max(axis=0), 1e-5, "upper corner")
    expected = 0.8 * 9.0 * np.ptp(x) / 2
    assert abs(net.spec.slope_scale[0] / expected - 1) < 0.15, (net.spec, expected)
    before = np.asarray(model.predict(data.train_x))
    train(model, 100)
    assert losses(model)[-1] < 0.5 * losses(model)[0], losses(model)
    assert np.abs(np.asarray(model.predict(data.train_x)) - before).max() > 1e-2
    with printed() as out:
        model.compile("adam", lr=1e-3)
    assert "Rep" not in out.getvalue(), "it was calibrated already"


@check(backends=["pytorch"])
def check_operator_what_is_given() -> None:
    for name in OPERATORS:
        net = operator(name, wavenumber=20.0)
        _, said = compiled(data_for(name), net)
        assert "wavenumber 20 rad per unit length (given)" in said, said
        assert abs(net.spec.slope_scale[0] / (0.4 * 20 * net.spec.domain.half_width[0]) - 1) < 1e-5
        net = operator(name, slope_scale=2.0, domain=(-1, 3))
        assert net.spec is not None and not net.settled, "the data have a say in the gain"
        _, said = compiled(data_for(name), net)
        assert "slope scale 2 (given)" in said and "(given)" in said.split("slope")[0], said


@check(backends=["pytorch"])
def check_operator_data_that_say_nothing() -> None:
    """One point for each function: the error says what to write."""
    x = points(40, [0], [1])
    v = np.random.default_rng(0).uniform(size=(40, SENSORS)).astype(float_type())
    unaligned = dde.data.Triple((v, x), np.sin(9 * x), (v, x), np.sin(9 * x))
    with raises(ValueError, "RepDeepONet(..., wavenumber=...)", "slope_scale=", "Triple"):
        compiled(unaligned, operator("DeepONet"))
    compiled(unaligned, operator("DeepONet", wavenumber=9.0))
    y = np.ones((40, 40), float_type())
    constant = dde.data.TripleCartesianProd((v, x), y, (v, x), y)
    with raises(ValueError, "RepDeepONetCartesianProd(..., wavenumber=...)"):
        compiled(constant, operator("DeepONetCartesianProd"))
    y[3, 4] = np.nan
    with raises(ValueError, "targets hold NaN", "first row 3"):
        compiled(constant, operator("DeepONetCartesianProd"))
    y[3, 4], v[5, 0] = 1, np.inf
    with raises(ValueError, "input functions hold NaN", "first row 5"):
        compiled(constant, operator("DeepONetCartesianProd"))
    points_only = dde.data.DataSet(X_train=x, y_train=x, X_test=x, y_test=x)
    with raises(ValueError, "DataSet", "(functions, points)", "a domain and a wavenumber"):
        compiled(points_only, operator("DeepONet"))


def poisson_operator(cartesian: bool, n: int = 40) -> Any:
    """-u'' = v for v of random sines with wavenumbers to 3π; its equation has no targets."""

    class Sines(dde.data.function_spaces.FunctionSpace):
        def random(self, size: int) -> np.ndarray:
            return np.random.default_rng(2).normal(size=(size, 1))

        def eval_one(self, feature: np.ndarray, x: np.ndarray) -> np.ndarray:
            return feature[0] * np.sin(3 * np.pi * x[:, 0])

        def eval_batch(self, features: np.ndarray, xs: np.ndarray) -> np.ndarray:
            return (features * np.sin(3 * np.pi * xs[:, 0])).astype(float_type())

    def pde(x: Any, y: Any, v: Any) -> Any:
        return -dde.grad.hessian(y, x) - v

    geometry = dde.geometry.Interval(0, 1)
    bc = dde.icbc.DirichletBC(geometry, lambda x: 0, lambda _, on: on)
    problem = dde.data.PDE(geometry, pde, bc, num_domain=n, num_boundary=2)
    sensors = np.linspace(0, 1, SENSORS)[:, None]
    kind = dde.data.PDEOperatorCartesianProd if cartesian else dde.data.PDEOperator
    return kind(problem, Sines(), sensors, 5)


@check(backends=["pytorch"])
def check_operator_of_equation() -> None:
    """Physics-informed: the input functions at the points say how fast, the geometry where."""
    for name in OPERATORS:
        net = operator(name)
        model, said = compiled(poisson_operator(name != "DeepONet"), net)
        assert "domain [0, 1] (geometry)" in said and "(input functions)" in said, said
        ratio = net.spec.slope_scale[0] / (0.4 * 3 * np.pi / 2)
        assert abs(ratio - 1) < 0.15, net.spec
        train(model, 3)
        assert np.isfinite(losses(model)[-1])


@check(backends=with_operators, cases=CASES)
def check_operator_transforms(name: str) -> None:
    """Features of the trunk's coordinates, with a box of their own; and of the outputs."""
    data = data_for(name)
    v, x = data.train_x
    net = operator(name, [2, 16, 8])
    net.apply_feature_transform(lambda x: dde.backend.concat([dde.backend.sin(2 * x), x**2], 1))
    net.apply_output_transform(lambda inputs, y: 0 * y + 3.0)
    if BACKEND == "tensorflow.compat.v1":
        net.layer_size_loc = [1, 16, 8]  # of the placeholder; the features are two
    model, said = compiled(data, net)
    assert "2 features over" in said, said
    features = np.concatenate([np.sin(2 * x), x**2], 1)
    assert_close(np.array(net.spec.domain.upper), features.max(axis=0), 1e-5, "upper corner")
    assert_close(np.array(net.spec.domain.lower), features.min(axis=0), 1e-5, "lower corner")
    found = np.asarray(model.predict((v, x)))
    np.testing.assert_allclose(found, 3.0)

    known_before = operator(name, [1, 16, 8], **known())
    assert known_before.settled
    known_before.apply_feature_transform(lambda x: 100 * x)
    assert not known_before.settled
    _, said = compiled(data, known_before)
    assert known_before.spec.domain.upper[0] > 90, said


@check(backends=["pytorch"])
def check_operator_points_outside() -> None:
    data = data_for("DeepONetCartesianProd")
    model, _ = compiled(data, operator("DeepONetCartesianProd"))
    v, x = data.train_x
    with warned("RepDeepONetCartesianProd", "far outside"):
        model.predict((v, x + 50))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict((v, x + 50))


# -------------------------------------------------------------------------------------------------
# Bad arguments, saved files


@check(backends=with_operators, cases=CASES)
def check_operator_bad_arguments(name: str) -> None:
    ours = f"Rep{name}"
    with raises(ValueError, ours, "trunk", "hidden layer"):
        operator(name, trunk=[1, 8])
    with raises(ValueError, ours, "trunk", "domain has 2 axes"):
        operator(name, domain=([0, 0], [1, 1]))
    with raises(ValueError, ours, "trunk", "wavenumber=-1", "positive"):
        operator(name, wavenumber=-1)
    with raises(ValueError, ours, "trunk", "parameterization='linear'"):
        operator(name, parameterization="linear")
    with raises(ValueError, ours, "branch", "slope_scale=0", "positive"):
        operator(name, branch_slope_scale=0)
    with raises(ValueError, ours, "branch_domain", "branch_slope_scale"):
        operator(name, branch_domain=([0] * SENSORS, [1] * SENSORS))
    with raises(TypeError, "no_such_argument"):
        operator(name, no_such_argument=1)
    sizes: Any = [[SENSORS, 8], [1, 8, 8]]
    with raises(ValueError, "'branch'", '{"branch": ..., "trunk": ...}'):
        OPERATORS[name](*sizes, {"branch": "tanh"}, "Glorot uniform")
    with raises(TypeError, "trunk", "one name or function"):
        OPERATORS[name](*sizes, {"branch": "tanh", "trunk": ["tanh", "tanh"]}, "Glorot uniform")
    with raises(ValueError, ours, "activation='tahn'"):
        OPERATORS[name](*sizes, "tahn", "Glorot uniform")
    if BACKEND in ("pytorch", "paddle"):  # which lack a name that our own draw has
        with raises(ValueError, ours, "kernel_initializer='LeCun normal'", "'He normal'"):
            OPERATORS[name](*sizes, "tanh", "LeCun normal")
    with raises(ValueError, "layer_sizes_trunk", "2 inputs", "write [2, ...]"):
        compiled(data_for(name, dim=2), operator(name))
    if (BACKEND, name) != ("paddle", "DeepONet"):
        with raises(ValueError, "num_outputs is set to 1"):
            operator(name, multi_output_strategy="independent")


@check(backends=with_operators, cases=CASES)
def check_operator_save_and_restore(name: str) -> None:
    """Into a new network that was calibrated otherwise: functions, boxes and scale come along."""

    def new_names() -> None:
        if BACKEND == "tensorflow.compat.v1":  # restores variables by their names
            dde.backend.tf.reset_default_graph()
            dde.backend.tf.keras.backend.clear_session()

    def make(seed: int, width: float, k: float) -> Any:
        net = operator(name, seed=seed, branch_slope_scale=0.4)
        return compiled(data_for(name, k=k, width=width), net, lr=1e-2)[0]

    new_names()
    model = make(1, 1.0, 9.0)
    train(model, 3)
    x = data_for(name).train_x
    expected, spec = np.asarray(model.predict(x)), model.net.spec
    with tempfile.TemporaryDirectory() as folder:
        path = model.save(str(Path(folder, "model")))
        new_names()
        other = make(2, 4.0, 20.0)
        assert np.abs(np.asarray(other.predict(x)) - expected).max() > 1e-2
        other.restore(path)
        if BACKEND == "tensorflow":
            early = operator(name, seed=3, branch_slope_scale=0.4)
            with raises(RuntimeError, "compile"):
                early.load_weights(path)
    assert_close(np.asarray(other.predict(x)), expected, 1e-6, "values")
    if BACKEND != "tensorflow.compat.v1":  # there the network has no session to read from
        assert other.net.spec.domain == spec.domain
        assert other.net.spec.slope_scale == spec.slope_scale


@check(backends=["pytorch", "paddle"], cases=CASES)
def check_operator_state_dict(name: str) -> None:
    """It carries the calibration into a network that has none."""
    data = data_for(name)
    net = operator(name, branch_slope_scale=0.4)
    model, _ = compiled(data, net)
    expected = np.asarray(model.predict(data.train_x))
    other = operator(name, seed=5, branch_slope_scale=0.4)
    load = "load_state_dict" if BACKEND == "pytorch" else "set_state_dict"
    getattr(other, load)(net.state_dict())
    assert other.settled and other.spec.domain == net.spec.domain
    tensors = tuple(map(dde.backend.as_tensor, data.train_x))
    assert_close(dde.backend.to_numpy(other(tensors)), expected, 1e-6, "values")
