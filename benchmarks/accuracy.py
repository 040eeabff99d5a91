"""Errors of dde.nn.FNN and RepFNN on the bundled problems, and the choice of RepFNN's defaults.

    python benchmarks/accuracy.py              # FNN against RepFNN, 5 seeds
    python benchmarks/accuracy.py --study inverse   # k² of Helmholtz from 25 values
    python benchmarks/accuracy.py --study defaults

Every network is trained by the example's own ``train``: same points, same optimizers, same number
of iterations, one thread for each run, two runs side by side. Finished runs are kept in
``benchmarks/results/`` and not run again; the tables are written to ``docs/_tables/``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROBLEMS = {
    "function_1d": "examples.function.function_1d",
    "poisson_1d_multiscale": "examples.pinn_forward.poisson_1d_multiscale",
    "helmholtz_2d": "examples.pinn_forward.helmholtz_2d",
}
INVERSE = {"helmholtz_2d_inverse": "examples.pinn_inverse.helmholtz_2d_inverse"}
PEERS = {"dde.nn.FNN": {"net": "FNN"}, "RepFNN": {"net": "RepFNN"}}
STUDIES = {
    "accuracy": {"problems": PROBLEMS, "error": "L2 errors", "seeds": 5, "nets": PEERS},
    "inverse": {"problems": INVERSE, "error": "errors of k²", "seeds": 5, "nets": PEERS},
    "defaults": {
        "problems": PROBLEMS,
        "error": "L2 errors",
        "seeds": 2,
        "nets": {
            "log-scale, automatic gain (default)": {"net": "RepFNN"},
            "scaled, automatic gain": {"net": "RepFNN", "parameterization": "scaled"},
            "shift, automatic gain": {"net": "RepFNN", "parameterization": "shift"},
            "log-scale, gain 1": {"net": "RepFNN", "hidden_gain": 1},
            "log-scale, gain 4": {"net": "RepFNN", "hidden_gain": 4},
        },
    },
}


def run_cell(problem: str, options: dict, seed: int) -> dict:
    """Train one network on one problem in this process."""
    import deepxde as dde

    import deepxde_repnet

    example = importlib.import_module((PROBLEMS | INVERSE)[problem])
    options = dict(options)
    name = options.pop("net")
    net_class = deepxde_repnet.RepFNN if name == "RepFNN" else dde.nn.FNN
    dde.config.set_random_seed(seed)
    printed = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(printed):
        if problem in INVERSE:
            data, unknown = example.problem()
            model = dde.Model(data, example.network(net_class, **options))
            example.train(model, unknown)
            error = abs(example.identified(model, unknown) / example.k_true**2 - 1)
        else:
            model = dde.Model(example.problem(), example.network(net_class, **options))
            example.train(model)
            error = example.error(model)
    seconds = time.perf_counter() - start
    chosen = [line for line in printed.getvalue().splitlines() if line.startswith("RepFNN:")]
    return {
        "error": float(error),
        "seconds": round(seconds, 1),
        "steps": int(model.train_state.step),
        "loss": float(sum(model.train_state.loss_train)),
        "chosen": chosen[0] if chosen else None,
    }


def key(problem: str, options: dict, seed: int) -> str:
    """Name of a run in the results; studies that share a run share its name."""
    return f"{problem} | {json.dumps(options, sort_keys=True)} | {seed}"


def run_study(study: str, jobs: int) -> None:
    spec = STUDIES[study]
    path = ROOT / "benchmarks" / "results" / "accuracy.json"
    results = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    results["machine"] = machine()
    cells = [
        (problem, label, seed)
        for problem in spec["problems"]
        for seed in range(spec["seeds"])
        for label in spec["nets"]
        if key(problem, spec["nets"][label], seed) not in results["cells"]
    ]

    def cell(job: tuple[str, str, int]) -> None:
        problem, label, seed = job
        command = [sys.executable, __file__, "--cell", problem, str(seed)]
        command.append(json.dumps(spec["nets"][label]))
        environment = os.environ | {
            "DDE_BACKEND": "pytorch",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode == 0:
            result = json.loads(done.stdout.splitlines()[-1])
        else:
            result = {"failed": done.stderr.splitlines()[-1]}
        results["cells"][key(problem, spec["nets"][label], seed)] = result
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(problem, label, seed, result, flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(cell, cells))
    write_table(study, results)


def machine() -> dict:
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "threads_per_run": 1,
        "python": platform.python_version(),
        "deepxde": version("deepxde"),
        "torch": version("torch"),
        "float": "float32",
    }


def write_table(study: str, results: dict) -> None:
    """Medians with every seed behind them, for the docs; the medians for the README too."""
    nets = STUDIES[study]["nets"]
    seeds = range(STUDIES[study]["seeds"])
    rows = [["Problem", "Network", "Median error", "Every seed", "Median time (s)"]]
    for problem in STUDIES[study]["problems"]:
        for label in nets:
            found = [results["cells"][key(problem, nets[label], seed)] for seed in seeds]
            # A run that failed counts as worse than any error, so that it moves the median.
            errors = [f.get("error", float("inf")) for f in found]
            times = [f["seconds"] for f in found if "seconds" in f]
            rows.append(
                [
                    problem.replace("_", "-"),
                    label,
                    f"{statistics.median(errors):.1e}",
                    ", ".join("failed" if e == float("inf") else f"{e:.1e}" for e in errors),
                    f"{statistics.median(times):.0f}" if times else "",
                ]
            )
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {entry}" for i, entry in enumerate(row)]
    facts = results["machine"]
    lines += [
        "",
        f"Relative {STUDIES[study]['error']}. Written by "
        f"``benchmarks/accuracy.py --study {study}``, seeds 0 to {len(seeds) - 1}; "
        f"PyTorch {facts['torch']}, DeepXDE {facts['deepxde']}, "
        f"{facts['float']}, one thread for each run on a machine with {facts['cores']} cores. "
        "The machine did other work meanwhile, more at some times than at others: to compare times "
        "see the cost of a step.",
    ]
    (ROOT / "docs" / "_tables" / f"{study}.rst").write_text("\n".join(lines) + "\n")
    print("\n".join(" | ".join(row) for row in rows))
    if study == "accuracy":
        readme = ROOT / "README.md"
        head, _, rest = readme.read_text().partition("<!-- accuracy -->\n")
        tail = rest.partition("<!-- /accuracy -->")[2]
        table = ["| problem | `dde.nn.FNN` | `RepFNN` |", "|---|---|---|"]
        for fnn, rep in zip(rows[1::2], rows[2::2], strict=True):
            table.append(f"| {fnn[0]} | {fnn[2]} | {rep[2]} |")
        marked = ["<!-- accuracy -->", *table, "<!-- /accuracy -->"]
        readme.write_text(head + "\n".join(marked) + tail)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", choices=STUDIES, default="accuracy")
    parser.add_argument("--jobs", type=int, default=2, help="runs side by side, one thread each")
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        problem, seed, options = arguments.cell
        print(json.dumps(run_cell(problem, json.loads(options), int(seed))))
        return
    run_study(arguments.study, arguments.jobs)


if __name__ == "__main__":
    main()
