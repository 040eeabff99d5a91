"""Other libraries on the same problems, on the same machine, in the same run.

    make peers                                      # their environments, once
    python -m benchmarks.libraries.run              # all tables, 5 seeds
    python -m benchmarks.libraries.run --only step "PINA" --seeds 1
    python -m benchmarks.libraries.run --tiny       # a small budget, into a temporary folder
    python -m benchmarks.libraries.run --table      # the tables again, from what has been run

Three tables: ``reach``, when training with each library reaches an error; ``step``, what a step
costs on an identical network; ``fastlsq``, solutions by least squares. Each run has a process of
its own in its library's environment and one core, alone; the libraries take turns, seed by seed.
Finished runs are kept in ``benchmarks/results/libraries.json`` and not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.libraries import environments, lines
from benchmarks.libraries.problems import PROBLEMS, TARGETS, TRAINED
from benchmarks.rst import list_table

ROOT = Path(__file__).resolve().parent.parent.parent
SEEDS = 5
BUDGET = 120.0  # seconds of training
ITERATIONS = 1000  # of which a step's cost is taken
TIME_LIMIT = 3600  # seconds for one run: fastlsq's search with Newton's method takes longest
MODULES = {
    "DeepXDE": "deepxde_pinn",
    "jinns": "jinns_pinn",
    "pina": "pina_pinn",
    "fastlsq": "fastlsq_solve",
}
#: Methods of fastlsq's problems that only its search for a scale calls.
SEARCH_ONLY = ("exact", "exact_grad", "get_test_points")


@dataclass(frozen=True)
class Entry:
    """A line of a table for each problem.

    library : in whose environment it runs; DeepXDE's is the one that runs this file.
    options : of the cell.
    real : float that it computes in.
    after : entry that must have run before, with the same seed, for its scale.
    once : the result does not depend on the seed.
    """

    library: str
    options: dict[str, Any] = field(default_factory=dict)
    real: str = "float32"
    after: str | None = None
    once: bool = False


TABLES = {
    "reach": {
        "jinns, natural gradient": Entry("jinns", {"optimizer": "natural gradient"}, "float64"),
        "jinns, SSBroyden": Entry("jinns", {"optimizer": "SSBroyden"}, "float64"),
        "PINA, Fourier features": Entry("pina"),
        "DeepXDE, FNN": Entry("DeepXDE", {"net": "FNN"}),
        "DeepXDE, RepFNN": Entry("DeepXDE", {"net": "RepFNN"}),
        "deepxde_repnet.solve": Entry("DeepXDE", {"net": "solve"}, "float64"),
    },
    "step": {
        "jinns": Entry("jinns"),
        "PINA": Entry("pina"),
        "DeepXDE, FNN": Entry("DeepXDE", {"net": "FNN"}),
        "DeepXDE, RepFNN": Entry("DeepXDE", {"net": "RepFNN"}),
    },
    "fastlsq": {
        "search": Entry("fastlsq", {"entry": "search"}, "float64", once=True),
        "fastlsq, automatic scale": Entry("fastlsq", {"entry": "solve"}, "float64", after="search"),
        "deepxde_repnet.solve": Entry("DeepXDE", {}, "float64"),
        "fastlsq, our scale": Entry(
            "fastlsq", {"entry": "solve"}, "float64", after="deepxde_repnet.solve"
        ),
    },
}


@dataclass(frozen=True)
class Cell:
    table: str
    problem: str
    entry: str
    seed: int

    @property
    def key(self) -> str:
        """Name of a run in the results."""
        return f"{self.table} | {self.problem} | {self.entry} | {self.seed}"

    @property
    def kind(self) -> Entry:
        return TABLES[self.table][self.entry]

    def before(self) -> Cell | None:
        """The run that this one takes its scale from."""
        name = self.kind.after
        if name is None:
            return None
        seed = 0 if TABLES[self.table][name].once else self.seed
        return Cell(self.table, self.problem, name, seed)


def problems_of(table: str) -> tuple[str, ...]:
    return tuple(PROBLEMS) if table == "fastlsq" else TRAINED


def cells(seeds: int, only: list[str], problems: list[str]) -> Iterator[Cell]:
    """All runs asked for, the libraries in turn; ``only`` names tables and entries."""
    tables = [table for table in TABLES if table in only] or list(TABLES)
    entries = [name for name in only if name not in TABLES]
    for table in tables:
        for seed in range(seeds):
            for problem in problems_of(table):
                if problems and problem not in problems:
                    continue
                for name, entry in TABLES[table].items():
                    wanted = not entries or name in entries
                    if wanted and not (entry.once and seed > 0):
                        yield Cell(table, problem, name, seed)


def python_of(library: str) -> str:
    """The interpreter that a library's runs are started with."""
    return sys.executable if library == "DeepXDE" else str(environments.python_of(library))


def spec(cell: Cell, done: dict[str, Any], tiny: bool) -> dict[str, Any]:
    """What the run is told; a KeyError where the scale it needs was not found."""
    told = {"table": cell.table, "problem": cell.problem, "seed": cell.seed, **cell.kind.options}
    told |= {"budget": 1.0 if tiny else BUDGET, "iterations": 5 if tiny else ITERATIONS}
    if tiny:
        told |= {"trials": 1, "scales": [5.0]}
    before = cell.before()
    if before is not None:
        told["scale"] = done[before.key]["scale"]
    return told


def run_cell(cell: Cell, done: dict[str, Any], tiny: bool = False) -> dict[str, Any]:
    """The run's result, or why there is none."""
    try:
        told = spec(cell, done, tiny)
    except KeyError:
        return {"failed": f"no scale: '{cell.kind.after}' has not given one"}
    command = [
        python_of(cell.kind.library),
        "-m",
        f"benchmarks.libraries.{MODULES[cell.kind.library]}",
        json.dumps(told),
    ]
    environment = os.environ | {
        "DDE_BACKEND": "pytorch",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=TIME_LIMIT, cwd=ROOT
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"no answer in {TIME_LIMIT} s"}
    # The libraries print too, after the result as well: jinns from the compiled loop.
    said = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    if ended.returncode == 0 and said:
        return json.loads(said[-1])
    errors = ended.stderr.strip().splitlines()
    return {"failed": errors[-1] if errors else f"exit status {ended.returncode}"}


def machine() -> dict[str, Any]:
    pinned = {name: environments.pins(name) for name in environments.LIBRARIES}
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "budget": BUDGET,
        "iterations": ITERATIONS,
        "jinns": pinned["jinns"]["jinns"],
        "jax": pinned["jinns"]["jax"],
        "pina": pinned["pina"]["pina-mathlab"],
        "fastlsq": pinned["fastlsq"]["fastlsq"],
        "torch": version("torch").split("+")[0],
        "deepxde": version("deepxde"),
    }


def run(wanted: list[Cell], output: Path, redo: bool, tiny: bool) -> None:
    """Run what has not been run, keep each result at once, and write the tables."""
    path = output / "benchmarks" / "results" / "libraries.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    results = json.loads(path.read_text()) if path.exists() else {"cells": {}}
    done = results["cells"]
    waiting = [cell for cell in wanted if redo or cell.key not in done]
    libraries = dict.fromkeys(c.kind.library for c in waiting if c.kind.library != "DeepXDE")
    if message := environments.missing(list(libraries)):
        sys.exit(message)
    if waiting:
        results["machine"] = machine()
    for cell in waiting:
        done[cell.key] = run_cell(cell, done, tiny)
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(cell.key, json.dumps(done[cell.key]), flush=True)
    write_tables(results, output)


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """Median and range, or the one value."""
    if len(values) == 1:
        return form(values[0])
    return f"{form(statistics.median(values))} ({form(min(values))} to {form(max(values))})"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def errors(runs: list[dict[str, Any]]) -> str:
    """Median and range; a run that failed or diverged is infinitely wrong, and named."""
    values = [r["error"] if r.get("error") is not None else float("inf") for r in runs]
    word = "failed" if any("failed" in r for r in runs) else "diverged"
    return spread(values, lambda e: f"{e:.1e}").replace("inf", word)


def runs_of(results: dict[str, Any], table: str, problem: str, entry: str) -> list[dict[str, Any]]:
    """Results of all seeds that have been run, in order."""
    kept = results["cells"]
    found = []
    while (key := Cell(table, problem, entry, len(found)).key) in kept:
        found.append(kept[key])
    return found


def when(runs: list[dict[str, Any]], target: float) -> str:
    """Times at which an error was reached, over the runs that reached it."""
    times = [r["reached"][f"{target:.0e}"] for r in runs if "failed" not in r]
    times = [t for t in times if t is not None]
    if not times:
        return "not reached"
    reached = spread(times, seconds)
    return reached if len(times) == len(runs) else f"{len(times)} of {len(runs)}: {reached}"


def rows_reach(results: dict[str, Any]) -> list[list[str]]:
    targets = [f"{target:.0e}" for target in TARGETS]
    rows = [["Problem", "Set-up", "Float", *targets, "First step after", "Error at the end"]]
    for problem in TRAINED:
        for name, entry in TABLES["reach"].items():
            runs = runs_of(results, "reach", problem, name)
            if runs:
                firsts = [r["first_step"] for r in runs if "failed" not in r]
                reached = [when(runs, target) for target in TARGETS]
                first = spread(firsts, seconds) if firsts and name in TRAINING else ""
                line = [PROBLEMS[problem].label, name, entry.real, *reached, first, errors(runs)]
                rows.append(line)
    return rows


#: ``solve`` has no steps.
TRAINING = tuple(name for name in TABLES["reach"] if name != "deepxde_repnet.solve")


def rows_step(results: dict[str, Any]) -> list[list[str]]:
    rows = [["Problem", "Library", "1000 iterations", "Over DeepXDE's FNN", "First step after"]]
    for problem in TRAINED:
        fnn = runs_of(results, "step", problem, "DeepXDE, FNN")
        base = [r["per_1000"] for r in fnn if "failed" not in r]
        for name in TABLES["step"]:
            runs = runs_of(results, "step", problem, name)
            done = [r for r in runs if "failed" not in r]
            if not runs:
                continue
            line = [PROBLEMS[problem].label, name, "failed", "", ""]
            if done:
                costs = [r["per_1000"] for r in done]
                line[2] = spread(costs, seconds)
                if len(done) < len(runs):
                    line[2] += f", {len(runs) - len(done)} failed"
                if base:
                    line[3] = f"{statistics.median(costs) / statistics.median(base):.2f}"
                line[4] = spread([r["first_step"] for r in done], seconds)
            rows.append(line)
    return rows


def written(problem: str, entry: str) -> int:
    """Lines of the user's code."""
    here = Path(__file__).resolve().parent
    if entry == "deepxde_repnet.solve":
        home = here if problem == "layer_2d" else ROOT / "examples" / "solve"
        return lines.count(home / f"{problem}.py", "problem")
    without = SEARCH_ONLY if entry == "fastlsq, our scale" else ()
    return lines.count(here / "fastlsq_problems.py", class_of(problem), without)


def class_of(problem: str) -> str:
    """The class of fastlsq_problems.py for a problem; fastlsq is not here to import it with."""
    return {
        "poisson_1d_multiscale": "Poisson1DMultiscale",
        "helmholtz_2d": "Helmholtz2D",
        "helmholtz_1_4": "HelmholtzOneFour",
        "wave_1d": "Wave1D",
        "poisson_peak_2d": "PoissonPeak2D",
        "layer_2d": "Layer2D",
        "nonlinear_2d": "Nonlinear2D",
    }[problem]


def scale_shown(scale: float | list[float]) -> str:
    values = scale if isinstance(scale, list) else [scale]
    return " × ".join(f"{value:.3g}" for value in values)


def rows_fastlsq(results: dict[str, Any]) -> list[list[str]]:
    head = ["Problem", "Solver", "Error", "Time", "Search for the scale", "Scale", "Features"]
    rows = [[*head, "Lines of code"]]
    for problem in PROBLEMS:
        for name, entry in TABLES["fastlsq"].items():
            runs = runs_of(results, "fastlsq", problem, name)
            if name == "search" or not runs:
                continue
            done = [r for r in runs if "failed" not in r]
            line = [PROBLEMS[problem].label, name, errors(runs)]
            line.append(spread([r["seconds"] for r in done], seconds) if done else "")
            given = Cell("fastlsq", problem, name, 0).before()
            found = results["cells"].get(given.key, {}) if given else {}
            line.append(seconds(found["seconds"]) if entry.after == "search" and found else "")
            if done and "family" in done[0]:
                line += [f"chosen: {done[0]['family']}", spread_of_features(done)]
            else:
                line += [scale_shown(found["scale"]) if "scale" in found else "", ""]
                line[-1] = spread_of_features(done) if done else ""
            rows.append([*line, str(written(problem, name))])
    return rows


def spread_of_features(done: list[dict[str, Any]]) -> str:
    return f"{statistics.median(r['features'] for r in done):.0f}"


NOTES = {
    "reach": (
        "Seconds of training, building and compiling included and taking the error not, until the "
        "relative L2 error at the example's test points is below the number above the column; "
        "median (and range) of the seeds that reached it, within {budget:.0f} s. The DeepXDE rows "
        "but the last end with the example's own number of iterations, if before. "
        "``deepxde_repnet.solve`` is called with its default tolerance and does not train."
    ),
    "step": (
        "Adam on a tanh network [d] + [64]*3 + [1] in float32, {iterations} iterations after the "
        "first ones; collocation points: 512 and 2, 2500 and 400 inside and on the boundary. "
        '"First step after" is the time from the start of building until one step is done, '
        "compilation included."
    ),
    "fastlsq": (
        "Relative L2 errors at points that were not fitted. fastlsq's automatic scale is the best "
        "of nine by the error against the exact solution; the search comes to the same with every "
        'seed and its time is not in the time before. "Our scale" (of the first seed here, each '
        "seed has its own) is what ``deepxde_repnet.solve`` found for its sines, which looks at no "
        "exact solution; its time is that of the row above. Lines of code: definition of the "
        "problem and the call, without imports, counted by ``benchmarks/libraries/lines.py``."
    ),
}
ROWS = {"reach": rows_reach, "step": rows_step, "fastlsq": rows_fastlsq}


def write_tables(results: dict[str, Any], output: Path) -> None:
    """For the docs, each with what was measured and on what."""
    folder = output / "docs" / "_tables"
    folder.mkdir(parents=True, exist_ok=True)
    facts = results.get("machine", {})
    for table, rows_of in ROWS.items():
        rows = rows_of(results)
        path = folder / f"libraries_{table}.rst"
        if len(rows) == 1:
            path.write_text("Not measured yet: ``python -m benchmarks.libraries.run`` does.\n")
            continue
        counts = {
            len(runs_of(results, table, problem, name))
            for problem in problems_of(table)
            for name, entry in TABLES[table].items()
            if not entry.once
        } - {0}
        number = " or ".join(map(str, sorted(counts)))
        ran = (
            f"Written by ``benchmarks/libraries/run.py``, {number} "
            f"{'seed' if counts == {1} else 'seeds'} from 0 on, each run in a process of its own "
            f"on one core of a machine with {facts['cores']}; jinns {facts['jinns']} on JAX "
            f"{facts['jax']}, PINA {facts['pina']}, fastlsq {facts['fastlsq']}, DeepXDE "
            f"{facts['deepxde']}, PyTorch {facts['torch']}."
        )
        path.write_text(list_table(rows, NOTES[table].format(**facts) + " " + ran))
        print("\n".join(" | ".join(row) for row in rows), end="\n\n")


def main() -> None:
    names = [*TABLES, *dict.fromkeys(name for table in TABLES.values() for name in table)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=names, default=[], metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=[], metavar="PROBLEM")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="run seeds 0 to SEEDS - 1")
    parser.add_argument("--redo", action="store_true", help="run again what has been run")
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--tiny", action="store_true", help="one seed, a small budget")
    parser.add_argument("--output", type=Path, help="folder for results and tables")
    asked = parser.parse_args()
    output = asked.output or (Path(tempfile.mkdtemp()) if asked.tiny else ROOT)
    seeds = 0 if asked.table else 1 if asked.tiny else asked.seeds
    run(list(cells(seeds, asked.only, asked.problems)), output, asked.redo, asked.tiny)
    print(f"results and tables under {output}")


if __name__ == "__main__":
    main()
