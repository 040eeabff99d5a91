"""Backend supported: tensorflow.compat.v1, tensorflow, pytorch, paddle

The history of a structure's displacement in an earthquake, out of the acceleration of the ground:
a DeepONet over 100 recorded components (``pip install "deepxde_repnet[earthquake]"``), tested on
earthquakes that it was not trained on. Only the line that makes the network differs from a script
with ``dde.nn.DeepONetCartesianProd``, whose trunk does not resolve some twenty cycles.

The map is linear and so is the branch. Each component trains it through many windows that start at
different moments, the structure being at rest before; every window is scaled to the same peak.
"""

import deepxde as dde
import numpy as np

from deepxde_repnet import RepDeepONetCartesianProd
from examples.operator import records
from examples.operator.structures import frame, oscillator

duration = 20.0  # seconds of a window
step = 0.05  # between the inputs of the branch, and between the times of the output
fine = 0.005  # of the accelerations that the truth is computed from
structures = {"oscillator": oscillator(), "frame": frame()}


def example(accelerations, structure):
    """Inputs of the branch and displacements, both in units of the window's peak input.

    Args:
        accelerations: Shape (windows, duration/fine + 1), in m/s².

    Returns:
        The mean acceleration over each ``step``, shape (windows, duration/step), of peak 1; the
        displacement at its end, in m per m/s², of the same shape.
    """
    every = round(step / fine)
    mean = (accelerations[:, 1:] + accelerations[:, :-1]) / 2
    v = mean.reshape(len(mean), -1, every).mean(axis=2)
    u = structure.displacement(accelerations, fine)[:, every::every]
    peak = np.abs(v).max(axis=1, keepdims=True)
    return v / peak, u / peak


def problem(seed=0, structure="oscillator", windows=40):
    rng = np.random.default_rng(seed)
    all_records = records.load()
    train, test = records.split(all_records, seed=seed)

    def starts_at(record):
        earliest = records.arias_time(record, 0.05) - duration / 2
        return rng.uniform(earliest, records.arias_time(record, 0.9), windows)

    seen = [
        records.window(all_records[i], start, duration, fine)
        for i in train
        for start in starts_at(all_records[i])
    ]
    unseen = [
        records.window(all_records[i], records.arias_time(all_records[i], 0.01), duration, fine)
        for i in test
    ]
    (v, u), (v_test, u_test) = (example(np.array(a), structures[structure]) for a in (seen, unseen))
    times = step * np.arange(1, round(duration / step) + 1)[:, None]
    unit = u.std()  # displacements of order one, for the optimizer
    as_float = dde.config.real(np)
    return dde.data.TripleCartesianProd(
        (v.astype(as_float), times.astype(as_float)),
        (u / unit).astype(as_float),
        (v_test.astype(as_float), times.astype(as_float)),
        (u_test / unit).astype(as_float),
    )


def network(Net=RepDeepONetCartesianProd, functions=128, **options):
    sensors = round(duration / step)
    return Net([sensors, functions], [1, 128, 128, functions], "tanh", "Glorot normal", **options)


def train(model, adam=(4000, 1000), batch_size=256, display_every=1000):
    for lr, iterations in zip((2e-3, 2e-4), adam, strict=True):
        model.compile("adam", lr=lr)
        model.train(iterations=iterations, batch_size=batch_size, display_every=display_every)


def error(model):
    """Mean relative L2 error of the displacement histories of the unseen earthquakes."""
    data = model.data
    return dde.metrics.mean_l2_relative_error(data.test_y, model.predict(data.test_x))


def main(Net=RepDeepONetCartesianProd, seed=0, structure="oscillator", **options):
    model = dde.Model(problem(seed, structure), network(Net))
    train(model, **options)
    print(f"mean L2 relative error on unseen earthquakes: {error(model):.2e}")
    return model


if __name__ == "__main__":
    main()
