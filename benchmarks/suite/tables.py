"""The tables of the docs and of the README, from the results alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.fft import dstn

from benchmarks.rst import list_table

from . import store
from .studies import HELMHOLTZ, LINES, PAPER, PEERS, PLANES, SEEDS, SOLVE, STUDIES, VARIANTS
from .summary import Row, Summary, summarise

COMMAND = "python -m benchmarks.suite"
NOT_RUN = f"Not run yet: ``{COMMAND}``.\n"
FEW = "†"
RESONANT = 0.2  # times k² a free wave's residual is at most, for it to count as nearly one
EVERY = ("FNN", "RepFNN", *PEERS)
NEAR = 2.0  # times the best error is as good as the best: seeds differ by more


def write(root: Path = store.ROOT) -> list[Path]:
    """Write every table for which there are results, and the README's."""
    folder = root / "docs" / "_tables" / "suite"
    folder.mkdir(parents=True, exist_ok=True)
    found = [s for name in STUDIES if (s := summarise(name, root)) is not None]
    texts = {
        "summary": summary_table(found) + picture("overview", "Error against computing time."),
        "matrix": matrix_table(found),
        "defaults": defaults_table(found),
        "paper": paper_table(found),
        "wavenumber": wavenumber_table(found),
        "resonance": resonance_table(found, root),
        "spectra": spectra(found),
        "studies": sections(found),
    }
    if not found:
        texts = dict.fromkeys(texts, NOT_RUN)
    steps = store.load_steps(root)
    texts["steps"] = steps_table(steps) if steps["studies"] else NOT_RUN
    texts |= {summary.name: study_table(summary) for summary in found}
    for name, text in texts.items():
        (folder / f"{name}.rst").write_text(text, "utf-8")
    readme = root / "README.md"
    if found and readme.exists():
        readme.write_text(with_table(readme.read_text("utf-8"), found), "utf-8")
    return [folder / f"{name}.rst" for name in texts]


def sections(found: Sequence[Summary]) -> str:
    """A section for each study: its table and its pictures."""
    text = ""
    for summary in found:
        label = STUDIES[summary.name].label
        text += f"{label}\n{'^' * len(label)}\n\n.. include:: /_tables/suite/{summary.name}.rst\n"
        text += picture(
            f"error-{summary.name}",
            f"{label}: error against time and iterations, loss against time.",
        )
        if summary.name in PLANES:
            text += picture(f"fields-{summary.name}", f"{label}: solutions and errors.")
        text += "\n"
    return text


def spectra(found: Sequence[Summary]) -> str:
    shown = [summary for summary in found if summary.name in LINES]
    return picture("spectra", "Error at every wavenumber.") if shown else ""


def picture(name: str, text: str) -> str:
    return f"\n.. image:: /_static/suite/{name}.png\n   :alt: {text}\n"


def study_table(summary: Summary) -> str:
    """Every network on one problem, the most accurate first."""
    study = STUDIES[summary.name]
    head = ["Network", "Parameters", "Error: median (range)", "Iterations", "Time (s)"]
    rows = [[*head, "Seconds for 1000 iterations", "Runs"]]
    for row in sorted(summary.rows.values(), key=lambda row: row.median):
        rate, steps = row.seconds_per_1000, row.median_of("iteration")
        rows.append(
            [
                f"**{row.net}**" if row.net in ("FNN", "RepFNN", SOLVE) else row.net,
                number(row.median_of("parameters"), "g"),
                spread(row.errors),
                number(steps, ".0f"),
                number(row.median_of("cpu"), ".1f"),
                number(rate, ".1f"),
                runs(row),
            ]
        )
    notes = (
        f"Relative errors of {study.error_of} after {study.budget:g} s of computing time on one "
        f"thread; L-BFGS may end before. Written by ``{COMMAND} {summary.name}``, "
        + conditions(summary.rows.values(), summary.machines)
    )
    return list_table(rows, notes)


def summary_table(found: Sequence[Summary]) -> str:
    """One line a study: FNN, RepFNN, the best of the others and the solver."""
    head = [
        "Problem",
        "FNN",
        "RepFNN",
        "FNN / RepFNN",
        "Best other network",
        "RepFNN / best",
        "solve",
    ]
    rows = [head]
    for summary in found:
        fnn, rep = (median(summary, net) for net in ("FNN", "RepFNN"))
        others = [r for n, r in summary.trained.items() if n != "RepFNN"]
        other = min(others, key=lambda row: row.median, default=None)
        rows.append(
            [
                STUDIES[summary.name].label,
                error(fnn),
                error(rep),
                ratio(fnn, rep),
                f"{other.net}: {error(other.median)}" if other else "",
                ratio(rep, summary.best.median),
                error(median(summary, SOLVE)),
            ]
        )
    every = [row for summary in found for row in summary.rows.values()]
    notes = f"Medians of the relative error. Written by ``{COMMAND}``, " + conditions(
        every, distinct(m for summary in found for m in summary.machines)
    )
    return list_table(rows, notes)


def matrix_table(found: Sequence[Summary]) -> str:
    """Every network on every problem; the best is bold, and what comes near it in italics."""
    return _by_network(
        found,
        ("FNN", *PEERS, *PAPER, "RepFNN", *VARIANTS, SOLVE),
        "Medians of the relative error; bold: the smallest of a trained network; italics: within "
        f"{NEAR:g} times of it.",
    )


def defaults_table(found: Sequence[Summary]) -> str:
    """RepFNN's default beside its options."""
    return _by_network(
        found,
        ("RepFNN", *VARIANTS),
        "Medians of the relative error of RepFNN: as it is by default, and otherwise; bold: the "
        f"smallest; italics: within {NEAR:g} times of it.",
    )


def paper_table(found: Sequence[Summary]) -> str:
    """RepNet as it was published, between ``dde.nn.FNN`` and RepFNN as it is by default."""
    found = [summary for summary in found if not STUDIES[summary.name].operator]
    nets = ("FNN", *PAPER, "RepFNN")
    published = [s.rows[net] for s in found for net in PAPER if net in s.rows]
    if not published:
        return NOT_RUN
    rows = [["Problem", "FNN", "RepNet (paper), tanh", "RepNet (paper), ReLU", "RepFNN (ours)"]]
    for summary in found:
        cells = [marked(summary.rows.get(net), ranges=True) for net in nets]
        rows.append([STUDIES[summary.name].label, *cells])
    few = (
        f"{FEW} fewer than {SEEDS} runs so far. " if any(FEW in c for r in rows for c in r) else ""
    )
    notes = (
        "Relative errors, median (range), after the same computing time. The networks of the paper "
        'are ``RepFNN`` with ``parameterization="shift"``, ``sines=0``, ``hidden_gain=1`` and the '
        "slope scale that fits the known solution; RepFNN finds everything by itself. "
        f"{few}Written by ``{COMMAND}``, "
    )
    every = [s.rows[net] for s in found for net in nets if net in s.rows]
    return list_table(
        rows, notes + conditions(every, distinct(m for s in found for m in s.machines))
    )


def _by_network(found: Sequence[Summary], nets: Sequence[str], notes: str) -> str:
    nets = [net for net in nets if any(net in summary.rows for summary in found)]
    rows = [["Network", *(STUDIES[summary.name].label for summary in found)]]
    smallest = [
        min((median(s, n) for n in nets if n != SOLVE and n in s.rows), default=math.nan)
        for s in found
    ]
    for net in nets:
        row = [net]
        for summary, least in zip(found, smallest, strict=True):
            value = median(summary, net)
            mark = ""
            if net != SOLVE and math.isfinite(value):
                mark = "**" if value == least else "*" if value <= NEAR * least else ""
            row.append(f"{mark}{error(value)}{mark}" if net in summary.rows else "")
        rows.append(row)
    return list_table(rows, f"{notes} Written by ``{COMMAND}``.")


def wavenumber_table(found: Sequence[Summary]) -> str:
    """Error and time on the Helmholtz equation as the wavenumber grows."""
    found = [summary for summary in found if summary.name in HELMHOLTZ]
    if not found:
        return NOT_RUN
    nets = ["FNN", "RepFNN"]
    nets += sorted({s.best_peer.net for s in found if s.best_peer})
    rows = [["Network"]]
    for summary in found:
        label = STUDIES[summary.name].label.split(", ")[-1]
        rows[0] += [f"{label}: error", "time to 0.1 (s)", "time to 0.01 (s)"]
    for net in nets:
        row = [net]
        for summary in found:
            times = [
                seconds(summary.rows[net].seconds_to(target)) if net in summary.rows else ""
                for target in (0.1, 0.01)
            ]
            row += [error(median(summary, net)), *times]
        rows.append(row)
    notes = (
        "Medians; times are computing time on one thread at which the error is first seen below "
        f"the value, at records that are 20% apart. Written by ``{COMMAND}``."
    )
    return list_table(rows, notes) + picture("wavenumber", "Error and time by wavenumber.")


def resonance_table(found: Sequence[Summary], root: Path) -> str:
    """What the errors on the Helmholtz equation are made of, by network."""
    found = [summary for summary in found if summary.name in HELMHOLTZ]
    fields = {summary.name: store.load_fields(summary.name, root) for summary in found}
    nets = [net for net in EVERY if any(net in held for held in fields.values())]
    if not nets:
        return NOT_RUN
    rows = [["Network"]]
    for summary in found:
        label = STUDIES[summary.name].label.split(", ")[-1]
        rows[0] += [f"{label}: of the solution's wave, missing", "error in nearly free waves"]
    for net in nets:
        row = [net]
        for summary in found:
            error = fields[summary.name].get(net)
            if error is None or not np.isfinite(error).all() or not error.any():
                row += ["", ""]
                continue
            n = STUDIES[summary.name].problem["n"]
            missing, free = made_of(error.astype(float), 2 * n)
            row += [f"{missing:.0%}", f"{free:.0%}"]
        rows.append(row)
    notes = (
        f"Of seed 0. Nearly free are waves sin(πax) sin(πby) with a² + b² within {RESONANT:.0%} of "
        f"(k/π)²; shares are of the mean square. Written by ``{COMMAND}``."
    )
    return list_table(rows, notes)


def made_of(error: np.ndarray, wave: int) -> tuple[float, float]:
    """How much of the wave sin(πwx) sin(πwy) is missing, and the share of nearly free waves.

    Args:
        error: On a regular grid over the unit square with its boundary, any shape of that size;
            zero on the boundary.
        wave: w, the number of half waves along each side; k = πw.
    """
    per_axis = math.isqrt(error.size)
    inner = error.reshape(per_axis, per_axis)[1:-1, 1:-1]
    amplitudes = dstn(inner, type=1) / (per_axis - 1) ** 2
    power = amplitudes**2
    half_waves = np.arange(1, per_axis - 1) ** 2
    square = np.add.outer(half_waves, half_waves)
    free = np.abs(square - wave**2) <= RESONANT * wave**2
    missing = abs(float(amplitudes[wave - 1, wave - 1]))
    return missing, float(power[free].sum() / power.sum())


def steps_table(results: dict[str, Any]) -> str:
    """What ``steps`` has measured."""
    head = ["Problem", "FNN (ms)", "RepFNN (ms)", "RepFNN / FNN", "Quartiles", "FNN / FNN"]
    rows = [head]
    for name, study in STUDIES.items():
        if name in results["studies"]:
            found = results["studies"][name]
            low, high = found["quartiles"]
            rows.append(
                [
                    study.label,
                    f"{found['fnn_ms']:.2f}",
                    f"{found['repfnn_ms']:.2f}",
                    f"{found['ratio']:.3f}",
                    f"{low:.3f} to {high:.3f}",
                    f"{found['fnn_against_itself']:.3f}",
                ]
            )
    ratios = [found["ratio"] for found in results["studies"].values()]
    own = [found["fnn_against_itself"] for found in results["studies"].values()]
    rows.append(
        [
            "**median**",
            "",
            "",
            f"**{statistics.median(ratios):.3f}**",
            "",
            f"{statistics.median(own):.3f}",
        ]
    )
    machine = results["machine"]
    notes = (
        "One step of Adam on the study's points, medians over paired blocks. Written by "
        f"``{COMMAND} --steps``; {machine['processor']}, one thread, PyTorch {machine['torch']}."
    )
    return list_table(rows, notes)


def readme_table(found: Sequence[Summary]) -> list[str]:
    lines = ["| problem | `dde.nn.FNN` | `RepFNN` | best other network |", "|---|---|---|---|"]
    for summary in found:
        peer = summary.best_peer
        fnn, rep = (marked(summary.rows.get(net)) for net in ("FNN", "RepFNN"))
        named = f"{marked(peer)} ({peer.net})" if peer else ""
        lines.append(f"| {STUDIES[summary.name].label} | {fnn} | {rep} | {named} |")
    if any(FEW in line for line in lines):
        lines += ["", f"{FEW} fewer than {SEEDS} runs so far"]
    return lines


def marked(row: Row | None, ranges: bool = False) -> str:
    """The median error, with a mark where there are fewer runs than there should be."""
    if row is None:
        return ""
    shown = spread(row.errors) if ranges else error(row.median)
    return shown + ("" if len(row.cells) >= SEEDS else f" {FEW}")


def with_table(readme: str, found: Sequence[Summary]) -> str:
    """The README with its table renewed; unchanged where it has no place for one."""
    start, end = "<!-- suite -->\n", "<!-- /suite -->"
    if start not in readme:
        return readme
    head, _, rest = readme.partition(start)
    return head + start + "\n".join(readme_table(found)) + "\n" + end + rest.partition(end)[2]


def median(summary: Summary, net: str) -> float:
    """NaN where the network has not been run."""
    return summary.rows[net].median if net in summary.rows else math.nan


def error(value: float) -> str:
    if math.isnan(value):
        return ""
    return "failed" if math.isinf(value) else f"{value:.1e}"


def seconds(value: float) -> str:
    return "not reached" if math.isinf(value) else f"{value:.1f}"


def ratio(above: float, below: float) -> str:
    value = above / below if below else math.nan
    return f"{value:.2g}" if math.isfinite(value) else ""


def number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def spread(errors: Sequence[float]) -> str:
    middle = error(Row("", [{"status": "done", "error": e} for e in errors]).median)
    return f"{middle} ({error(min(errors))} to {error(max(errors))})"


def runs(row: Row) -> str:
    """How many runs there were, and what became of those that did not end as they should."""
    text = str(len(row.cells))
    for status in ("diverged", "failed"):
        count = sum(cell["status"] == status for cell in row.cells)
        text += f", {count} {status}" if count else ""
    return text


def distinct(facts: Any) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for entry in facts:
        if entry not in kept:
            kept.append(entry)
    return kept


def conditions(rows: Any, machines: Sequence[dict[str, Any]]) -> str:
    """Seeds and hardware behind a table, as the results have them."""
    counts = sorted({len(row.cells) for row in rows})
    many = " or ".join(map(str, counts)) + (" seeds" if counts != [1] else " seed")
    where = "; ".join(
        f"{m['processor']}, {m['cores']} cores, one thread for each run, PyTorch {m['torch']}, "
        f"DeepXDE {m['deepxde']}"
        for m in machines
    )
    return f"{many} from 0 on; {where}. float32, ``{SOLVE}`` in float64."
