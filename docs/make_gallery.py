"""Draw the gallery: run examples as they stand and save their pictures in docs/_static/.

python docs/make_gallery.py [names ...]
"""

import contextlib
import io
import sys
from pathlib import Path

import deepxde as dde
import matplotlib
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from examples.function import function_1d  # noqa: E402
from examples.operator import earthquake, records  # noqa: E402
from examples.pinn_forward import (  # noqa: E402
    allen_cahn_1d,
    burgers_1d,
    poisson_1d_multiscale,
    wave_1d,
)
from examples.pinn_inverse import diffusion_1d_inverse, helmholtz_2d_inverse  # noqa: E402

STATIC = ROOT / "docs" / "_static"
EVOLVING = {"burgers_1d": burgers_1d, "allen_cahn_1d": allen_cahn_1d}


def line(model, exact, lower, upper, path, component=0, name="u"):
    """One output of the network and its error, for a problem in one dimension."""
    x = np.linspace(lower, upper, 2001)[:, None]
    y, truth = (f(x)[:, component] for f in (model.predict, exact))
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
    above.plot(x, truth, color="0.75", lw=3, label="exact")
    above.plot(x, y, color="#0072b2", lw=1, label="RepFNN")
    above.set_ylabel(name)
    above.legend(loc="upper right")
    below.semilogy(x, np.abs(y - truth) + 1e-12, color="#d55e00", lw=0.8)
    below.set(xlabel="x", ylabel=f"|{name} - exact|")
    below.set_ylim(bottom=1e-7)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def square(model, exact, path, points):
    """Solution, observed points and error on the unit square."""
    axis = np.linspace(0, 1, 151)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    y, truth = (f.reshape(151, 151) for f in (model.predict(x), exact(x)))
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    extent = (0, 1, 0, 1)
    image = left.imshow(y, origin="lower", extent=extent, cmap="RdBu_r", vmin=-1.1, vmax=1.1)
    figure.colorbar(image, ax=left, label="u")
    left.plot(*points.T, "k+", ms=7, label="observed")
    left.legend(loc="upper right")
    image = right.imshow(np.abs(y - truth), origin="lower", extent=extent, cmap="viridis")
    figure.colorbar(image, ax=right, label="|u - exact|")
    left.set(title="solution", xlabel="x", ylabel="y")
    right.set(title="error", xlabel="x", ylabel="y")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def history(models, path, row=0):
    """Ground motion and displacement in one window of the test, predicted by several networks.

    Args:
        models: ``{label: model}``, trained by the example with seed 0.
        row: Of the test.
    """
    everything = records.load()
    record = everything[records.split(everything)[1][row]]
    window = record, earthquake.strong_motion(record)
    (ground,), (truth,) = earthquake.histories([window], "oscillator")
    colors = {"DeepONet": "#d55e00", "RepDeepONet": "#0072b2"}
    figure, (above, *below) = plt.subplots(
        1 + len(models), 1, figsize=(8, 6.5), sharex=True, layout="constrained"
    )
    above.plot(earthquake.times, ground / records.GRAVITY, color="0.3", lw=0.8)
    above.set(title=f"{record.earthquake}, {record.station}", ylabel="ground acceleration (g)")
    for axes, (label, model) in zip(below, models.items(), strict=True):
        v, t = model.data.test_x
        unit = np.abs(truth).max() / np.abs(model.data.test_y[row]).max()  # m, of the network's
        predicted = unit * model.predict((v[row : row + 1], t))[0]
        axes.plot(earthquake.times, 100 * truth, color="0.75", lw=3, label="exact")
        axes.plot(earthquake.times, 100 * predicted, color=colors[label], lw=1, label=label)
        axes.set_ylabel("displacement (cm)")
        axes.legend(loc="upper right")
    below[-1].set_xlabel("time (s)")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def evolution(model, x, truth, path):
    """Solution and error over x and t; the points are those of a grid, t slowest."""
    shape = len(np.unique(x[:, 1])), len(np.unique(x[:, 0]))
    y, truth = model.predict(x).reshape(shape), truth.reshape(shape)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    # Time to the right, x upwards.
    box = {"origin": "lower", "aspect": "auto", "extent": (*x[[0, -1], 1], *x[[0, -1], 0])}
    size = 1.05 * np.abs(truth).max()
    image = left.imshow(y.T, cmap="RdBu_r", vmin=-size, vmax=size, **box)
    figure.colorbar(image, ax=left, label="u")
    image = right.imshow(np.abs(y - truth).T, cmap="viridis", **box)
    figure.colorbar(image, ax=right, label="|u - reference|")
    left.set(title="solution", xlabel="t", ylabel="x")
    right.set(title="error", xlabel="t", ylabel="x")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def draw(name):
    dde.config.set_random_seed(0)
    path = STATIC / f"{name}.png"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if name == "function_1d":
            line(function_1d.main(), function_1d.function, -1, 1, path)
        elif name == "poisson_1d_multiscale":
            line(poisson_1d_multiscale.main(), poisson_1d_multiscale.solution, 0, 1, path)
        elif name == "earthquake":
            plain = earthquake.main(dde.nn.DeepONetCartesianProd)
            history({"DeepONet": plain, "RepDeepONet": earthquake.main()}, path)
        elif name == "diffusion_1d_inverse":
            model = diffusion_1d_inverse.main()
            line(model, diffusion_1d_inverse.solution, 0, 1, path, component=1, name="a")
        elif name == "wave_1d":
            axis = np.linspace(0, 1, 151)
            x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
            evolution(wave_1d.main(), x, wave_1d.solution(x), path)
        elif name in EVOLVING:
            evolution(EVOLVING[name].main(), *EVOLVING[name].reference(), path)
        else:
            model, _ = helmholtz_2d_inverse.main()
            points = model.data.bcs[0].points
            square(model, helmholtz_2d_inverse.solution, path, points)
    print(name, printed.getvalue().splitlines()[-1])


if __name__ == "__main__":
    every = (
        "function_1d",
        "poisson_1d_multiscale",
        "wave_1d",
        *EVOLVING,
        "helmholtz_2d_inverse",
        "diffusion_1d_inverse",
        "earthquake",
    )
    for wanted in sys.argv[1:] or every:
        draw(wanted)
