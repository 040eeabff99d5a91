"""Every example runs and learns on a small budget; what the full one gives is in the docs."""

import deepxde as dde
import numpy as np
import pytest
from deepxde.optimizers.config import LBFGS_options

from deepxde_repnet import RepFNN
from examples import demo, spectral_bias
from examples.function import function_1d, function_4d
from examples.pinn_forward import (
    allen_cahn_1d,
    burgers_1d,
    helmholtz_2d,
    poisson_1d_multiscale,
    wave_1d,
)
from examples.pinn_inverse import diffusion_1d_inverse, helmholtz_2d_inverse


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


def test_function_4d(capsys):
    model = function_4d.main(adam=(200, 50), batch_size=500)
    assert function_4d.error(model) < 0.6
    assert model.train_state.X_train.shape == (500, 4)


def test_function_4d_takes_every_point_once_in_an_epoch():
    data = function_4d.problem(num_train=60)
    everything, values = data.train_next_batch()
    assert len(everything) == 60 and np.array_equal(function_4d.function(everything), values)
    batches = [data.train_next_batch(20) for _ in range(3)]
    seen = np.concatenate([x for x, _ in batches])
    assert np.array_equal(np.unique(seen, axis=0), np.unique(everything, axis=0))
    for x, y in batches:
        assert np.array_equal(function_4d.function(x), y)


def test_poisson_1d_multiscale(capsys):
    # With a third as many iterations single runs scatter from 0.4 to 2.
    model = poisson_1d_multiscale.main(adam=500)
    assert poisson_1d_multiscale.error(model) < 0.6
    assert wavenumber_found(capsys) == pytest.approx(50 * np.pi, rel=0.05)


def test_helmholtz_2d(capsys):
    model = helmholtz_2d.main(adam=100, lbfgs=150, per_axis=(23, 30))
    assert helmholtz_2d.error(model) < 0.3
    assert wavenumber_found(capsys) == pytest.approx(helmholtz_2d.k, rel=0.1)


def test_helmholtz_2d_takes_its_wavenumber(capsys):
    model = dde.Model(helmholtz_2d.problem(n=1), helmholtz_2d.network())
    helmholtz_2d.train(model, adam=20, lbfgs=60, per_axis=(15, 20))
    assert helmholtz_2d.error(model, n=1) < 0.3
    assert wavenumber_found(capsys) == pytest.approx(2 * np.pi, rel=0.1)


def test_wave_1d(capsys):
    model = wave_1d.main(adam=200, lbfgs=150, per_axis=(20, 25))
    assert wave_1d.error(model) < 0.5
    # Of the initial data along x; nothing says that time is faster.
    assert wavenumber_found(capsys) == pytest.approx(4 * np.pi, rel=0.05)


@pytest.mark.parametrize(("example", "largest"), [(burgers_1d, 0.35), (allen_cahn_1d, 0.6)])
def test_burgers_and_allen_cahn(example, largest):
    model = example.main(adam=100, lbfgs=(70, 70), num=(300, 400))
    assert example.error(model) < largest
    assert len(model.data.train_x_all) == 400


def test_adaptive_points_are_where_the_residual_is_large():
    class Known:
        """A residual of 9 in one tenth of the domain and of 1 elsewhere."""

        def predict(self, x, operator):
            assert operator is burgers_1d.pde
            return np.where(x[:, 0:1] < -0.8, -9.0, 1.0)

    x = burgers_1d.adaptive(Known(), 1000)
    assert len(np.unique(x, axis=0)) == 1000
    assert (np.abs(x) <= 1).all() and (x[:, 1] >= 0).all()
    # Of the weights r/mean(r) + 1 = 6 and 14/9; without replacement they even out a little.
    assert 0.24 < np.mean(x[:, 0] < -0.8) < 0.34


def test_adaptive_points_are_drawn_once_in_a_period():
    model = dde.Model(burgers_1d.problem(), burgers_1d.network())
    seen = []

    class Watch(dde.callbacks.Callback):
        def on_batch_end(self):
            seen.append(self.model.train_state.X_train.copy())

    model.compile("adam", lr=1e-3)
    model.train(iterations=4, callbacks=[Watch(), burgers_1d.AdaptivePoints(50, period=2)])
    first, second, third, last = seen
    assert len(first) == 400 and np.array_equal(first, second)
    assert len(third) == 50 and np.array_equal(third, last)


def test_diffusion_1d_inverse():
    model = diffusion_1d_inverse.main(adam=300, lbfgs=150, num=(100, 300))
    # A constant coefficient is off by 0.33.
    assert diffusion_1d_inverse.error(model) < 0.2


def test_helmholtz_2d_inverse():
    data, ratio = helmholtz_2d_inverse.problem(per_axis=25)
    model = dde.Model(data, helmholtz_2d_inverse.network())
    helmholtz_2d_inverse.train(model, ratio, adam=100, lbfgs=150)
    found = helmholtz_2d_inverse.identified(model, ratio)
    truth = helmholtz_2d_inverse.k_true**2
    assert abs(found - truth) < 0.5 * abs(helmholtz_2d_inverse.k2_guess - truth)


def test_points_are_stratified():
    square = [example.stratified(7) for example in (helmholtz_2d, helmholtz_2d_inverse, wave_1d)]
    symmetric = [example.stratified(7, 7) for example in (burgers_1d, allen_cahn_1d)]
    for points in (*square, *((x + [1, 0]) / [2, 1] for x in symmetric)):
        cells = np.floor(7 * points).astype(int)
        assert len(np.unique(cells, axis=0)) == 49
    for example in (poisson_1d_multiscale, diffusion_1d_inverse):
        assert sorted(np.floor(9 * example.stratified(9)).ravel()) == list(range(9))


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


def test_spectral_bias(monkeypatch, tmp_path, capsys):
    """With one layer the prediction holds: a flat density learns all waves, a narrow one two."""
    monkeypatch.setattr(spectral_bias, "PAIRS", 600)
    shallow, deep = spectral_bias.main(iterations=150, path=tmp_path / "bias.png")
    predicted, measured, record = shallow["flat"]
    np.testing.assert_allclose(predicted, 50, rtol=1e-6)
    assert (np.abs(measured - 50) < 30).all()
    predicted, measured, _ = shallow["narrow"]
    assert predicted[0] == pytest.approx(50, rel=0.01)
    assert predicted[2] / predicted[0] == pytest.approx(np.exp((50**2 - 2**2) / 2 / 22**2))
    assert (measured[:2] < 100).all() and np.isinf(measured[2])
    assert list(deep) == ["FNN", "RepFNN", "FourierFNN"]
    last = {name: np.abs(record.error[-1] / record.error[0]) for name, record in deep.items()}
    assert last["FNN"][1] > 0.9 and last["RepFNN"][1] < 0.2 and last["FourierFNN"][1] < 0.2
    assert (tmp_path / "bias.png").stat().st_size > 20_000
    assert "one layer, flat: predicted [50. 50. 50.]" in capsys.readouterr().out
