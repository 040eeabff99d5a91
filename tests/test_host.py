"""Everything taken from inside DeepXDE, by name, so that a release that moves it is recognised.

What differs between backends, the networks' layers, is in ``backends/interface.py``.
"""

from __future__ import annotations

import functools
import inspect
import warnings

import deepxde as dde
import numpy as np
import pytest

import deepxde_repnet
from deepxde_repnet import RepFNN, _host, calibrate
from deepxde_repnet.train import checkpoint, gap, progress, state

MOVED = "DeepXDE {version} has no {name} as deepxde_repnet/_host.py uses it: {use}"


def assert_there(condition, name, use):
    assert condition, MOVED.format(version=dde.__version__, name=name, use=use)


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("Model.compile", "calibration is hooked before it"),
        ("Model.predict", "points far outside are looked for before it"),
        ("Model.train", "watched by the command and by ProgressBar"),
        ("Model._test", "the two losses are compared after it"),
        ("callbacks.PDEPointResampler", "its points are no fixed ones"),
        ("callbacks.Callback", "base of ProgressBar"),
        ("optimizers.config.LBFGS_options", "iterations of L-BFGS"),
        ("config.set_random_seed", "--seed, also where a script sets its own"),
        ("config.set_default_float", "--float"),
        ("backend.backend_name", "it chooses the network's module"),
        ("backend.lib", "the key of config.real"),
        ("backend.is_tensor", "values of a PointSetBC"),
        ("backend.to_numpy", "values of a PointSetBC, features"),
        ("backend.as_tensor", "points for a feature transform"),
        ("backend.float64", "the solver computes in it"),
        ("Variable", "unknowns of a problem"),
        ("callbacks.Callback.on_train_begin", "recorders measure first"),
        ("callbacks.Callback.on_epoch_end", "recorders count steps"),
        ("callbacks.Callback.on_train_end", "recorders measure last"),
        ("callbacks.Callback.init", "recorders begin anew with a new model"),
        ("gradients.gradients_forward.jacobian", "replaced in the solver"),
        ("gradients.gradients_reverse.hessian", "replaced in the solver"),
        ("config.real", "the float type"),
        ("config.rank", "only the first rank prints"),
        ("config.autodiff", "forward mode passes functions along"),
        ("grad.clear", "derivatives are cached by identity"),
        ("nn.FNN", "base of RepFNN"),
        ("nn.PFNN", "base of RepPFNN"),
        ("nn.DeepONet.build_trunk_net", "overridden in RepDeepONet"),
        ("nn.DeepONet.build_branch_net", "overridden in RepDeepONet"),
        ("nn.DeepONetCartesianProd.build_trunk_net", "overridden in RepDeepONetCartesianProd"),
        ("nn.DeepONetCartesianProd.build_branch_net", "overridden in RepDeepONetCartesianProd"),
        ("nn.activations.get", "functions behind names"),
        ("nn.initializers.get", "initializers behind names"),
        ("nn.initializers.INITIALIZER_DICT", "names of those that draw a branch"),
        ("geometry.GeometryXTime", "time is its last axis"),
        ("Model.train", "a state is taken up around it"),
        ("Model._compile_pytorch", "explain needs no optimizer"),
        ("callbacks.Callback", "base of ours"),
        ("callbacks.Timer", "its time goes on"),
        ("callbacks.VariableValue", "its file is kept"),
        ("callbacks.OperatorPredictor", "its file is kept"),
        ("data.BatchSampler", "where batches stand"),
        ("data.Function", "its points are drawn"),
        ("optimizers.LBFGS_options", "iterations of L-BFGS"),
        ("config.mixed", "part of the fingerprint"),
        ("config.default_float", "part of the fingerprint"),
        ("config.set_random_seed", "its seed is part of the state"),
    ],
)
def test_name_is_there(name, use):
    found = functools.reduce(lambda at, part: getattr(at, part, None), name.split("."), dde)
    assert_there(found is not None, name, use)


def test_arguments_of_compile_train_and_predict():
    names = list(inspect.signature(dde.Model.compile).parameters)
    for name in ("verbose", "external_trainable_variables"):
        assert_there(name in names, f"argument {name} of Model.compile", "the hook reads it")
    for name in ("optimizer", "lr", "decay", "metrics"):
        assert_there(name in names, f"argument {name} of Model.compile", "the command sets it")
    names = list(inspect.signature(dde.Model.train).parameters)
    for name in ("iterations", "epochs", "display_every", "callbacks", "verbose"):
        assert_there(name in names, f"argument {name} of Model.train", "the command sets it")
    names = list(inspect.signature(dde.Model.predict).parameters)
    assert_there("x" in names, "argument x of Model.predict", "the hook reads it")


def test_float_type_is_indexed_by_library():
    for library in (np, dde.backend.lib):
        assert_there(dde.config.real(library), "config.real(lib)", "the float type")
    assert np.dtype(_host.real(np)) == np.float32
    assert _host.real() is dde.backend.lib.float32


def some_pde():
    geometry = dde.geometry.Interval(0, 1)

    def pde(x, y):
        return dde.grad.hessian(y, x) + dde.backend.sin(9 * x)

    bcs = [
        dde.icbc.DirichletBC(geometry, lambda x: x, lambda _, on: on),
        dde.icbc.PointSetBC(np.array([[0.5], [0.6], [0.7]]), np.ones((3, 1))),
    ]
    return dde.data.PDE(geometry, pde, bcs, num_domain=10, num_boundary=2)


def test_data_of_a_pde():
    data = some_pde()
    use = "residuals at zero output are read from it"
    for name in ("num_bcs", "bcs", "geom", "pde", "train_aux_vars", "losses_train"):
        assert_there(hasattr(data, name), f"data.PDE.{name}", use)
    batch = data.train_next_batch()
    assert_there(len(batch) == 3, "train_next_batch() -> (x, y, auxiliary)", use)
    assert_there(list(map(int, data.num_bcs)) == [2, 3], "num_bcs, points of each condition", use)
    assert_there(len(batch[0]) == 2 + 3 + 12, "train_x, conditions first", use)
    names = list(inspect.signature(data.losses).parameters)
    expected = ["targets", "outputs", "loss_fn", "inputs", "model", "aux"]
    assert_there(names == expected, "data.losses(targets, outputs, ...)", use)


def test_data_of_targets():
    data = dde.data.Function(dde.geometry.Interval(0, 1), np.sin, 10, 10)
    use = "fits are recognised by the absence of a PDE"
    assert_there(not hasattr(data, "pde") and hasattr(data, "geom"), "data.Function", use)
    x = np.ones((4, 1), "float32")
    data = dde.data.DataSet(X_train=x, y_train=x, X_test=x, y_test=x)
    assert_there(not hasattr(data, "pde") and not hasattr(data, "geom"), "data.DataSet", use)
    assert_there(len(data.train_next_batch()) == 2, "train_next_batch() -> (x, y)", use)


def test_values_of_point_sets():
    condition = some_pde().bcs[1]
    assert_there(dde.backend.is_tensor(condition.values), "PointSetBC.values", "looked at for NaN")
    assert [name for name, _ in _host.condition_values(some_pde())] == ["condition 2 (PointSetBC)"]


@pytest.mark.parametrize(
    ("geometry", "lower", "upper"),
    [
        (dde.geometry.Interval(-1, 2), [-1], [2]),
        (dde.geometry.TimeDomain(0, 3), [0], [3]),
        (dde.geometry.Rectangle([0, 1], [2, 3]), [0, 1], [2, 3]),
        (dde.geometry.Cuboid([0] * 3, [1] * 3), [0] * 3, [1] * 3),
        (dde.geometry.Hypercube([0] * 4, [1] * 4), [0] * 4, [1] * 4),
        (dde.geometry.Sphere([1, 1, 1], 1), [0] * 3, [2] * 3),
        (dde.geometry.Disk([1, 1], 1), [0, 0], [2, 2]),
        (
            dde.geometry.GeometryXTime(
                dde.geometry.Rectangle([0, 1], [2, 3]), dde.geometry.TimeDomain(5, 7)
            ),
            [0, 1, 5],
            [2, 3, 7],
        ),
        (
            dde.geometry.CSGUnion(
                dde.geometry.Rectangle([0, 0], [1, 1]), dde.geometry.Rectangle([2, 0], [3, 1])
            ),
            [0, 0],
            [3, 1],
        ),
    ],
)
def test_bounding_box(geometry, lower, upper):
    found = _host.bounding_box(geometry)
    assert_there(found is not None, f"{type(geometry).__name__}.bbox", "the network's domain")
    np.testing.assert_allclose(found, (lower, upper))


def test_what_has_no_bounding_box():
    assert _host.bounding_box(None) is None
    assert _host.bounding_box(([0], [1])) is None


def test_residuals_at_zero_output():
    """Source and conditions, each with its own points, whatever the network is."""
    data = some_pde()
    model = dde.Model(data, RepFNN([1, 8, 1], "tanh", "zeros"))
    found = _host.zero_residuals(model, data.train_x, None)
    names = ["PDE", "condition 1 (DirichletBC)", "condition 2 (PointSetBC)"]
    assert [s.name for s in found] == names
    source, boundary, observed = found
    np.testing.assert_allclose(source.values, np.sin(9 * source.points), atol=1e-5)
    np.testing.assert_allclose(source.gradients[:, :, 0], 9 * np.cos(9 * source.points), atol=1e-4)
    np.testing.assert_allclose(boundary.values, -boundary.points, atol=1e-6)
    np.testing.assert_allclose(observed.points[:, 0], [0.5, 0.6, 0.7], atol=1e-6)
    np.testing.assert_allclose(observed.values, -1)


def test_residuals_with_the_output_transform():
    """A hard constraint that is not zero, here x², is part of the problem."""
    net = RepFNN([1, 8, 1], "tanh", "zeros")
    net.apply_output_transform(lambda x, y: x**2 + x * y)
    data = some_pde()
    found = _host.zero_residuals(dde.Model(data, net), data.train_x, None)
    np.testing.assert_allclose(found[0].values, 2 + np.sin(9 * found[0].points), atol=1e-5)
    np.testing.assert_allclose(found[1].values, found[1].points ** 2 - found[1].points, atol=1e-6)


# -------------------------------------------------------------------------------------------------
# Hooks


def test_hooks_are_installed_once():
    assert dde.Model.compile._repnet_hooks == (calibrate.calibrate, state.remember)
    assert dde.Model.predict._repnet_hooks == (calibrate.check_prediction_points,)
    assert dde.Model.train._repnet_hooks == (progress._train, checkpoint.training)
    assert dde.Model._test._repnet_hooks == (gap.watch,)
    train = dde.Model.train
    _host.instead("train", checkpoint.training)
    assert dde.Model.train is train
    before = dde.Model.compile
    _host.before("compile", calibrate.calibrate)
    assert dde.Model.compile is before
    assert not hasattr(inspect.unwrap(before), "_repnet_hooks")


@pytest.mark.parametrize("name", ["compile", "predict", "train", "_test"])
def test_hooks_keep_signature_and_documentation(name):
    method = getattr(dde.Model, name)
    original = method.__wrapped__
    assert inspect.signature(method) == inspect.signature(original)
    assert method.__doc__ == original.__doc__ and method.__name__ == name


def compiled(net, **options):
    model = dde.Model(some_pde(), net)
    model.compile("adam", lr=1e-3, verbose=0, **options)
    return model


@pytest.mark.parametrize(
    ("arguments", "options"),
    [((), {}), (("adam",), {"no_such": 1}), (("adam",), {"optimizer": "adam"})],
)
def test_errors_of_compile_are_deepxde_s(arguments, options):
    """The same error as without the hook, and the network is left alone."""
    net = RepFNN([1, 8, 1], "tanh", "zeros")
    model = dde.Model(some_pde(), net)
    with pytest.raises(TypeError) as original:
        inspect.unwrap(dde.Model.compile)(model, *arguments, **options)
    with pytest.raises(TypeError) as hooked:
        model.compile(*arguments, **options)
    assert str(hooked.value) == str(original.value)
    assert net.spec is None


def test_errors_of_predict_are_deepxde_s():
    model = compiled(RepFNN([1, 8, 1], "tanh", "zeros"))
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        model.predict()


def test_other_networks_are_left_alone(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = dde.nn.FNN([1, 8, 1], "tanh", "Glorot uniform")
        model = compiled(net)
        y = model.predict(np.array([[50.0]]))
    assert y.shape == (1, 1)
    assert "Rep" not in capsys.readouterr().out


def test_arguments_by_position_and_by_name():
    net = RepFNN([1, 8, 1], "tanh", "Glorot uniform")
    model = dde.Model(some_pde(), net)
    model.compile("adam", 1e-3, "MSE", None, None, [1, 1, 1], None, 0)
    assert net.settled
    assert model.predict(x=np.array([[0.5]])).shape == (1, 1)


def test_line_is_printed_as_deepxde_prints(capsys, monkeypatch):
    _host.announce("a line", 1)
    _host.announce("silent", 0)
    monkeypatch.setattr(dde.config, "rank", 1)
    _host.announce("of another rank", 1)
    assert capsys.readouterr().out == "a line\n"


def test_first_batch_leaves_the_random_state():
    data = dde.data.Function(
        dde.geometry.Interval(0, 1), np.sin, 10, 10, train_distribution="pseudo", online=True
    )
    before = np.random.get_state()[1].copy()
    x, _ = _host.training_points(data)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.testing.assert_array_equal(x, data.train_next_batch()[0])  # what training then sees


def test_registered_networks():
    assert dde.nn.RepFNN is deepxde_repnet.RepFNN


# -------------------------------------------------------------------------------------------------
# What a checkpoint holds


def test_arguments_of_train():
    names = list(inspect.signature(dde.Model.train).parameters)
    for name in ("iterations", "callbacks", "verbose"):
        assert_there(name in names, f"argument {name} of Model.train", "the hook changes it")


def test_what_a_model_keeps_of_its_training():
    model = compiled(RepFNN([1, 8, 1], "tanh", "zeros"))
    use = "it is part of a checkpoint"
    assert_there(_host.is_compiled(model), "Model.outputs", "it is None before compile")
    for name in ("opt", "opt_name", "lr_scheduler", "external_trainable_variables", "callbacks"):
        assert_there(hasattr(model, name), f"Model.{name}", use)
    model.train(iterations=1, verbose=0)
    kept = vars(model.train_state)
    for name in _host.PROGRESS:
        assert_there(name in kept, f"TrainState.{name}", use)
    assert_there(sorted(vars(model.losshistory)) == sorted(_host.HISTORY), "LossHistory", use)
    assert_there(len(_host.losses(model)) == 3, "Model._outputs_losses", "a loss that is NaN")
    # All of TrainState is kept, but for the data, which are there anyway.
    data = {n for n in kept if n.startswith(("X_", "y_t")) or n.endswith("_aux_vars")}
    assert_there(set(kept) - data == set(_host.PROGRESS), "TrainState", "there is more to keep")


@pytest.mark.parametrize("name", _host.COUNTERS)
def test_what_callbacks_count(name):
    """Every number that a callback of DeepXDE changes is known, and no callback has been added."""
    make = {
        "ModelCheckpoint": lambda c: c("file"),
        "VariableValue": lambda c: c([]),
        "OperatorPredictor": lambda c: c(np.ones((1, 1)), None),
        "MovieDumper": lambda c: c("file", [0], [1]),
    }
    kind = getattr(dde.callbacks, name, None)
    assert_there(kind is not None, f"callbacks.{name}", "what it counts is kept")
    callback = make.get(name, lambda c: c())(kind)
    if name == "EarlyStopping":
        callback.on_train_begin()
    for counter in _host.counters(callback):
        assert_there(hasattr(callback, counter), f"{name}.{counter}", "it is kept")
    counting = {n for n in vars(callback) if n.startswith(("epochs_since", "wait", "best"))}
    assert_there(counting <= set(_host.counters(callback)), name, "it counts something else")


def test_all_callbacks_are_known():
    public = {
        n
        for n, kind in vars(dde.callbacks).items()
        if isinstance(kind, type) and issubclass(kind, dde.callbacks.Callback)
    }
    without_state = {"Callback", "CallbackList", "FirstDerivative", "Timer"}
    found = public - without_state - set(_host.COUNTERS)
    assert_there(not found, f"callbacks {found}", "does it count something?")


def test_samplers_and_points_of_data():
    sampler = dde.data.BatchSampler(5)
    for name in ("num_samples", "_indices", "_epochs_completed", "_index_in_epoch"):
        assert_there(hasattr(sampler, name), f"BatchSampler.{name}", "where batches stand")
    assert_there(len(vars(sampler)) == 5, "BatchSampler", "there is more to keep")
    kept = _host.data_state(some_pde())["data"]["points"]
    arrays = {n for n, v in vars(some_pde()).items() if isinstance(v, np.ndarray)}
    assert_there(arrays <= set(kept), f"data.PDE: {arrays - set(kept)}", "points are kept")


def test_lbfgs_counts_where_it_is_read():
    model = dde.Model(some_pde(), dde.nn.FNN([1, 4, 1], "tanh", "Glorot uniform"))
    model.compile("L-BFGS", verbose=0)
    assert_there(_host.loops_lbfgs(model), "Model.opt_name", "L-BFGS has a loop of its own")
    assert _host.lbfgs_steps(model) == 0
    _host.limit_lbfgs_pass(model, 3)
    model.data.train_next_batch()
    model.train_state.set_data_train(*model.data.train_next_batch())
    state_now = model.train_state
    model._train_step(state_now.X_train, state_now.y_train, state_now.train_aux_vars)
    assert_there(_host.lbfgs_steps(model) == 3, "L-BFGS, max_iter and n_iter", "passes")
