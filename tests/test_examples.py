"""Every example runs and learns on a small budget; what the full one gives is in the docs."""

import deepxde as dde
import numpy as np
import pytest
from deepxde.optimizers.config import LBFGS_options

from deepxde_repnet import RepFNN
from examples import demo
from examples.function import function_1d
from examples.pinn_forward import helmholtz_2d, poisson_1d_multiscale
from examples.pinn_inverse import helmholtz_2d_inverse


@pytest.fixture(autouse=True)
def small_and_seeded(monkeypatch):
    # On PyTorch DeepXDE takes 1000 iterations of L-BFGS at once, however few are asked for.
    monkeypatch.setitem(LBFGS_options, "iter_per_step", 75)
    monkeypatch.setitem(LBFGS_options, "fun_per_step", 100)
    dde.config.set_random_seed(0)


def wavenumber_found(capsys):
    """The wavenumber in the line that compile prints."""
    line = next(s for s in capsys.readouterr().out.splitlines() if s.startswith("RepFNN:"))
    return float(line.split("wavenumber ")[1].split()[0].strip("(),"))


def test_function_1d(capsys):
    model = function_1d.main(adam=(400, 100))
    assert function_1d.error(model) < 0.25
    k = 2 * np.pi * np.array([1, 8, 25])
    amplitude = np.array([1, 0.5, 0.2])
    expected = np.linalg.norm(k * amplitude) / np.linalg.norm(amplitude)
    assert wavenumber_found(capsys) == pytest.approx(expected, rel=0.05)


def test_function_1d_is_out_of_reach_of_fnn_at_this_budget():
    model = function_1d.main(dde.nn.FNN, adam=(400, 100))
    assert function_1d.error(model) > 0.35


def test_poisson_1d_multiscale(capsys):
    model = poisson_1d_multiscale.main(adam=150)
    assert poisson_1d_multiscale.error(model) < 0.6
    assert wavenumber_found(capsys) == pytest.approx(50 * np.pi, rel=0.05)


def test_helmholtz_2d(capsys):
    model = helmholtz_2d.main(adam=100, lbfgs=150, per_axis=(23, 30))
    assert helmholtz_2d.error(model) < 0.3
    assert wavenumber_found(capsys) == pytest.approx(helmholtz_2d.k, rel=0.1)


def test_helmholtz_2d_inverse():
    data, ratio = helmholtz_2d_inverse.problem(per_axis=25)
    model = dde.Model(data, helmholtz_2d_inverse.network())
    helmholtz_2d_inverse.train(model, ratio, adam=100, lbfgs=150)
    found = helmholtz_2d_inverse.identified(model, ratio)
    truth = helmholtz_2d_inverse.k_true**2
    assert abs(found - truth) < 0.5 * abs(helmholtz_2d_inverse.k2_guess - truth)


def test_points_are_stratified():
    for points in (helmholtz_2d.stratified(7), helmholtz_2d_inverse.stratified(7)):
        cells = np.floor(7 * points).astype(int)
        assert len(np.unique(cells, axis=0)) == 49
    assert sorted(np.floor(9 * poisson_1d_multiscale.stratified(9)).ravel()) == list(range(9))


def test_points_are_drawn_anew_at_every_step():
    model = dde.Model(poisson_1d_multiscale.problem(600), poisson_1d_multiscale.network(RepFNN))
    seen = []

    class Watch(dde.callbacks.Callback):
        def on_batch_end(self):
            seen.append(self.model.train_state.X_train.copy())

    model.compile("adam", lr=1e-3)
    model.train(iterations=3, callbacks=[Watch(), poisson_1d_multiscale.FreshPoints()])
    assert len(seen) == 3
    assert not np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[1], seen[2])


def test_demo_prints_a_table_and_saves_a_picture(tmp_path, capsys):
    path = tmp_path / "demo.png"
    rows = demo.main(str(path), adam=20, lbfgs=10, per_axis=(8, 10))
    out = capsys.readouterr().out
    assert [name for name, *_ in rows] == ["dde.nn.FNN", "RepFNN"]
    assert path.stat().st_size > 20_000
    for name, error, _ in rows:
        assert f"{name:<12}{error:>20.1e}" in out
    assert out.count("RepFNN: domain") == 1
    assert "Training model" not in out
