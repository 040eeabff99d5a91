"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, jax, paddle

Which wave of a function is learned when: the fit of function_1d.py, predicted and measured.

1. Networks of one hidden layer of cosines and sines, trained by gradient descent, for two
   distributions of their frequencies: there is a theory, and it says when each wave is learned.
2. Networks of three hidden layers, trained with Adam: FNN, RepFNN and FourierFNN. The theory is for
   the networks of part 1; what it says of these is only a guide.
"""

import argparse
import sys
from pathlib import Path

import deepxde as dde
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from function.function_1d import function

from deepxde_repnet import FourierFNN, RepFNN, SpectrumRecorder, dynamics, frequencies, modes

WAVES = np.pi * np.array([2, 16, 50])  # rad per unit of x, as in the function
LENGTH = 2.0  # of the interval
# Densities of the frequencies for part 1; both reach the three waves.
DENSITIES = {"narrow": frequencies.Normal(22 * np.pi), "flat": frequencies.Uniform(0, 60 * np.pi)}
# An interval of this length tells wavenumbers apart that differ by π; some 30 pairs are in such a
# piece, so that the density is met to a fifth or so.
PAIRS = 2000
# Part 1: how much of the error at the best learned wavenumber goes in a step.
SHARE = 0.02
NETS = {"FNN": dde.nn.FNN, "RepFNN": RepFNN, "FourierFNN": FourierFNN}


def problem(num_train=1000):
    return dde.data.Function(dde.geometry.Interval(-1, 1), function, num_train, 100)


def recorder(period):
    """The error of each of the three waves, every so many steps."""
    points = np.linspace(-1, 1, 401)[:, None]
    return SpectrumRecorder(modes.Known(points, WAVES), reference=function, period=period)


def rates(density, lr):
    """Part of the error of each wave that one step of gradient descent takes, predicted.

    The output layer of m pairs learns m times as fast as in the theory, where u carries the factor
    m^(-1/2), and its diffusion, which comes from the frequencies that move, is m times slower: what
    is left is the damping.
    """
    flow = dynamics.mean_square(1.0, 1, LENGTH)
    return PAIRS * lr * flow.rate(lambda k: density.density(k[:, 0]), WAVES[:, None])


def learning_rate(density):
    """With which SHARE of the error at the peak of the density goes in a step."""
    k = np.linspace(0, WAVES.max(), 1001)[:, None]
    flow = dynamics.mean_square(1.0, 1, LENGTH)
    peak = flow.rate(lambda k: density.density(k[:, 0]), k).max()
    return SHARE / (PAIRS * peak)


def one_layer(name, seed=0, iterations=2000):
    """Part 1: steps until 1/e of each wave's error is left, predicted and measured; the record."""
    density = DENSITIES[name]
    lr = learning_rate(density)
    dde.config.set_random_seed(seed)
    net = FourierFNN(
        [1, 2 * PAIRS, 1], "tanh", "zeros", frequencies=density, domain=([-1], [1]), seed=seed
    )
    record = recorder(10)
    model = dde.Model(problem(500), net)
    model.compile("sgd", lr=lr, verbose=0)
    model.train(iterations=iterations, callbacks=[record], display_every=iterations, verbose=0)
    measured = modes.learning_time(record.record.steps, record.record.error)
    return 1 / rates(density, lr), measured, record.record


def three_layers(name, seed=0, iterations=2000):
    """Part 2. Returns the record of the errors of the three waves."""
    dde.config.set_random_seed(seed)
    net = NETS[name]([1] + [100] * 3 + [1], "tanh", "Glorot uniform")
    record = recorder(5)
    model = dde.Model(problem(), net)
    model.compile("adam", lr=1e-3, verbose=0)
    model.train(iterations=iterations, callbacks=[record], display_every=iterations, verbose=0)
    return record.record


def picture(shallow, deep, path, first=600):
    """Learning curves: the two distributions with their predictions, and the three networks."""
    import matplotlib.pyplot as plt

    from deepxde_repnet import plotting

    figure, axes = plt.subplots(2, 3, figsize=(14, 8), layout="constrained")
    for ax, (name, (predicted, _, record)) in zip(axes[0], shallow.items(), strict=False):
        shown = record.steps <= first
        steps, decay = record.steps[shown], np.exp(-np.outer(record.steps[shown], 1 / predicted))
        plotting.learning_curves(
            steps, record.error[shown], wavenumbers=WAVES, predicted=decay, ax=ax
        )
        ax.set(title=f"One layer, gradient descent: {name}", ylim=(1e-5, 2))
    ax = axes[0, 2]
    k = np.linspace(0, 70 * np.pi, 500)
    for (name, density), style in zip(DENSITIES.items(), ("-", "--"), strict=True):
        ax.plot(k, density.density(k), style, label=name, color="black")
    for wave in WAVES:
        ax.axvline(wave, color="0.7", zorder=0)
    ax.set(xlabel="wavenumber (rad per unit length)", ylabel="density", title="The distributions")
    ax.legend()
    for ax, (name, record) in zip(axes[1], deep.items(), strict=True):
        plotting.learning_curves(record.steps, record.error, wavenumbers=WAVES, ax=ax)
        ax.set(title=f"Three layers, Adam: {name}", ylim=(1e-6, 2))
    for ax in (axes[0, 0], axes[0, 1], *axes[1]):
        ax.set_ylabel("error, relative to the first")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main(seed=0, iterations=2000, path="spectral_bias.png"):
    """Train all of them, print when each wave is learned, and draw it if there is a path."""
    print(f"Steps until 1/e of the error is left, waves {np.round(WAVES, 1)} rad per unit length")
    shallow = {name: one_layer(name, seed, iterations) for name in DENSITIES}
    for name, (predicted, measured, _) in shallow.items():
        print(f"one layer, {name}: predicted {np.round(predicted)}, measured {np.round(measured)}")
    deep = {name: three_layers(name, seed, iterations) for name in NETS}
    for name, record in deep.items():
        measured = modes.learning_time(record.steps, record.error)
        print(f"three layers, {name}: measured {np.round(measured)}")
    if path is not None:
        picture(shallow, deep, path)
    return shallow, deep


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Which wave of a function is learned when.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("spectral_bias.png"))
    arguments = parser.parse_args()
    main(arguments.seed, path=arguments.out)
    print(f"Picture: {arguments.out}")
