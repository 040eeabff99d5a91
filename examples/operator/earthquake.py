"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

How a structure moves in an earthquake, out of the acceleration of the ground: a DeepONet trained on
recorded ground motions (``pip install "deepxde_repnet[earthquake]"``) and tested on earthquakes
that it has not seen. Only the line that makes the network differs from a script with
``dde.nn.DeepONetCartesianProd``, whose trunk does not resolve some twenty cycles.

The map is linear in the acceleration, and so is the branch. It does not depend on when the motion
starts: each component trains it through many windows of 20 s that start at different moments, the
structure being at rest before. Every window is scaled to the same peak.
"""

import sys
from pathlib import Path

import deepxde as dde
import numpy as np

from deepxde_repnet import RepDeepONetCartesianProd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from examples.operator import records
from examples.operator.structures import frame, oscillator

duration = 20.0  # seconds of a window
step = 0.05  # seconds between the inputs of the branch, and between the times of the output
fine = 0.005  # seconds between the accelerations that the truth is computed from
structures = {"oscillator": oscillator(period=1.0), "frame": frame(period=0.7, storeys=3)}

sensors = round(duration / step)
times = step * np.arange(1, sensors + 1)[:, None]


def histories(windows, structure):
    """What windows of records are, and what they do to a structure.

    Args:
        windows: Pairs of one of ``records.load()`` and the start in seconds into it.
        structure: A name in ``structures``.

    Returns:
        The mean acceleration over each ``step`` in m/s², and the displacement at its end in m;
        both of shape (windows, sensors).
    """
    every = round(step / fine)
    ground = np.stack([records.window(record, start, duration, fine) for record, start in windows])
    between = (ground[:, 1:] + ground[:, :-1]) / 2
    mean = between.reshape(len(ground), sensors, every).mean(axis=2)
    some = np.array_split(ground, len(ground) // 200 + 1)  # all at once would take a gigabyte
    displacement = [structures[structure].displacement(part, fine) for part in some]
    return mean, np.concatenate(displacement)[:, every::every]


def training_starts(record, windows, rng):
    """Random starts: from where half of the window is before the shaking, to its last tenth."""
    first = records.arias_time(record, 0.05) - duration / 2
    return rng.uniform(first, records.arias_time(record, 0.9), windows)


def strong_motion(record):
    """Start of the one window that is tested: 1 % of the Arias intensity is released before."""
    return records.arias_time(record, 0.01)


def problem(seed=0, structure="oscillator", windows=40):
    """The split into training and test, and the windows, are those of the seed."""
    everything = records.load()
    train, test = records.split(everything, seed=seed)
    rng = np.random.default_rng(seed)
    seen = [
        (everything[i], start)
        for i in train
        for start in training_starts(everything[i], windows, rng)
    ]
    unseen = [(everything[i], strong_motion(everything[i])) for i in test]

    def scaled(chosen):
        ground, displacement = histories(chosen, structure)
        peak = np.abs(ground).max(axis=1, keepdims=True)
        return ground / peak, displacement / peak

    (v, u), (v_test, u_test) = scaled(seen), scaled(unseen)
    unit = u.std()  # displacements of order one, for the optimizer
    v, u, v_test, u_test, t = (
        array.astype(dde.config.real(np)) for array in (v, u / unit, v_test, u_test / unit, times)
    )
    return dde.data.TripleCartesianProd((v, t), u, (v_test, t), u_test)


def network(Net=RepDeepONetCartesianProd, functions=128, **options):
    """A linear branch: one layer. ``functions`` of time are the trunk's outputs."""
    return Net([sensors, functions], [1, 128, 128, functions], "tanh", "Glorot normal", **options)


def train(model, adam=(4000, 1000, 1000), batch_size=256, display_every=1000):
    for lr, iterations in zip((2e-3, 4e-4, 8e-5), adam, strict=True):
        model.compile("adam", lr=lr)
        model.train(iterations=iterations, batch_size=batch_size, display_every=display_every)


def error(model):
    """Relative L2 error of the displacement history, the mean over the unseen earthquakes."""
    data = model.data
    return dde.metrics.mean_l2_relative_error(data.test_y, model.predict(data.test_x))


def main(Net=RepDeepONetCartesianProd, seed=0, structure="oscillator", **options):
    model = dde.Model(problem(seed, structure), network(Net))
    train(model, **options)
    print(f"mean L2 relative error on unseen earthquakes: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
