"""Accuracy and time of ``deepxde_repnet.solve`` on the problems of ``examples/solve/``.

    python benchmarks/solve.py                     # every row, 5 seeds (20 where draws are counted)
    python benchmarks/solve.py --only wave_1d --seeds 2
    python benchmarks/solve.py --redo              # also what has been run before
    python benchmarks/solve.py --table             # the table again, from what has been run

``solve`` is given the problem and a tolerance, a tenth of the error asked for (the error itself for
the discs, where it is reached long before; less where there is noise, which the equations are to
hold much better than), and nothing else but a seed. Each run has a process of its own, alone, and
its time is that of the whole call in a fresh process; the error is measured at points that were
never fitted. Finished runs are kept in ``benchmarks/results/solve.json`` and not run again; the
table is written to ``docs/_tables/``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import io
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rst import list_table  # noqa: E402

TIME_LIMIT = 900  # seconds for one run, which is 15 times the longest time asked for


@dataclass(frozen=True)
class Row:
    """A line of the table.

    target_error : relative, of u, of a(x) or of k², as ``error`` of the example has it.
    target_seconds : None where no time is asked for.
    problem, error : arguments of the example's functions of these names.
    seeds : of the solver and, where there is any, of the noise.
    within : count the draws whose value is within two standard errors; ``target_error`` is then
        the smallest count per draw.
    """

    label: str
    module: str
    tol: float
    target_error: float
    target_seconds: float | None
    problem: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    seeds: int = 5
    within: bool = False


NOISY = {"num_observed": 100, "noise": 0.01}
ROWS = {
    "poisson_1d_multiscale": Row("poisson-1d-multiscale", "poisson_1d_multiscale", 1e-10, 1e-9, 2),
    "helmholtz_2d_n2": Row("helmholtz-2d, n = 2", "helmholtz_2d", 1e-10, 1e-9, 6),
    "helmholtz_2d_n4": Row(
        "helmholtz-2d, n = 4", "helmholtz_2d", 1e-8, 1e-7, 60, {"n": 4}, {"n": 4}
    ),
    "helmholtz_1_4": Row("helmholtz-1-4", "helmholtz_1_4", 1e-10, 1e-9, 15),
    "wave_1d": Row("wave-1d", "wave_1d", 1e-9, 1e-8, 20),
    "poisson_peak_2d": Row("peak, -Δu = f", "poisson_peak_2d", 1e-6, 1e-5, 15),
    "nonlinear_2d": Row("nonlinear, -Δu + u³ = f", "nonlinear_2d", 1e-7, 1e-6, 30),
    "lshape_2d": Row("L-shaped domain", "lshape_2d", 1e-6, 1e-5, 20),
    "screened_discs_2d": Row("screened, four discs", "screened_discs_2d", 1e-2, 1e-2, 30),
    "helmholtz_inverse": Row(
        "helmholtz-inverse, k² from 25 values", "helmholtz_2d_inverse", 1e-7, 1e-6, 20
    ),
    # The tolerance here has to be below what the noise does to k², or it would add to it.
    "helmholtz_inverse_noisy": Row(
        "the same, 100 values with 1% noise",
        "helmholtz_2d_inverse",
        1e-5,
        18 / 20,
        None,
        NOISY,
        seeds=20,
        within=True,
    ),
    "diffusion_inverse": Row(
        "diffusion-inverse-oscillating, a(x)", "diffusion_1d_inverse", 1e-5, 1e-4, 20
    ),
    "diffusion_inverse_noisy": Row(
        "the same, 1% noise", "diffusion_1d_inverse", 1e-3, 1e-1, 60, {"noise": 0.01}
    ),
}


def multiplication_rate(size: int = 2048, repeats: int = 3) -> float:
    """Floating-point operations per second of a product of float64 matrices in this process."""
    import torch

    a, b = torch.rand(2, size, size, dtype=torch.float64)
    seconds = []
    for _ in range(repeats + 1):  # the first wakes the threads
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds[1:])


def run_cell(name: str, seed: int) -> dict[str, Any]:
    """Solve one problem in this process."""
    import deepxde as dde

    import deepxde_repnet

    row = ROWS[name]
    with contextlib.redirect_stdout(io.StringIO()):
        dde.config.set_default_float("float64")
    dde.config.set_random_seed(seed)
    example = importlib.import_module(f"examples.solve.{row.module}")
    drawn = {"seed": seed} if "seed" in inspect.signature(example.problem).parameters else {}
    problem = example.problem(**row.problem, **drawn)
    data, unknown = problem if isinstance(problem, tuple) else (problem, None)
    options = {} if unknown is None else {"external_trainable_variables": [unknown]}

    start = time.perf_counter()
    found = deepxde_repnet.solve(data, tol=row.tol, seed=seed, verbose=0, **options)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    cell = {
        "seconds": round(seconds, 3),
        "family": found.family,
        "slope_scale": [float(s) for s in found.slope_scale],
        "features": int(found.features),
        "unknowns": int(found.unknowns),
        "equations": {part: int(count) for part, count in found.equations.items()},
        "residual": float(found.residual),
        "residual_unseen": float(found.residual_unseen),
        "error_estimate": None if found.error_estimate is None else float(found.error_estimate),
        "rank": int(found.rank),
        "converged": bool(found.converged),
        "stages": {stage: round(float(s), 3) for stage, s in found.seconds.items()},
        "peak_mb": round(memory),
    }
    if unknown is None:
        cell["error"] = float(example.error(found, **row.error))
    else:
        value = float(found.variables[0].value)
        cell["error"] = float(example.error(value))
        cell["value"], cell["standard_error"] = value, float(found.variables[0].standard_error)
        truth = example.k_true**2
        cell["within"] = bool(abs(value - truth) <= 2 * cell["standard_error"])
    floor = 2 * sum(cell["equations"].values()) * cell["unknowns"] ** 2
    rate = multiplication_rate()
    cell["gflops"] = round(rate / 1e9, 1)
    cell["over_floor"] = seconds * rate / floor
    return cell


def key(name: str, seed: int) -> str:
    """Name of a run in the results; another tolerance is another run."""
    return f"{name} | tol {ROWS[name].tol:g} | {seed}"


def seeds_of(name: str, seeds: int | None) -> range:
    return range(ROWS[name].seeds if seeds is None else seeds)


def run(names: list[str], seeds: int | None, threads: int, redo: bool) -> None:
    path = ROOT / "benchmarks" / "results" / "solve.json"
    results = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    if names:
        results["machine"] = machine(threads)
    environment = os.environ | {
        "DDE_BACKEND": "pytorch",
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": str(ROOT),
    }
    for name in names:
        for seed in seeds_of(name, seeds):
            if key(name, seed) in results["cells"] and not redo:
                continue
            command = [sys.executable, __file__, "--cell", name, str(seed)]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, env=environment, timeout=TIME_LIMIT
                )
            except subprocess.TimeoutExpired:
                result = {"failed": f"no answer in {TIME_LIMIT} s"}
            else:
                if done.returncode == 0:
                    result = json.loads(done.stdout.splitlines()[-1])
                else:
                    said = done.stderr.strip().splitlines()
                    result = {"failed": said[-1] if said else f"exit status {done.returncode}"}
            results["cells"][key(name, seed)] = result
            path.write_text(json.dumps(results, indent=1) + "\n")
            print(key(name, seed), json.dumps(result), flush=True)
    write_table(results)


def machine(threads: int) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "threads": threads,
        "python": platform.python_version(),
        "deepxde": version("deepxde"),
        "torch": version("torch"),
        "float": "float64",
    }


def choice(cell: dict[str, Any]) -> str:
    """Family and slope scale, one number where all axes have the same."""
    scales = [f"{s:.3g}" for s in cell["slope_scale"]]
    return f"{cell['family']} {scales[0] if len(set(scales)) == 1 else ' × '.join(scales)}"


def entries(name: str, cells: list[dict[str, Any]]) -> list[str]:
    """One line of the table from the runs of one row; a failed run has an infinite error."""
    row = ROWS[name]
    done = [c for c in cells if "failed" not in c]
    target = f"≤ {row.target_error:.0e}"
    if row.within:
        target = f"{row.target_error:.0%} within 2 s.e."
        shown = f"{sum(c['within'] for c in done)} of {len(cells)} within 2 s.e."
    else:
        errors = [c.get("error", float("inf")) for c in cells]
        shown = f"{statistics.median(errors):.1e} ({min(errors):.1e} to {max(errors):.1e})"
        shown = shown.replace("inf", "failed")
    line = [row.label, target, shown]
    line.append("" if row.target_seconds is None else f"{row.target_seconds:g} s")
    if not done:
        return [*line, "", "", "", ""]
    chosen = Counter(map(choice, done)).most_common()
    said = chosen[0][0]
    if len(chosen) > 1:
        said += f" ({chosen[0][1]} of {len(done)})"
    return [
        *line,
        f"{statistics.median(c['seconds'] for c in done):.1f} s",
        f"{statistics.median(c['features'] for c in done):.0f}",
        said,
        f"{statistics.median(c['over_floor'] for c in done):.3g}",
    ]


def write_table(results: dict[str, Any]) -> None:
    """Every row that has been run, for the docs."""
    head = ["Problem", "Error asked for", "Error: median (min to max)", "Time asked for", "Time"]
    rows = [[*head, "Features", "Chosen", "Time / floor"]]
    counts, rates, memory = Counter(), [], []
    for name in ROWS:
        cells = [c for k, c in results["cells"].items() if k.startswith(key(name, 0)[:-1])]
        if cells:
            rows.append(entries(name, cells))
            counts[len(cells)] += 1
            rates += [c["gflops"] for c in cells if "gflops" in c]
            memory += [c["peak_mb"] for c in cells if "peak_mb" in c]
    facts = results["machine"]
    notes = [
        "Relative L2 errors at points that were not fitted, and times of the whole call in a fresh "
        "process. Written by ``benchmarks/solve.py``, "
        f"{' or '.join(str(n) for n in sorted(counts))} seeds from 0 on; PyTorch {facts['torch']}, "
        f"DeepXDE {facts['deepxde']}, {facts['float']}, {facts['threads']} threads on a machine "
        f"with {facts['cores']} cores."
    ]
    if rates:
        notes.append(
            "The floor is 2·M·n² operations for M equations and n unknowns at the rate of a "
            f"product of float64 matrices in the same run, {statistics.median(rates):.0f} GFLOP/s "
            f"in the median. Most memory used by a run: {max(memory) / 1024:.1f} GB."
        )
    (ROOT / "docs" / "_tables" / "solve.rst").write_text(list_table(rows, " ".join(notes)))
    print("\n".join(" | ".join(row) for row in rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="NAME", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, help="run seeds 0 to SEEDS - 1")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--redo", action="store_true", help="run again what has been run")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        name, seed = arguments.cell
        print(json.dumps(run_cell(name, int(seed))))
        return
    names = [] if arguments.table else arguments.only or list(ROWS)
    run(names, arguments.seeds, arguments.threads, arguments.redo)


if __name__ == "__main__":
    main()
