"""Draw the figures of docs/instruments.rst from two short trainings, seed 0, on one thread.

python docs/make_instruments.py

DeepXDE's FNN and RepFNN fit the function of examples/function/function_1d.py for 2000 steps, and
RepFNN is trained on examples/pinn_forward/helmholtz_2d.py for 1000.
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

from deepxde_repnet import (  # noqa: E402
    FirstLayerRecorder,
    RepFNN,
    ResidualSpectrumRecorder,
    SpectrumRecorder,
    modes,
    plotting,
)
from examples.function import function_1d  # noqa: E402
from examples.pinn_forward import helmholtz_2d  # noqa: E402

STATIC = ROOT / "docs" / "_static"
NETS = {"dde.nn.FNN": dde.nn.FNN, "RepFNN": RepFNN}
WAVES = np.pi * np.array([2, 16, 50])


def trained(problem, network, recorders, iterations, *others):
    """The records of recorders in one training with Adam."""
    with contextlib.redirect_stdout(io.StringIO()):
        model = dde.Model(problem, network)
        model.compile("adam", lr=1e-3)
        model.train(iterations=iterations, callbacks=[*recorders, *others])
    return [recorder.record for recorder in recorders]


def fits():
    """Records of the function's spectrum and of its three waves, by network, and the layer's."""
    x = np.random.default_rng(0).uniform(-1, 1, (300, 1))
    found = {}
    for label, net in NETS.items():
        dde.config.set_random_seed(0)
        recorders = [
            SpectrumRecorder(modes.Grid(-1, 1, 512), function_1d.function, period=5),
            SpectrumRecorder(modes.Known(x, WAVES), function_1d.function, period=5),
        ]
        if net is RepFNN:
            recorders.append(FirstLayerRecorder(period=5))
        found[label] = trained(
            function_1d.problem(), function_1d.network(net), recorders, iterations=2000
        )
    return found


def helmholtz():
    """Records of the residual and of the first layer, for the Helmholtz equation."""
    dde.config.set_random_seed(0)
    recorders = [ResidualSpectrumRecorder(period=20), FirstLayerRecorder(period=20)]
    fresh = helmholtz_2d.FreshPoints(23)
    return trained(helmholtz_2d.problem(), helmholtz_2d.network(), recorders, 1000, fresh)


def save(figure, name):
    figure.savefig(STATIC / f"{name}.png", dpi=100)
    plt.close(figure)
    print(name)


def side_by_side(labels):
    figure, axes = plt.subplots(
        1, len(labels), figsize=(10, 3.8), sharey=True, layout="constrained"
    )
    for label, ax in zip(labels, axes, strict=True):
        ax.set_title(label)
    return figure, axes


def main():
    draw_fits(fits())
    draw_helmholtz(*helmholtz())


def draw_fits(found):
    figure, axes = side_by_side(found)
    for (spectrum, *_), ax in zip(found.values(), axes, strict=True):
        plotting.error_spectrum(spectrum, highest=200, limits=(1e-3, 1), marked=WAVES, ax=ax)
        ax.set_xscale("symlog", linthresh=20)
    save(figure, "instruments_error")

    figure, axes = side_by_side(found)
    for label, (_, waves, *_) in found.items():
        times = modes.learning_time(waves.steps, waves.error)
        print(f"{label}: steps to 1/e of the error at k = {WAVES.round(1)}: {times.round()}")
    for (_, waves, *_), ax in zip(found.values(), axes, strict=True):
        plotting.learning_curves(waves.steps, waves.error, wavenumbers=WAVES, ax=ax)
        ax.set_xscale("symlog", linthresh=20)
    save(figure, "instruments_waves")

    layer = found["RepFNN"][2]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    plotting.partition_points(layer, ax=axes[0])
    plotting.slope_histogram(layer, ax=axes[1])
    save(figure, "instruments_layer")


def draw_helmholtz(residual, layer):
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    wanted = np.hypot(helmholtz_2d.k, helmholtz_2d.k)
    plotting.error_spectrum(residual, highest=100, marked=[wanted], ax=axes[0])
    plotting.partition_points(layer, ax=axes[1])
    save(figure, "instruments_helmholtz")


if __name__ == "__main__":
    main()
