"""Pictures show the numbers that they are given, with labels and units."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh

from deepxde_repnet import modes, plotting
from deepxde_repnet.records import FirstLayerRecord, SpectrumRecord

STEPS = np.array([0, 10, 20, 40])


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def spectrum(shape, quantity="solution"):
    grid = modes.Grid([0.0] * len(shape), [1.0] * len(shape), shape)
    decay = np.exp(-np.outer(STEPS, 1 / (1 + np.linalg.norm(grid.wavenumbers, axis=1))))
    return SpectrumRecord(
        STEPS,
        STEPS * 1.0,
        STEPS * 0.0,
        decay * (1 + 0j),
        grid.wavenumbers,
        grid.bandwidth,
        quantity,
        reference=np.zeros(len(grid.wavenumbers), complex),
    )


def layer(dim, n=6):
    rng = np.random.default_rng(0)
    partition = rng.uniform(-1, 1, (1, n, dim)) + 0.001 * STEPS[:, None, None]
    slopes = np.exp(rng.standard_normal((1, n, dim))) * (1 + STEPS[:, None, None])
    lower, upper = -np.ones(dim), 2 * np.ones(dim)
    return FirstLayerRecord(STEPS, STEPS * 1.0, STEPS * 0.0, slopes, partition, lower, upper)


def mesh(ax):
    (found,) = [c for c in ax.collections if isinstance(c, QuadMesh)]
    return found


def shown(ax, record):
    """What the mesh shows, (wavenumbers, steps); flat before Matplotlib 3.8."""
    return np.reshape(mesh(ax).get_array(), (-1, len(record.error)))


def colorbar_label(ax):
    return [other.get_ylabel() for other in ax.figure.axes if other is not ax]


def test_error_spectrum_in_one_dimension():
    record = spectrum([16])
    ax = plotting.error_spectrum(record, highest=40, marked=[2 * np.pi, 99])
    assert ax.get_xlabel() == "training steps"
    assert ax.get_ylabel() == "wavenumber k (rad per unit)"
    assert colorbar_label(ax) == ["amplitude of the error"]
    np.testing.assert_allclose(shown(ax, record), np.maximum(np.abs(record.error).T, 1e-3))
    assert ax.get_ylim() == (0, 40) and ax.get_xlim() == (0, 40)
    assert len(ax.texts) == 1  # the arrow that is within the picture
    ax.figure.canvas.draw()


def test_error_spectrum_of_a_residual_in_two_dimensions():
    """Waves of one length are put together; the ends of the colours are those given."""
    record = spectrum([12, 12], "residual")
    _, given = plt.subplots()
    ax = plotting.error_spectrum(record, limits=(1e-2, 10), ax=given)
    assert ax is given
    assert ax.get_ylabel() == "wavenumber |k| (rad per unit)"
    assert colorbar_label(ax) == ["amplitude of the residual"]
    power = np.sum(shown(ax, record) ** 2, axis=0)
    expected = np.sum(np.abs(record.error) ** 2, axis=1) / record.bandwidth
    np.testing.assert_allclose(power, expected, rtol=1e-3)
    assert mesh(ax).get_clim() == (1e-2, 10)


def test_error_spectrum_shows_a_training_that_diverged():
    record = spectrum([16])
    record.amplitudes[2:] = np.nan
    ax = plotting.error_spectrum(record)
    assert np.isfinite(mesh(ax).get_clim()).all()
    ax.figure.canvas.draw()


def test_learning_curves_measured_and_predicted():
    rates, k = np.array([0.3, 0.05]), [[3.0, 4.0], [20.0, 0.0]]
    t = np.linspace(0, 10, 21)
    measured = 2 * np.exp(-np.outer(STEPS, rates)) * 1j
    ax = plotting.learning_curves(
        STEPS, measured, wavenumbers=k, predicted=np.exp(-np.outer(t, rates)), predicted_steps=t
    )
    curves = [line for line in ax.lines if len(line.get_xdata())]
    np.testing.assert_allclose(curves[0].get_ydata(), np.exp(-rates[0] * STEPS))
    np.testing.assert_allclose(curves[3].get_ydata(), np.exp(-rates[1] * t))
    assert curves[0].get_color() == curves[1].get_color() != curves[2].get_color()
    assert curves[1].get_linestyle() != curves[3].get_linestyle()
    assert {text.get_text() for text in ax.texts} == {"k = 3, 4", "k = 20, 0"}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["measured", "predicted"]
    assert "rad per unit" in ax.get_ylabel() and ax.get_yscale() == "log"


def test_labels_of_curves_that_end_together_are_apart():
    errors = np.ones((4, 3)) * [1, 1.001, 1.002]
    ax = plotting.learning_curves(STEPS, errors, relative=False)
    ax.figure.canvas.draw()
    heights = [text.get_window_extent() for text in ax.texts]
    assert [text.get_text() for text in ax.texts] == ["mode 1", "mode 2", "mode 3"]
    assert all(a.y1 <= b.y0 + 1 for a, b in zip(heights, heights[1:], strict=False))


def test_partition_points_in_one_dimension():
    record = layer(1)
    ax = plotting.partition_points(record)
    (lines,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    paths = np.array([path.vertices for path in lines.get_paths()])
    np.testing.assert_allclose(paths[:, :, 0], record.partition[:, :, 0].T)
    np.testing.assert_allclose(lines.get_array(), record.steepness[-1])
    assert ax.get_ylim() == (40, 0)
    assert [line.get_xdata()[0] for line in ax.lines] == [-1, 2]  # the domain
    assert colorbar_label(ax) == ["slope |w| at the end (1 per unit)"]


def test_partition_points_in_two_dimensions():
    record = layer(2)
    ax = plotting.partition_points(record)
    before, after = ax.lines
    np.testing.assert_allclose(np.column_stack(before.get_data()), record.partition[0])
    np.testing.assert_allclose(np.column_stack(after.get_data()), record.partition[-1])
    strokes = np.array([path.vertices for path in ax.collections[0].get_paths()])
    along = strokes[:, 1] - strokes[:, 0]
    across = np.sum(along * record.slopes[-1], axis=1) / record.steepness[-1]
    assert np.abs(across).max() < 1e-12  # the neuron is the same all along its stroke
    np.testing.assert_allclose(strokes.mean(axis=1), record.partition[-1])


def test_slope_histogram():
    record = layer(2, n=50)
    ax = plotting.slope_histogram(record, bins=8)
    heights = [patch.get_height() for patch in ax.patches[:8]]
    assert sum(heights) == 50
    medians = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
    np.testing.assert_allclose(medians, np.median(record.steepness[[0, -1]], axis=1))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "step 0",
        "step 40",
        "medians",
    ]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plotting.partition_points(layer(3)), "one or two dimensions"),
        (lambda: plotting.learning_curves(STEPS, np.ones(4)), "errors \\(T, M\\)"),
        (
            lambda: plotting.learning_curves(STEPS, np.ones((4, 2)), predicted=np.ones((4, 3))),
            "predicted must be \\(4, 2\\)",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_the_package_does_not_import_matplotlib():
    """Which takes a second that only those who draw should wait."""
    package = Path(plotting.__file__).with_name("__init__.py").read_text("utf-8")
    assert "plotting" not in package
