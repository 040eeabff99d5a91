"""What the recorders add to the time of a training, at the period that they choose, per backend.

    python benchmarks/instruments.py [--backends pytorch jax ...]

All three recorders are given to one ``Model.train``, without a period and with files, for two
problems: a fit whose steps are cheap (examples/function/function_1d.py, 1000 points) and an
equation (examples/pinn_forward/helmholtz_2d.py, 2500 points). A clock around each call of a
recorder, outside of it, gives what it takes; steps that were asked for and are still running are
waited for before the clock starts. The share is the sum from the first step to the end over the
time of the training without it, and the same of the processor's time, which hardly depends on what
else the machine is doing. What a recorder does before the first step, when some backends compile
and files are opened, is kept apart: it does not depend on the length of the training. Seed 0, one
thread. The table goes to ``docs/_tables/instruments.rst``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.processes import in_own_process  # noqa: E402
from benchmarks.rst import list_table  # noqa: E402

BACKENDS = ("pytorch", "tensorflow", "tensorflow.compat.v1", "jax", "paddle")
PROBLEMS = {"function_1d": "fit, 1000 points", "helmholtz_2d": "equation, 2500 points"}
STEPS = {"function_1d": 1500, "helmholtz_2d": 400}
RECORDERS = {
    "SpectrumRecorder": "solution",
    "ResidualSpectrumRecorder": "residual",
    "FirstLayerRecorder": "first layer",
}
RESULTS = ROOT / "benchmarks" / "results" / "instruments.json"
TABLE = ROOT / "docs" / "_tables" / "instruments.rst"


def prepared(name: str, folder: Path):
    """A compiled model and the recorders that apply to it."""
    import deepxde as dde

    import deepxde_repnet as repnet
    from examples.function import function_1d
    from examples.pinn_forward import helmholtz_2d

    dde.config.set_random_seed(0)
    if name == "function_1d":
        data, net, solution = function_1d.problem(), function_1d.network(), function_1d.function
    else:
        data, net = helmholtz_2d.problem(per_axis=50), helmholtz_2d.network()
        solution = helmholtz_2d.solution
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-3, verbose=0)
    recorders = [
        repnet.SpectrumRecorder(reference=solution, file=folder / "solution.rec"),
        repnet.FirstLayerRecorder(file=folder / "layer.rec"),
    ]
    if name == "helmholtz_2d":
        recorders.insert(1, repnet.ResidualSpectrumRecorder(file=folder / "residual.rec"))
    return model, recorders


def measure(name: str) -> dict:
    """Times of one training, in this process and on its backend."""
    import deepxde as dde
    import numpy as np

    from deepxde_repnet import _host

    def clocks():
        """Seconds on the wall and of the processor, (2,)."""
        return np.array([time.perf_counter(), time.process_time()])

    class Clocked(dde.callbacks.Callback):
        """A callback with a clock around it."""

        def __init__(self, inner):
            super().__init__()
            self.inner = inner
            self.spent = np.zeros(2)  # wall and processor

        def init(self):
            self.inner.set_model(self.model)

        def clocked(self, call):
            _host.synchronize(self.model)
            start = clocks()
            call()
            self.spent += clocks() - start

        def on_train_begin(self):
            self.clocked(self.inner.on_train_begin)
            self.start, self.spent = self.spent, np.zeros(2)

        def on_epoch_end(self):
            self.clocked(self.inner.on_epoch_end)

        def on_train_end(self):
            self.clocked(self.inner.on_train_end)

    steps = STEPS[name]
    with tempfile.TemporaryDirectory() as folder:
        model, recorders = prepared(name, Path(folder))
        model.train(iterations=5, display_every=10**9, verbose=0)  # what DeepXDE compiles
        clocked = [Clocked(recorder) for recorder in recorders]
        start = clocks()
        model.train(iterations=steps, display_every=10**9, callbacks=clocked, verbose=0)
        _host.synchronize(model)
        whole = clocks() - start
    training = whole - sum(c.spent + c.start for c in clocked)
    return {
        "steps": steps,
        "step_ms": 1e3 * training[0] / steps,
        "share": sum(c.spent for c in clocked)[0] / training[0],
        "start_seconds": sum(c.start for c in clocked)[0],
        "processor_share": sum(c.spent for c in clocked)[1] / training[1],
        "recorders": {
            type(c.inner).__name__: {
                "ms": 1e3 * c.inner.seconds_per_record,
                "period": c.inner.period,
                "records": len(c.inner.record.steps),
                "share": c.spent[0] / training[0],
                "start_seconds": c.start[0],
            }
            for c in clocked
        },
    }


def table(results: dict) -> str:
    """The table of the documentation."""
    rows = [
        ["Backend", "Problem", "Step (ms)"]
        + [f"{name.capitalize()} (ms)" for name in RECORDERS.values()]
        + ["Chosen periods", "All together", "Processor", "Start (s)"]
    ]
    for backend in BACKENDS:
        for name, label in PROBLEMS.items():
            cell = results.get(backend, {}).get(name)
            if cell is None:
                continue
            found = [cell["recorders"].get(kind) for kind in RECORDERS]
            rows.append(
                [backend, label, f"{cell['step_ms']:.1f}"]
                + ["–" if r is None else f"{r['ms']:.2g}" for r in found]
                + [
                    ", ".join("–" if r is None else str(r["period"]) for r in found),
                    f"{100 * cell['share']:.2f} %",
                    f"{100 * cell['processor_share']:.2f} %",
                    f"{cell['start_seconds']:.1f}",
                ]
            )
    steps = " and ".join(f"{STEPS[name]} ({label})" for name, label in PROBLEMS.items())
    notes = (
        f"One training with Adam for each row, of {steps} steps, seed 0: a measurement in ms, the "
        "periods of the three recorders at the end, in steps, what they together add to the time "
        "of the training and to that of the processor, and what they take once before it. "
        "Written by ``benchmarks/instruments.py``."
    )
    return list_table(rows, notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--here", choices=PROBLEMS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.here)))
        return
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for backend in arguments.backends:
        for name in PROBLEMS:
            cell = in_own_process(__file__, backend, name, OMP_NUM_THREADS="1")
            results.setdefault(backend, {})[name] = cell
            print(backend, name, cell, flush=True)
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
            TABLE.write_text(table(results))


if __name__ == "__main__":
    main()
