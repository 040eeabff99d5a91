"""The table of verdicts, from stored results."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path
from typing import Any

from ..rst import list_table
from .problem import KINDS, PROBLEMS, Problem
from .run import ROOT, key

TABLE = Path("docs") / "_tables" / "verdicts.rst"
HEAD = ["Problem", "Right", "Verdicts", "Error", "Error estimate", "Time"]
ROUND_OFF = 1e-12  # an error below is no matter, whatever its estimate
Cell = dict[str, Any]


def cells_of(name: str, results: dict[str, Any]) -> list[Cell]:
    """In the order of their seeds."""
    seeds = sorted(
        int(k.rpartition(" | ")[2]) for k in results["cells"] if k.startswith(f"{name} |")
    )
    return [results["cells"][key(name, seed)] for seed in seeds]


def verdict(cell: Cell) -> str:
    return "failed" if "failed" in cell else cell["verdict"]


def is_right(problem: Problem, cell: Cell) -> bool:
    return problem.is_right(verdict(cell), cell.get("error"))


def wrongly_converged(problem: Problem, cell: Cell) -> bool:
    """ "converged" where it should not be, or with an error above ``accuracy``."""
    return verdict(cell) == "converged" and not is_right(problem, cell)


def is_estimated(cell: Cell) -> bool:
    """Whether the error estimate is at least a third of the error."""
    estimate = cell["error_estimate"]
    return cell["field_error"] <= max(ROUND_OFF, 3 * (estimate or 0.0))


def spread(values: list[float | None], extreme: Any) -> str:
    """Median and extreme."""
    numbers = [v for v in values if v is not None]
    if not numbers:
        return ""
    return f"{statistics.median(numbers):.1e} ({extreme(numbers):.1e})"


def entries(name: str, cells: list[Cell]) -> list[str]:
    """One line of the table."""
    problem = PROBLEMS[name]
    counts = Counter(map(verdict, cells)).most_common()
    said = ", ".join(v if len(counts) == 1 else f"{v} {n}" for v, n in counts)
    wrong = sum(wrongly_converged(problem, cell) for cell in cells)
    if wrong:
        said += f" (**{wrong} wrong**)"
    done = [cell for cell in cells if "failed" not in cell]
    seconds = [cell["seconds"] for cell in done]
    return [
        problem.title,
        " or ".join(sorted(problem.right)),
        said,
        spread([cell["error"] for cell in done], max),
        spread([cell["error_estimate"] for cell in done], min),
        f"{statistics.median(seconds):.1f} s" if seconds else "",
    ]


def summary(runs: dict[str, list[Cell]]) -> str:
    """What all runs say together."""
    pairs = [(PROBLEMS[name], cell) for name, cells in runs.items() for cell in cells]
    right = sum(is_right(*pair) for pair in pairs)
    wrong = Counter(
        n for n, cells in runs.items() for c in cells if wrongly_converged(PROBLEMS[n], c)
    )
    failed = sum("failed" in cell for _, cell in pairs)
    compared = [cell for _, cell in pairs if cell.get("field_error") is not None]
    estimated = sum(map(is_estimated, compared))
    said = [
        f"{len(runs)} problems, {len(pairs)} runs: {right} with a right verdict, {failed} that "
        f'failed, {sum(wrong.values())} wrong "converged".'
    ]
    if wrong:
        said.append("These are " + ", ".join(f"{n} ({count})" for n, count in wrong.items()) + ".")
    if compared:
        share = estimated / len(compared)
        said.append(
            f"The error estimate is at least a third of the error in {share:.1%} of the "
            f"{len(compared)} runs of problems whose solution is known."
        )
    return " ".join(said)


def write_table(results: dict[str, Any], root: Path = ROOT) -> None:
    """Every problem that has been run, for the docs."""
    runs = {name: cells for name in PROBLEMS if (cells := cells_of(name, results))}
    rows = [HEAD]
    for kind in KINDS:
        lines = [entries(n, cells) for n, cells in runs.items() if PROBLEMS[n].kind == kind]
        if lines:
            rows += [[f"**{kind}**", *[""] * (len(HEAD) - 1)], *lines]
    facts, counts = results["machine"], sorted({len(cells) for cells in runs.values()})
    notes = (
        f"{summary(runs)} Error: the largest relative L2 error of an output or an unknown, median "
        '(largest); error estimate: median (smallest). A "converged" is wrong where the problem '
        "does not have exactly one solution, is out of reach, or was solved with an error above "
        "both 1e-3 and 100 tol (or above what the noise allows). Mended problems are the "
        "undetermined ones with the missing condition. Written by ``benchmarks/verdicts``, "
        f"{' or '.join(map(str, counts))} seeds; PyTorch {facts['torch']}, DeepXDE "
        f"{facts['deepxde']}, float64, {facts['threads']} thread on a machine with "
        f"{facts['cores']} cores."
    )
    (root / TABLE).write_text(list_table(rows, notes))
    print("\n".join(" | ".join(row) for row in rows), summary(runs), sep="\n")
