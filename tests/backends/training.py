"""DeepXDE's training with the networks: optimizers, callbacks, regularization, saved files."""

from __future__ import annotations

import pickle
import tempfile
import warnings
from pathlib import Path
from typing import Any

import deepxde as dde
import numpy as np
from deepxde.optimizers.config import LBFGS_options

from deepxde_repnet.theory import initialize

from .registry import check, without
from .support import (
    BACKEND,
    NETWORKS,
    assert_close,
    call,
    compiled,
    features,
    fit,
    hard_boundary,
    helmholtz,
    network,
    plain,
    points,
    train,
    warned,
    weights,
    with_unknown,
)

PI = np.pi

#: A decay of the learning rate, as each backend names it.
DECAYS = {
    "pytorch": ("step", 10, 0.9),
    "tensorflow": ("inverse time", 10, 0.1),
    "tensorflow.compat.v1": ("inverse time", 10, 0.1),
    "jax": ("cosine", 50, 0.1),
    "paddle": ("inverse time", 0.01),
}


def constrained(**options: Any) -> Any:
    net = network(**options)
    net.apply_output_transform(hard_boundary)
    return net


def line_fit(k: float = 9.0, n: int = 40) -> Any:
    """Fit of sin kx, the cheapest problem to train."""
    x = points(n, [0], [1])
    return fit(x, np.sin(k * x))


def losses(model: Any) -> list[float]:
    return [float(np.sum(loss)) for loss in model.losshistory.loss_train]


@check(cases={"default": {}, "log-scale": {"parameterization": "log-scale"}})
def check_adam(**options: Any) -> None:
    """The loss falls, and what is not trained stays: the box and the slope scale."""
    net = constrained(**options)
    data = helmholtz(solution=lambda x: np.sin(4 * PI * x[:, :1]) * np.sin(4 * PI * x[:, 1:]))
    model, _ = compiled(
        data,
        net,
        lr=2e-2,
        metrics=["l2 relative error"],
        decay=DECAYS[BACKEND],
        loss_weights=[0.01],
    )
    spec = net.spec
    train(model, 40)
    first, last = losses(model)[0], losses(model)[-1]
    assert last < 0.9 * first, (first, last)
    np.testing.assert_allclose(net.spec.slope_scale, spec.slope_scale, rtol=1e-6)
    np.testing.assert_allclose(net.spec.domain.upper, spec.domain.upper, rtol=1e-6)
    assert np.isfinite(model.losshistory.metrics_test[-1][0])
    held = weights(model)
    (first_layer,), (drawn,) = held[0], initialize.draw(spec)[0]
    assert not np.allclose(first_layer.direction, drawn.direction), "the slopes are not trained"
    assert not np.allclose(first_layer.shift, drawn.shift), "the shifts are not trained"
    trained = not np.allclose(first_layer.log_scale, 0)
    assert trained == bool(options), "the neurons' scales"
    assert not np.allclose(held[1][0].bias, 0), "the biases are not trained"


@check(backends=["pytorch", "tensorflow", "paddle"])
def check_lbfgs() -> None:
    """DeepXDE has none for JAX, and that for graph mode leaves Keras 3's variables as they are."""
    dde.optimizers.set_LBFGS_options(maxiter=5)
    # PyTorch and Paddle take these, which DeepXDE works out only when it is imported.
    LBFGS_options.update(iter_per_step=5, fun_per_step=6)
    model, _ = compiled(line_fit(), network(1), "L-BFGS")
    train(model)
    assert losses(model)[-1] < 0.5 * losses(model)[0], losses(model)


@check()
def check_callbacks() -> None:
    """Points drawn anew, a variable followed, checkpoints, early stopping, a fixed time."""

    def residual(x: Any, y: Any, c: Any) -> Any:
        return c * plain(dde.grad.jacobian(y, x, i=0, j=0)) - dde.backend.cos(9 * x)

    pde, unknown = with_unknown(residual, 0.5)
    where = points(10, [0], [1])
    observed = dde.icbc.PointSetBC(where, np.sin(9 * where) / 3)
    data = dde.data.PDE(
        dde.geometry.Interval(0, 1), pde, [observed], num_domain=40, train_distribution="pseudo"
    )
    model, _ = compiled(data, network(1), external_trainable_variables=[unknown], lr=1e-2)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "values.dat")
        variable = dde.callbacks.VariableValue(unknown, period=1, filename=str(written))
        followed: list[Any] = [
            dde.callbacks.PDEPointResampler(period=2),
            variable,
            dde.callbacks.Timer(10),
            dde.callbacks.EarlyStopping(baseline=0, patience=6),
        ]
        if BACKEND != "jax":  # where DeepXDE saves nothing
            saver = dde.callbacks.ModelCheckpoint(str(Path(folder, "model")), period=5)
            followed.append(saver)
        before = data.train_x_all.copy()
        train(model, 50, callbacks=followed)
        variable.file.close()
        values = [float(line.split("[")[1].strip("]")) for line in written.read_text().splitlines()]
        saved = list(Path(folder).glob("model*"))
    assert not np.array_equal(before, data.train_x_all), "the points were not drawn anew"
    assert values[0] == 0.5 and values[-1] != 0.5, values
    assert model.train_state.iteration == 6, "training was to stop early"
    assert bool(saved) == (BACKEND != "jax"), saved


@check()
def check_test_loss_left_behind() -> None:
    """A network that is too steep for its points says so, in the middle of training, once."""
    x, unseen = points(16, [0], [1]), points(100, [0], [1], seed=1)
    y, y_unseen = np.sin(9 * x), np.sin(9 * unseen)
    data = dde.data.DataSet(X_train=x, y_train=y, X_test=unseen, y_test=y_unseen)
    model, _ = compiled(data, network(1, slope_scale=40), lr=1e-2)
    with warned("RepFNN: the test loss", "its 16 points", "take about 260", "slope_scale=2.5)"):
        train(model, 600, display_every=100)
    model, _ = compiled(line_fit(n=16), network(1, slope_scale=40), lr=1e-2)
    train(model, 400, display_every=100)  # tested where it is trained: nothing is said
    assert losses(model)[-1] < 1e-2 * losses(model)[0]


@check()
def check_regularization() -> None:
    """As the backend's own FNN takes it: a penalty that outweighs the fit shrinks the weights."""
    net = network(1, regularization=["l2", 1.0])
    model, _ = compiled(line_fit(), net, lr=1e-2)
    before = weights(model)
    train(model, 30)
    after = weights(model)
    for old, new in (
        (before[0][0].direction, after[0][0].direction),
        (before[1][0].kernel, after[1][0].kernel),
    ):
        assert np.linalg.norm(new) < 0.85 * np.linalg.norm(old), "the weights did not shrink"
    # Where DeepXDE adds the penalty to the losses it is one more of them.
    added = BACKEND in ("tensorflow", "tensorflow.compat.v1", "jax")
    assert np.size(model.losshistory.loss_train[-1]) == 1 + added


@check(backends=["tensorflow", "paddle"])
def check_dropout() -> None:
    """Random in training and not in prediction; DeepXDE's graph mode lacks it with Keras 3."""
    net = network(1, dropout_rate=0.3)
    model, _ = compiled(line_fit(), net)
    train(model, 2)
    x = points(10, [0], [1])
    if BACKEND == "tensorflow":  # DeepXDE does not tell Paddle's layers that it predicts
        first, second = np.asarray(model.predict(x)), np.asarray(model.predict(x))
        np.testing.assert_array_equal(first, second)
    noisy = [np.asarray(model._outputs(True, x)) for _ in range(2)]
    assert not np.array_equal(*noisy)
    assert len(weights(model)) == 3


@check(backends=["pytorch", "tensorflow.compat.v1"], since={"pytorch": "deepxde>=1.15"})
def check_adaptive_activation() -> None:
    net = dde.nn.RepFNN([1, 16, 16, 1], "LAAF-5 tanh", "Glorot uniform", seed=1)
    data = line_fit()
    model, _ = compiled(data, net, lr=1e-2)
    assert net.spec is not None and net.spec.hidden_gain == 1.0
    if BACKEND == "pytorch":
        factors = [p for p in net.parameters() if p.numel() == 1 and p.ndim < 2]
    train(model, 20)
    assert losses(model)[-1] < losses(model)[0], losses(model)
    if BACKEND == "pytorch":
        assert any(abs(a.item() - 0.2) > 1e-3 for a in factors), factors


@check(backends=["tensorflow.compat.v1"])
def check_options_of_graph_mode() -> None:
    constraint = dde.backend.tf.keras.constraints.MaxNorm(2.0)
    net = network(1, kernel_constraint=constraint, use_bias=False)
    model, _ = compiled(line_fit(), net)
    train(model, 2)
    assert np.all(weights(model)[1][0].bias == 0)
    assert np.isfinite(losses(model)[-1])


@check()
def check_initializer_function() -> None:
    """A function of the backend draws the kernels after the first layer; the gain is ours."""
    if BACKEND == "pytorch":

        def initializer(tensor: Any) -> Any:
            return dde.backend.torch.nn.init.constant_(tensor, 0.1)
    elif BACKEND == "paddle":
        initializer = dde.backend.paddle.nn.initializer.Constant(0.1)
    elif BACKEND == "jax":
        initializer = dde.backend.jax.nn.initializers.constant(0.1)
    else:
        initializer = dde.backend.tf.keras.initializers.Constant(0.1)
    for options in ({"hidden_gain": 3.0}, {}):
        net = dde.nn.RepFNN([1, 8, 8, 8, 1], "tanh", initializer, seed=1, **options)
        model, _ = compiled(line_fit(), net)
        held = weights(model)
        gain = net.spec.hidden_gain
        assert options == {} or abs(gain - 3) < 1e-5
        np.testing.assert_allclose(held[1][0].kernel, 0.1 * gain, rtol=1e-5)
        np.testing.assert_allclose(held[2][0].kernel, 0.1 * gain, rtol=1e-5)
        np.testing.assert_allclose(held[3][0].kernel, 0.1, rtol=1e-5)


@check()
def check_activation_function() -> None:
    net = dde.nn.RepFNN([1, 8, 8, 1], dde.backend.tanh, "Glorot uniform", seed=1)
    named = dde.nn.RepFNN([1, 8, 8, 1], "tanh", "Glorot uniform", seed=1, hidden_gain=1.0)
    x = points(5, [0], [1])
    values = [np.asarray(compiled(line_fit(), n)[0].predict(x)) for n in (net, named)]
    assert net.spec.hidden_gain == 1.0, "the theory knows activations by name"
    np.testing.assert_allclose(*values, rtol=1e-5)


# -------------------------------------------------------------------------------------------------
# Saved files


@check(backends=without("jax"), cases={n: {"name": n} for n in NETWORKS})
def check_save_and_restore(name: str) -> None:
    """Into a new network that was calibrated otherwise: function, domain and scale come along."""
    sizes: Any = [1, 8, 8, 1] if name == "FNN" else [1, [8, 7], [8, 7], 2]
    outputs = 1 if name == "FNN" else 2
    x = points(30, [0], [1])

    def new_names() -> None:
        if BACKEND == "tensorflow.compat.v1":  # restores variables by their names
            dde.backend.tf.reset_default_graph()
            dde.backend.tf.keras.backend.clear_session()

    def make(seed: int, width: float, k: float) -> Any:
        net = NETWORKS[name](sizes, "tanh", "Glorot uniform", seed=seed)
        data = fit(width * x, np.sin(k * x @ np.ones((1, outputs))))
        return compiled(data, net, lr=1e-2)[0]

    new_names()
    model = make(1, 1.0, 9.0)
    if name == "FNN":
        train(model, 3)
    expected = np.asarray(model.predict(x))
    spec = model.net.spec
    with tempfile.TemporaryDirectory() as folder:
        path = model.save(str(Path(folder, "model")))
        new_names()
        other = make(2, 4.0, 20.0)
        assert np.abs(np.asarray(other.predict(x)) - expected).max() > 1e-2
        other.restore(path)
    assert_close(np.asarray(other.predict(x)), expected, 1e-6, "values")
    if BACKEND != "tensorflow.compat.v1":  # there the network has no session to read from
        assert other.net.spec.domain == spec.domain
        assert other.net.spec.slope_scale == spec.slope_scale
        if BACKEND != "tensorflow":
            assert other.net.spec.hidden_gain == spec.hidden_gain
    if name == "FNN" and BACKEND != "paddle":  # its Adam expects the saved names
        train(other, 1)
        assert np.isfinite(losses(other)[-1])


@check(backends=["pytorch", "paddle"])
def check_state_dict() -> None:
    """A state dict carries the calibration, and that there is none yet."""
    net = network(1)
    model, _ = compiled(line_fit(), net)
    x = points(5, [0], [1])
    expected = np.asarray(model.predict(x))
    load = "load_state_dict" if BACKEND == "pytorch" else "set_state_dict"

    other = network(1, seed=5)
    getattr(other, load)(net.state_dict())
    assert other.settled and other.spec.domain == net.spec.domain
    assert_close(call(other, x), expected, 1e-6, "values")

    early = network(1, seed=6)
    getattr(early, load)(network(1, seed=7).state_dict())
    assert not early.settled and early.spec is None
    model, said = compiled(line_fit(), early)
    assert "slope scale" in said
    early_expected = compiled(line_fit(), network(1, seed=7))[0].predict(x)
    assert_close(np.asarray(model.predict(x)), np.asarray(early_expected), 1e-6, "values")

    # Which parameters the first layer has goes with it, in both directions.
    waves, slow = network(), network(wavenumber=PI)
    for net, target in ((waves, network()), (slow, waves)):
        model, _ = compiled(helmholtz(), net)
        train(model, 1)
        getattr(target, load)(net.state_dict())
        assert target.spec == net.spec
        x2 = points(5, [0, 0], [1, 1])
        assert_close(call(target, x2), np.asarray(model.predict(x2)), 1e-6, "values")
    assert waves.spec.parameterization == "log-scale"

    # A box that was read from a file is already that of the features.
    net = network(2)
    net.apply_feature_transform(features)
    model, _ = compiled(line_fit(), net)
    expected = np.asarray(model.predict(x))
    other = network(2, seed=5)
    getattr(other, load)(net.state_dict())
    other.apply_feature_transform(features)
    assert_close(call(other, x), expected, 1e-6, "values")


@check(backends=["pytorch", "paddle"], since={"paddle": "paddlepaddle>=3.3"})
def check_pickle_protocol() -> None:
    """DeepXDE's ``save(protocol="pickle")``.

    With TensorFlow 2 it asks Keras for what is gone; in graph mode it writes the handles of the
    variables in place of their values, for every network.
    """
    model, _ = compiled(line_fit(), network(1))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # PyTorch before 2.6 warns of reading tensors by ``pickle``.
        warnings.simplefilter("ignore", FutureWarning)
        path = model.save(str(Path(folder, "model")), protocol="pickle")
        state = pickle.loads(Path(path).read_bytes())
    for part in ("direction", "shift", "slope_scale", "center", "half_width"):
        assert sum(name.split(":")[0].endswith(part) for name in state) == 1, list(state)


@check(backends=["tensorflow"])
def check_variables_of_keras() -> None:
    """Each variable once, also where layers are parallel; constants are not trained."""
    for net, n in (
        (network(1), 7),
        (dde.nn.RepPFNN([1, [8, 7], [8, 7], 2], "tanh", "Glorot uniform", seed=1), 14),
    ):
        outputs = 1 if n == 7 else 2
        x = points(10, [0], [1])
        model, _ = compiled(fit(x, np.sin(9 * x @ np.ones((1, outputs)))), net)
        model.predict(x)
        assert len(net.trainable_variables) == n, [v.path for v in net.trainable_variables]
        frozen = [v.path for v in net.non_trainable_variables]
        assert len(frozen) == 3 * (n // 7), frozen
