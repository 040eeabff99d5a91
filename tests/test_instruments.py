"""Recorders: when they measure, what they refuse, their files; on the other backends in backends/.

One small problem, whose steps take no time, so that most of what is here is exact.
"""

from __future__ import annotations

import deepxde as dde
import numpy as np
import pytest

from deepxde_repnet import (
    FirstLayerRecorder,
    FourierFNN,
    RepDeepONetCartesianProd,
    RepFNN,
    ResidualSpectrumRecorder,
    SpectrumRecorder,
    frequencies,
    modes,
    plotting,
    records,
)
from deepxde_repnet.train import instruments

K = 2 * np.pi * np.array([1, 3])
POINTS = np.random.default_rng(0).uniform(0, 1, (20, 1))


def truth(x):
    return np.sin(K[0] * x) + 0.5 * np.cos(K[1] * x)


def model_of(net=None, data=None, optimizer="adam"):
    dde.config.set_random_seed(0)
    if data is None:
        x = np.linspace(0, 1, 30)[:, None].astype(np.float32)
        data = dde.data.DataSet(X_train=x, y_train=truth(x), X_test=x, y_test=truth(x))
    if net is None:
        net = RepFNN([1, 8, 8, 1], "tanh", "Glorot uniform", domain=(0, 1), wavenumber=20, seed=0)
    model = dde.Model(data, net)
    model.compile(optimizer, **({} if optimizer == "L-BFGS" else {"lr": 1e-3}), verbose=0)
    return model


def train(model, iterations=7, **options):
    model.train(iterations=iterations, verbose=0, display_every=100, **options)


def known(**options):
    return SpectrumRecorder(modes.Known(POINTS, K), truth, **options)


def test_steps_of_a_given_period_and_of_the_end():
    model, recorder = model_of(), known(period=3)
    train(model, 7, callbacks=[recorder])
    assert recorder.record.steps.tolist() == [0, 3, 6, 7]
    train(model, 3, callbacks=[recorder])  # the step between two trainings is one step
    assert recorder.record.steps.tolist() == [0, 3, 6, 7, 9, 10]
    assert recorder.period == 3
    train(model_of(), 2, callbacks=[recorder])  # another model
    assert recorder.record.steps.tolist() == [0, 2]


def test_amplitudes_of_the_solution_the_reference_and_the_error():
    model, recorder = model_of(), known(period=10)
    before = model.predict(POINTS.astype(np.float32))[:, 0]
    train(model, 10, callbacks=[recorder])
    record = recorder.record
    np.testing.assert_allclose(record.reference, [-1j, 0.5], atol=1e-12)
    expected = modes.Known(POINTS, K).amplitudes(before)
    np.testing.assert_allclose(record.amplitudes[0], expected, rtol=1e-6)
    np.testing.assert_allclose(record.error, record.amplitudes - [-1j, 0.5], atol=1e-12)
    values = SpectrumRecorder(modes.Known(POINTS, K), truth(POINTS), period=10)
    train(model_of(), 1, callbacks=[values])
    np.testing.assert_array_equal(values.record.reference, record.reference)


def test_time_is_kept_apart_from_the_recorder_s(monkeypatch):
    """A clock that only measuring and steps move: 5 s a measurement, 1 s a step."""
    clock = [0.0]
    monkeypatch.setattr(instruments.time, "perf_counter", lambda: clock[0])
    recorder = known(period=2)
    measure = recorder._measure

    def slow():
        clock[0] += 5
        return measure()

    class Second(dde.callbacks.Callback):
        def on_epoch_begin(self):
            clock[0] += 1

    monkeypatch.setattr(recorder, "_measure", slow)
    train(model_of(), 5, callbacks=[Second(), recorder])
    record = recorder.record
    assert record.steps.tolist() == [0, 2, 4, 5]
    assert record.seconds.tolist() == [0, 2, 4, 5]
    # The first is measured twice: once to learn what a row holds.
    assert record.cost.tolist() == [0, 10, 15, 20]
    assert recorder.seconds_per_record == 5


@pytest.mark.parametrize(
    ("seconds", "period"), [(0.0, 1), (0.004, 1), (0.0041, 2), (0.0081, 5), (0.9, 500)]
)
def test_period_is_chosen_from_what_measuring_and_steps_cost(monkeypatch, capsys, seconds, period):
    """At most 0.4 % of steps of one second each."""
    clock = [0.0]
    monkeypatch.setattr(instruments.time, "perf_counter", lambda: clock[0])
    recorder = known()
    measure = recorder._measure

    def slow():
        clock[0] += seconds
        return measure()

    class Second(dde.callbacks.Callback):
        def on_epoch_begin(self):
            clock[0] += 1

    monkeypatch.setattr(recorder, "_measure", slow)
    model = model_of()
    capsys.readouterr()
    train(model, 20, callbacks=[Second(), recorder])
    assert recorder.period == period
    said = capsys.readouterr().out
    assert f"SpectrumRecorder: every {period} steps" in said and said.count("every") == 1


def test_period_is_lengthened_where_measuring_gets_slow(monkeypatch):
    clock, seconds = [0.0], [0.004]
    monkeypatch.setattr(instruments.time, "perf_counter", lambda: clock[0])
    recorder = known(verbose=0)
    measure = recorder._measure

    def slow():
        clock[0] += seconds[0]
        return measure()

    class Second(dde.callbacks.Callback):
        def on_epoch_begin(self):
            clock[0] += 1
            if self.model.train_state.step == 20:
                seconds[0] = 0.06

    monkeypatch.setattr(recorder, "_measure", slow)
    train(model_of(), 100, callbacks=[Second(), recorder])
    assert recorder.period == 20  # 0.06 s of 20 s, below 0.4 %
    assert np.diff(recorder.record.steps)[3:10].tolist() == [1] * 7


def test_series_of_periods():
    found = [1]
    for _ in range(9):
        found.append(instruments._longer(found[-1]))
    assert found == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]


def test_training_goes_on_in_its_file(tmp_path):
    """A process that dies: its file is continued by another recorder at the step it starts from."""
    path = tmp_path / "spectrum.rec"
    model, whole = model_of(), known(period=2)
    train(model, 8, callbacks=[whole])

    model = model_of()
    train(model, 5, callbacks=[known(period=2, file=path)])
    with open(path, "ab") as file:
        file.write(b"half a row")
    second = known(period=2, file=path)  # the first is lost with its process
    train(model, 3, callbacks=[second])
    for found in (second.record, records.load(path)):
        assert found.steps.tolist() == [0, 2, 4, 5, 6, 8]
        assert np.diff(found.seconds).min() > 0
        same = np.isin(found.steps, whole.record.steps)
        np.testing.assert_array_equal(found.amplitudes[same], whole.record.amplitudes)
    other = SpectrumRecorder(modes.Known(POINTS, K[:1]), truth, period=2, file=path)
    with pytest.raises(ValueError, match="another recording"):
        train(model, 1, callbacks=[other])


def test_only_the_first_of_several_processes_records(monkeypatch, tmp_path):
    monkeypatch.setattr(dde.config, "rank", 1)
    recorder = known(period=1, file=tmp_path / "record")
    train(model_of(), 2, callbacks=[recorder])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="recorded nothing"):
        _ = recorder.record


def test_training_that_diverges_is_recorded():
    model, recorder = model_of(), known(period=1)
    grid = SpectrumRecorder(modes.Grid(0, 1, 16), truth, period=1)
    with dde.backend.torch.no_grad():
        for parameter in model.net.parameters():
            parameter.fill_(np.nan)
    train(model, 3, callbacks=[recorder, grid])
    assert np.isnan(recorder.record.error).all() and np.isnan(grid.record.error).all()


def test_grid_over_the_geometry():
    square = dde.geometry.Rectangle([0, -1], [1, 1])

    def pde(x, y):
        return dde.grad.hessian(y, x, i=0, j=0) + 10 * y

    data = dde.data.PDE(square, pde, [], num_domain=12)
    recorder = ResidualSpectrumRecorder(period=1)
    model = model_of(dde.nn.FNN([2, 4, 1], "tanh", "Glorot uniform"), data)
    train(model, 1, callbacks=[recorder])
    grid = modes.Grid([0, -1], [1, 1], 48)
    np.testing.assert_array_equal(recorder.record.wavenumbers, grid.wavenumbers)
    direct = model.predict(grid.points.astype(np.float32), operator=pde)[:, 0]
    np.testing.assert_allclose(recorder.record.error[-1], grid.amplitudes(direct), atol=1e-5)


def test_time_is_an_axis_of_the_grid():
    domain = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 3))
    data = dde.data.TimePDE(domain, lambda x, y: y, [], num_domain=12)
    recorder = SpectrumRecorder(period=1)
    net = dde.nn.FNN([2, 4, 1], "tanh", "Glorot uniform")
    train(model_of(net, data), 1, callbacks=[recorder])
    k = recorder.record.wavenumbers
    assert sorted({round(v, 6) for v in np.abs(k[:, 1])})[1] == pytest.approx(2 * np.pi / 3)
    assert recorder.record.reference is None


def test_one_of_several_outputs_and_equations():
    def pde(x, y):
        return [y[:, 0:1] - 1, y[:, 1:2] + 2 * x]

    data = dde.data.PDE(dde.geometry.Interval(0, 1), pde, [], num_domain=12)
    net = dde.nn.FNN([1, 4, 2], "tanh", "Glorot uniform")
    grid = modes.Grid(0, 1, 16)
    second = [
        SpectrumRecorder(grid, lambda x: np.hstack([x, 2 * x]), component=1, period=1),
        ResidualSpectrumRecorder(grid, component=1, period=1),
    ]
    model = model_of(net, data)
    train(model, 1, callbacks=second)
    y = model.predict(grid.points.astype(np.float32)).astype(float)
    x = grid.points[:, 0]
    solution, residual = (r.record for r in second)
    np.testing.assert_allclose(solution.error[-1], grid.amplitudes(y[:, 1] - 2 * x), atol=1e-12)
    np.testing.assert_allclose(residual.error[-1], grid.amplitudes(y[:, 1] + 2 * x), atol=1e-6)
    with pytest.raises(ValueError, match="component=2"):
        train(model, 1, callbacks=[SpectrumRecorder(grid, component=2)])


def test_operator_network():
    x = np.linspace(0, 1, 10)[:, None].astype(np.float32)
    v = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    data = dde.data.TripleCartesianProd((v, x), v[:, :1] * x.T, (v, x), v[:, :1] * x.T)
    net = RepDeepONetCartesianProd([3, 8, 8], [1, 8, 8], "tanh", "Glorot uniform", wavenumber=10)
    model = model_of(net, data)
    grid = modes.Grid(0, 1, 16)
    of_second = SpectrumRecorder(grid, inputs=lambda x: (v[1:2], x.astype(np.float32)), period=2)
    layer = FirstLayerRecorder(net.trunk, period=2)
    train(model, 2, callbacks=[of_second, layer])
    y = model.predict((v[1:2], grid.points.astype(np.float32)))[0].astype(float)
    np.testing.assert_allclose(of_second.record.amplitudes[-1], grid.amplitudes(y), atol=1e-12)
    assert layer.record.partition.shape == (2, 8, 1)
    assert layer.record.moved[-1].max() > 0


def test_first_layer_of_a_fourier_network(tmp_path):
    net = FourierFNN(
        [1, 8, 1], "tanh", "Glorot uniform", domain=(0, 2), frequencies=frequencies.Normal(20)
    )
    recorder = FirstLayerRecorder(period=1, file=tmp_path / "layer")
    train(model_of(net), 3, callbacks=[recorder])
    ((first, *_), *_) = net.to_numpy()
    expected = first.direction * np.array(net.spec.slope_scale)  # the half width is 1
    for record in (recorder.record, records.load(tmp_path / "layer")):
        np.testing.assert_allclose(record.slopes[-1], expected)
        assert record.partition.shape[:2] == (4, 0)
    with pytest.raises(ValueError, match="no partition points"):
        plotting.partition_points(recorder.record)


def test_lbfgs_is_recorded_where_deepxde_calls_back(monkeypatch):
    """After every step of the optimizer, which is several iterations."""
    from deepxde.optimizers.config import LBFGS_options

    for name, value in {"maxiter": 10, "iter_per_step": 5, "fun_per_step": 6}.items():
        monkeypatch.setitem(LBFGS_options, name, value)
    model, recorder = model_of(optimizer="L-BFGS"), known(period=1)
    train(model, None, callbacks=[recorder])
    steps = recorder.record.steps
    assert len(steps) > 2 and steps[0] == 0 and steps[-1] == model.train_state.step >= 10


def problem_on(geometry):
    return dde.data.PDE(geometry, lambda x, y: y, [], num_domain=12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: known(period=0), "positive number of training steps"),
        (lambda: SpectrumRecorder(truth), "must be a modes.Grid"),
    ],
)
def test_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("recorder", "data", "message"),
    [
        (SpectrumRecorder, None, "no geometry to take points from"),
        (SpectrumRecorder, dde.geometry.Disk([0, 0], 1), "does not fill its bounding box"),
        (SpectrumRecorder, dde.geometry.Cuboid([0] * 3, [1] * 3), "in 3 dimensions"),
        (lambda: ResidualSpectrumRecorder(modes.Grid(0, 1, 8)), None, "needs the equation"),
        (FirstLayerRecorder, None, "needs a RepFNN, RepPFNN or FourierFNN, and got FNN"),
        (
            lambda: SpectrumRecorder(modes.Grid(0, 1, 8), np.zeros(9)),
            None,
            r"reference has shape \(9,\)",
        ),
    ],
)
def test_what_a_model_does_not_have_is_refused(recorder, data, message):
    dim = 1 if data is None else data.dim
    net = dde.nn.FNN([dim, 4, 1], "tanh", "Glorot uniform")
    model = model_of(net, None if data is None else problem_on(data))
    with pytest.raises(ValueError, match=message):
        train(model, 1, callbacks=[recorder()])
