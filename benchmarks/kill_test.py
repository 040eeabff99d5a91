"""Training that is killed at random moments and resumed each time, against training that is not.

    python benchmarks/kill_test.py [--cases adam lbfgs] [--backends pytorch jax] [--kills 30]

An inverse Helmholtz problem: RepFNN, one unknown, points drawn anew every 7 steps and a decaying
learning rate with Adam; fixed points with L-BFGS. A process trains, and is ended by SIGKILL at a
random moment; every second time, at one when a file is being written. A new process resumes,
and so on. The last one is left alone, and its parameters, unknown, loss history and the file of
``VariableValue`` are compared with those of one process that was never killed. The outcome goes to
``benchmarks/results/kill_test.json`` and ``docs/_tables/kill_test.rst``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rst import write_table  # noqa: E402

EVERY = 5  # steps from one checkpoint to the next

DECAY = {
    "pytorch": ("cosine", 600, 1e-5),
    "tensorflow": ("cosine", 600, 0.01),
    "jax": ("cosine", 600, 0.01),
}
CASES = {
    "adam": ("pytorch", "tensorflow", "jax"),
    # DeepXDE has no L-BFGS on JAX, and calls no callback during it on TensorFlow.
    "lbfgs": ("pytorch",),
}


def problem(case: str, steps: int) -> tuple[Any, Any]:
    """A compiled model, and the unknown wavenumber."""
    import deepxde as dde
    import numpy as np

    from deepxde_repnet import RepFNN

    jax = dde.backend.backend_name == "jax"
    k = dde.Variable(3.0)
    square = dde.geometry.Rectangle([0, 0], [1, 1])

    def equation(x, u, k, value):
        laplacian = value(dde.grad.hessian(u, x, i=0, j=0)) + value(
            dde.grad.hessian(u, x, i=1, j=1)
        )
        return laplacian + k**2 * value(u)

    if jax:

        def pde(x, u, unknowns):
            return equation(x, u, unknowns[0], lambda pair: pair[0])
    else:

        def pde(x, u):
            return equation(x, u, k, lambda values: values)

    def exact(x):
        return np.sin(3 * x[:, :1]) * np.cos(2 * x[:, 1:])

    observed = np.random.default_rng(0).random((20, 2))
    conditions = [
        dde.icbc.DirichletBC(square, exact, lambda _, on: on),
        dde.icbc.PointSetBC(observed, exact(observed)),
    ]
    data = dde.data.PDE(square, pde, conditions, 60, 20, train_distribution="pseudo")
    model = dde.Model(data, RepFNN([2, 20, 20, 1], "tanh", "Glorot uniform"))
    if case == "adam":
        decay = DECAY[dde.backend.backend_name]
        options = {"lr": 2e-3, "decay": decay}
    else:
        dde.optimizers.set_LBFGS_options(maxiter=steps // 2)
        options = {}
    model.compile(
        "adam" if case == "adam" else "L-BFGS",
        external_trainable_variables=[k],
        verbose=0,
        **options,
    )
    return model, k


def train(case: str, folder: Path, steps: int) -> None:
    """One process: resume and train to the end, then say what came of it."""
    import deepxde as dde
    import numpy as np

    from deepxde_repnet import Checkpoint, resume
    from deepxde_repnet.train import state

    dde.config.set_random_seed(int.from_bytes(os.urandom(2), "big") if _was_here(folder) else 0)
    model, k = problem(case, steps)
    step = resume(model, folder / "run")
    callbacks = [
        Checkpoint(folder / "run", every=EVERY if case == "adam" else 2 * EVERY),
        dde.callbacks.VariableValue(k, period=9, filename=str(folder / "k.txt"), precision=9),
    ]
    if case == "adam":
        callbacks.append(dde.callbacks.PDEPointResampler(period=7))
    (folder / "begun").touch()
    iterations = steps - step if case == "adam" else None
    model.train(iterations=iterations, display_every=10, callbacks=callbacks, verbose=0)
    history = model.losshistory
    arrays = state.values(model) | {
        "history: steps": np.array(history.steps),
        "history: train": np.array(history.loss_train),
        "history: test": np.array(history.loss_test),
        "steps": np.array([model.train_state.step, model.train_state.best_step]),
        "file of VariableValue": np.frombuffer((folder / "k.txt").read_bytes(), np.uint8),
    }
    np.savez(folder / "end.tmp.npz", **arrays)
    os.replace(folder / "end.tmp.npz", folder / "end.npz")


def _was_here(folder: Path) -> bool:
    """Later processes have other random states, which resuming has to set right."""
    return (folder / "run").is_dir()


class Process:
    """A process that trains: a new one, or a fork of this one, which has imported everything."""

    def __init__(self, case: str, backend: str, folder: Path, steps: int, fork: bool) -> None:
        (folder / "begun").unlink(missing_ok=True)
        self._log = folder / "log.txt"
        self._popen = None
        if fork:
            self.pid = os.fork()
            if self.pid == 0:
                _in_child(case, folder, steps, self._log)
        else:
            environment = os.environ | {"DDE_BACKEND": backend, "OMP_NUM_THREADS": "1"}
            command = [sys.executable, __file__, "--train", case, str(folder)]
            command += ["--steps", str(steps)]
            with open(self._log, "w") as log:
                self._popen = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            self.pid = self._popen.pid
        self.status: int | None = None

    def ended(self) -> bool:
        if self.status is None:
            if self._popen is not None:
                self.status = self._popen.poll()
            else:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self.status = os.waitstatus_to_exitcode(status) if pid else None
        return self.status is not None

    def kill(self) -> None:
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        while not self.ended():
            time.sleep(0.002)

    def check(self) -> None:
        if self.status not in (0, -signal.SIGKILL):
            raise SystemExit(f"a training failed:\n{self._log.read_text()[-3000:]}")


def _in_child(case: str, folder: Path, steps: int, log: Path) -> None:
    status = 1
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        train(case, folder, steps)
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def being_written(folder: Path) -> bool:
    try:
        return any(name.endswith(".tmp") for name in os.listdir(folder / "run"))
    except FileNotFoundError:
        return False


def newest_step(folder: Path) -> int:
    names = sorted((folder / "run").glob("*.npz")) if (folder / "run").is_dir() else []
    return int(names[-1].stem.rpartition("-")[2]) if names else 0


def run(
    case: str, backend: str, kills: int, seed: int, steps: int, fork: bool = False
) -> dict[str, Any]:
    """Compare a run that is killed ``kills`` times with one that is not."""
    import numpy as np

    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        whole, cut = Path(name, "whole"), Path(name, "cut")
        whole.mkdir()
        cut.mkdir()
        process = Process(case, backend, whole, steps, fork)
        while not (process.ended() or (whole / "begun").exists()):
            time.sleep(0.001)
        start = time.perf_counter()
        process.wait()
        process.check()
        seconds = time.perf_counter() - start
        in_a_write, newest_steps = 0, []
        last = steps * 2 // 3 if case == "adam" else steps // 4
        between = seconds * EVERY / steps  # from one checkpoint to the next
        for number, wanted in enumerate(sorted(draw.randrange(last) for _ in range(kills))):
            process = Process(case, backend, cut, steps, fork)
            while not process.ended() and not (cut / "begun").exists():
                time.sleep(0.001)
            # Before the first checkpoint, too. By progress, so that all kills come before the end.
            while not process.ended() and newest_step(cut) < wanted:
                time.sleep(0.001)
            until = time.perf_counter() + draw.uniform(0, between)
            while time.perf_counter() < until and not process.ended():
                time.sleep(0.0002)
            if number % 2:
                while not process.ended() and not being_written(cut):
                    pass
            process.kill()
            process.check()
            if process.status == 0:
                raise SystemExit(f"the training was over after {number} of {kills} kills")
            in_a_write += being_written(cut)
            newest_steps.append(newest_step(cut))
        process = Process(case, backend, cut, steps, fork)
        process.wait()
        process.check()
        with np.load(whole / "end.npz") as a, np.load(cut / "end.npz") as b:
            same = [n for n in a.files if a[n].shape == b[n].shape and np.array_equal(a[n], b[n])]
            compared = [n for n in a.files if a[n].dtype.kind == "f" and a[n].shape == b[n].shape]
            largest = max(
                float(np.max(np.abs(a[n] - b[n]) / (np.abs(a[n]) + 1e-30), initial=0.0))
                if n.startswith("history")
                else float(np.max(np.abs(a[n] - b[n]), initial=0.0))
                for n in compared
            )
            different = [n for n in a.files if n not in same]
        shutil.rmtree(name, ignore_errors=True)
        Path(name).mkdir(exist_ok=True)
    return {
        "kills": len(newest_steps),
        "killed in a write": in_a_write,
        "newest checkpoints after the kills": newest_steps,
        "different": different,
        "largest difference": largest,
        "seconds of the whole run": round(seconds, 2),
        "seed": seed,
    }


def table(results: dict[str, Any]) -> None:
    rows = [["Backend", "Optimizer", "Kills", "While a file was written", "Largest difference"]]
    for key, found in results.items():
        backend, case = key.split(" ")
        difference = found["largest difference"]
        shown = "none, every bit is the same" if not found["different"] else f"{difference:.1g}"
        name = {"adam": "Adam", "lbfgs": "L-BFGS"}[case]
        kills = [str(found[wanted]) for wanted in ("kills", "killed in a write")]
        rows.append([backend, name, *kills, shown])
    notes = (
        "Parameters, the unknown, the loss history and the file of ``VariableValue`` are compared. "
        "Written by ``benchmarks/kill_test.py``."
    )
    write_table("kill_test", rows, notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--backends", nargs="+", default=["pytorch", "jax", "tensorflow"])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fork", action="store_true", help="on the backend of DDE_BACKEND")
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        train(arguments.train[0], Path(arguments.train[1]), arguments.steps)
        return
    if arguments.fork:
        import deepxde as dde

        import deepxde_repnet  # noqa: F401

        for case in arguments.cases:
            backend = dde.backend.backend_name
            found = run(case, backend, arguments.kills, arguments.seed, arguments.steps, fork=True)
            print(json.dumps(found))
        return
    path = ROOT / "benchmarks" / "results" / "kill_test.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for case in arguments.cases:
        for backend in arguments.backends:
            if backend not in CASES[case]:
                continue
            found = run(case, backend, arguments.kills, arguments.seed, arguments.steps)
            results[f"{backend} {case}"] = found
            print(backend, case, json.dumps(found), flush=True)
            path.write_text(json.dumps(results, indent=1) + "\n")
    table(results)


if __name__ == "__main__":
    main()
