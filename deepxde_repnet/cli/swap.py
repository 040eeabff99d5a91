"""``swap``: someone's script with RepFNN and RepPFNN for its networks, once or beside itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from .child import Job, Processes
from .output import FAILED, INTERRUPTED, Output, number, seconds, sheet
from .printed import side_by_side
from .script import execute, save_figures

#: Our own options, which are the script's where they come after it.
OPTIONS = ("--compare", "--iterations", "--diff", "--write", "--figures", "--backend")

#: Entries of the unknowns that the table shows; the JSON document has all.
MOST_UNKNOWNS = 20

#: Characters of a printed line in the table.
LONGEST_LABEL = 44


def figures_folder(script: str) -> Path:
    """Where the figures of a script go, in the working directory."""
    return Path(f"{Path(script).stem}-figures")


def swap(
    script: str,
    arguments: Sequence[str],
    iterations: int | None,
    figures: Path,
    output: Output,
) -> int:
    """Run a script with its networks replaced, in this process; returns its exit code."""
    seen: list[Any] = []
    shown: list[list[Path]] = []

    def prepare() -> None:
        from .. import _command

        _command.load()
        from .watch import replace_networks, wants_bar, watch

        replace_networks()
        seen.append(watch(iterations, bar=wants_bar() and not output.quiet))
        shown.append(save_figures(figures, ""))

    os.environ["MPLBACKEND"] = "Agg"
    home = os.getcwd()
    code = execute(script, arguments, prepare)
    models = seen[0].trained if seen else []
    for path in (path for saved in shown for path in saved):
        output.say(f"deepxde-repnet: figure saved: {os.path.relpath(path, home)}")
    replaced = [entry.network for entry in models if entry.replaced]
    if replaced:
        output.say(f"deepxde-repnet: networks replaced: {', '.join(replaced)}")
    elif code == 0:
        output.warn(
            f"deepxde-repnet: nothing was replaced: {script} trained no dde.nn.FNN and no "
            "dde.nn.PFNN."
        )
    if code == INTERRUPTED:
        output.warn("deepxde-repnet: interrupted.")
    return code


def warn_of_late_options(arguments: Sequence[str], output: Output) -> None:
    """Say that what stands after the script is the script's."""
    for late in (a for a in arguments if a.partition("=")[0] in OPTIONS):
        output.say(
            f"deepxde-repnet: {late} comes after the script and is given to it; to give it to "
            f"swap, write it before the script: deepxde-repnet swap {late} SCRIPT ..."
        )


def compare_two(
    script: str,
    arguments: Sequence[str],
    iterations: int | None,
    figures: Path,
    output: Output,
) -> int:
    """Run a script as it is, then with its networks replaced, and show both.

    Both run in the working directory, one after the other; of files that the script writes, those
    of the second run remain.

    Returns:
        The script's exit code where both runs end alike, else 1.
    """
    processes = Processes()
    found: dict[str, dict[str, Any]] = {}
    interrupted = False
    try:
        for net in ("FNN", "RepFNN"):
            output.say(f"deepxde-repnet: {script} with {net} ...")
            job = Job(script, True, net, tuple(arguments), iterations, figures=str(figures))
            found[net] = processes.run(job)
            if found[net]["code"] != 0:
                for line in found[net]["said"]:
                    print(line, file=sys.stderr)
                output.warn(f"deepxde-repnet: exit code {found[net]['code']} with {net}.")
    except KeyboardInterrupt:
        interrupted = True
        output.warn("deepxde-repnet: interrupted.")
    finally:
        processes.close()
    if found:
        data = {"script": script, "iterations": iterations, "runs": found}
        output.result(data, table(script, iterations, found))
    for path in (path for run in found.values() for path in run.get("figures", [])):
        output.say(f"deepxde-repnet: figure saved: {os.path.relpath(path)}")
    swapped = found.get("RepFNN", {}).get("models", [])
    if swapped and not any(model["replaced"] for model in swapped):
        output.warn(
            "deepxde-repnet: nothing was replaced: the script trained no dde.nn.FNN or dde.nn.PFNN."
        )
    if interrupted:
        return INTERRUPTED
    codes = {run["code"] for run in found.values()}
    return codes.pop() if len(codes) == 1 else FAILED


def table(script: str, iterations: int | None, found: dict[str, dict[str, Any]]) -> Table:
    """Losses, metrics, unknowns, times and what was printed of errors, of the two runs."""
    capped = "" if iterations is None else f", at most {iterations} iterations a training"
    grid = sheet("", title=f"{Path(script).name}{capped}")
    for net in found:
        grid.add_column(net, justify="right")
    runs = list(found.values())
    count = max(len(run.get("models", [])) for run in runs)
    for i in range(count):
        models = [run["models"][i] if i < len(run.get("models", [])) else None for run in runs]
        name = f"model {i + 1}: " if count > 1 else ""
        grid.add_row(f"{name}network", *(m["network"] if m else "-" for m in models))
        for label, key in (("training loss", "loss_train"), ("test loss", "loss_test")):
            grid.add_row(f"{name}{label}", *(number(total(m, key)) for m in models))
        metrics = dict.fromkeys(metric for m in models if m for metric in m["metrics"])
        for metric in metrics:
            values = [m["metrics"].get(metric) if m else None for m in models]
            grid.add_row(f"{name}{metric}", *map(number, values))
        unknowns = [m["unknowns"] if m else [] for m in models]
        for j in range(min(max(map(len, unknowns)), MOST_UNKNOWNS)):
            values = [f"{own[j]:.6g}" if j < len(own) else "-" for own in unknowns]
            grid.add_row(f"{name}unknown {j + 1}", *values)
        iterated = [str(sum(s[1] for s in m["stages"])) if m else "-" for m in models]
        grid.add_row(f"{name}iterations", *iterated)
        times = [sum(s[2] for s in m["stages"]) if m else None for m in models]
        grid.add_row(f"{name}training time", *map(seconds, times))
    for label, cells in side_by_side([run.get("printed", []) for run in runs]):
        # As it was printed: brackets are no markup.
        grid.add_row(Text(shortened(label)), *map(Text, cells))
    grid.add_row("whole script", *(seconds(run.get("script_seconds")) for run in runs))
    if any(run["code"] for run in runs):
        grid.add_row("exit code", *(str(run["code"]) for run in runs))
    return grid


def shortened(label: str) -> str:
    """A line's text in the first column, which is not broken."""
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def total(model: dict[str, Any] | None, key: str) -> float | None:
    """The sum of a loss's parts; None where there is none, NaN where a part is not finite."""
    if model is None or not model[key]:
        return None
    parts = model[key]
    return float("nan") if None in parts else float(sum(parts))
