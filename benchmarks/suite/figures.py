"""The figures of the docs, from the results alone.

FNN, RepFNN and the best of the other networks have a colour each, the rest is grey. Lines are
medians over the seeds, bands go from the smallest to the largest.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import PIL.Image

from . import store
from .studies import HELMHOLTZ, LINES, PEERS, PLANES, SOLVE, STUDIES
from .summary import Row, Summary, summarise

# Of Okabe and Ito's palette, which those who do not tell red from green can tell apart.
ORANGE, BLUE, GREEN, BLACK, GREY = "#d55e00", "#0072b2", "#009e73", "#000000", "#bbbbbb"
DPI = 100
BEST, OTHERS = "best other network", "other networks"


def write(root: Path = store.ROOT) -> list[Path]:
    """Draw every figure for which there are results."""
    folder = root / "docs" / "_static" / "suite"
    folder.mkdir(parents=True, exist_ok=True)
    found = [s for name in STUDIES if (s := summarise(name, root)) is not None]
    paths = []

    def keep(figure: Any, name: str) -> None:
        paths.append(folder / f"{name}.png")
        drawing = io.BytesIO()
        figure.savefig(drawing, dpi=DPI)
        plt.close(figure)
        # 256 colours are enough for these, in a quarter of the room.
        PIL.Image.open(drawing).convert("RGB").quantize(256).save(paths[-1], optimize=True)

    for summary in found:
        keep(convergence(summary), f"error-{summary.name}")
    if found:
        keep(overview(found), "overview")
    if helmholtz := [s for s in found if s.name in HELMHOLTZ]:
        keep(growth(helmholtz), "wavenumber")
    if lines := [s for s in found if s.name in LINES and drawn(s, root)]:
        keep(spectra(lines, root), "spectra")
    for summary in found:
        if summary.name in PLANES and drawn(summary, root):
            keep(fields(summary, root), f"fields-{summary.name}")
    return paths


def highlighted(summary: Summary) -> dict[str, tuple[str, str]]:
    """The networks that are told apart: name -> colour and line."""
    shown = {"FNN": (ORANGE, "--"), "RepFNN": (BLUE, "-")}
    if summary.best_peer:
        shown[summary.best_peer.net] = (GREEN, "-.")
    return {net: style for net, style in shown.items() if net in summary.rows}


def along(
    row: Row, axis: str, points: np.ndarray, of: str = "error"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, smallest and largest error of a network at values of ``"cpu"`` or ``"iteration"``.

    Or its ``of="loss"``. Both are interpolated in the logarithms, and keep their last value. A run
    that failed has an infinite error, one that diverged from there on.
    """
    curves = []
    for cell in row.cells:
        history = cell.get("history")
        if history is None:
            curves.append(np.full(len(points), np.inf))
            continue
        x = np.array(history[axis], dtype=float)
        y = np.array([math.nan if e is None else e for e in history[of]])
        known = np.isfinite(y) & (x > 0) & (y > 0)
        if not known.any():
            curves.append(np.full(len(points), np.inf))
            continue
        curve = np.exp(np.interp(np.log(points), np.log(x[known]), np.log(y[known])))
        if cell["status"] == "diverged":
            curve[points >= x[-1]] = np.inf
        curves.append(curve)
    stacked = np.array(curves)
    return np.median(stacked, axis=0), stacked.min(axis=0), stacked.max(axis=0)


def trace(axes: Any, summary: Summary, axis: str, of: str = "error") -> None:
    """Error or loss against time or iterations, every network."""
    axes.set(xscale="log", yscale="log")
    axes.grid(alpha=0.25)
    shown = highlighted(summary)
    labelled = False
    for net, row in sorted(summary.trained.items(), key=lambda item: item[0] in shown):
        histories = [cell["history"] for cell in row.cells if cell.get("history", {}).get(axis)]
        if not histories:
            continue
        positive = [[x for x in h[axis] if x > 0] for h in histories]
        first, last = max(p[0] for p in positive), min(p[-1] for p in positive)
        points = np.geomspace(first, max(last, first), 60)
        middle, low, high = along(row, axis, points, of)
        if net in shown:
            color, line = shown[net]
            axes.fill_between(points, low, high, color=color, alpha=0.15, lw=0)
            axes.plot(points, middle, line, color=color, lw=2, label=label(net))
        elif net in PEERS:
            axes.plot(points, middle, color=GREY, lw=0.9, label=None if labelled else OTHERS)
            labelled = True
    if axis == "cpu":
        if of == "error":
            mark_solver(axes, summary)
        for end in stage_ends(summary):
            axes.axvline(end, color="0.6", lw=0.8, ls=":")


def mark_solver(axes: Any, summary: Summary) -> None:
    """The solver's time and error; at the lower edge where the error is far below all others."""
    solver = summary.rows.get(SOLVE)
    if solver is None or not math.isfinite(solver.median):
        return
    time, error = solver.median_of("cpu"), solver.median
    lowest = summary.best.median
    edge = lowest / 100 if math.isfinite(lowest) else 0.0
    axes.plot(time, max(error, edge), "*", color=BLACK, ms=11, label="solve", ls="none")
    if error < edge:
        axes.annotate(
            f"↓ {error:.0e}",
            (time, edge),
            (0, -13),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
        axes.set_ylim(bottom=edge / 10)


def stage_ends(summary: Summary) -> list[float]:
    """Where the optimizer changes, in seconds."""
    for row in summary.trained.values():
        for cell in row.cells:
            stages = cell.get("stages", [])
            pairs = zip(stages, stages[1:], strict=False)
            return [end for (name, end), (following, _) in pairs if name != following]
    return []


def convergence(summary: Summary) -> Any:
    """On one problem, error against computing time and iterations, and loss against the time."""
    figure, panels = plt.subplots(1, 3, figsize=(10.5, 3.8), layout="constrained")
    timed, counted, loss = panels
    counted.sharey(timed)
    counted.tick_params(labelleft=False)
    trace(timed, summary, "cpu")
    trace(counted, summary, "iteration")
    trace(loss, summary, "cpu", "loss")
    study = STUDIES[summary.name]
    error = textwrap.fill(f"relative error of {study.error_of}", 44)
    timed.set(xlabel="computing time (s)", ylabel=error)
    counted.set(xlabel="iteration")
    loss.set(xlabel="computing time (s)", ylabel="training loss")
    for panel in (timed, loss):
        for end in stage_ends(summary):
            panel.annotate(
                "L-BFGS",
                (end, 1),
                (2, -2),
                xycoords=("data", "axes fraction"),
                va="top",
                textcoords="offset points",
                fontsize=8,
                color="0.4",
            )
    legend(figure, timed, 5, "lower")
    figure.suptitle(study.label, fontsize=11)
    return figure


def overview(found: Sequence[Summary]) -> Any:
    """Error against computing time, a panel for each problem."""
    columns = min(4, len(found))
    lines = math.ceil(len(found) / columns)
    figure, grid = plt.subplots(
        lines,
        columns,
        figsize=(3 * columns, 2.3 * lines + 0.5),
        squeeze=False,
        layout="constrained",
    )
    for panel in grid.flat[len(found) :]:
        panel.axis("off")
    for panel, summary in zip(grid.flat, found, strict=False):
        trace(panel, summary, "cpu")
        panel.set_title(STUDIES[summary.name].label, fontsize=9)
        panel.tick_params(labelsize=7)
    figure.supxlabel("computing time (s)", fontsize=10)
    figure.supylabel("relative error", fontsize=10)
    entries: dict[str, Any] = {}
    for panel in grid.flat:
        for handle, text in zip(*panel.get_legend_handles_labels(), strict=True):
            name = text if text in ("FNN", "RepFNN", OTHERS, "solve") else BEST
            entries.setdefault(name, handle)
    order = [name for name in ("FNN", "RepFNN", BEST, OTHERS, "solve") if name in entries]
    figure.legend([entries[n] for n in order], order, loc="outside upper center", ncols=len(order))
    return figure


def growth(found: Sequence[Summary]) -> Any:
    """Error at the end, and time to an error, as the wavenumber of the Helmholtz equation grows."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    numbers = [STUDIES[s.name].problem["n"] for s in found]
    peers = [n for n in PEERS if all(n in s.rows for s in found)]
    # The same network at every wavenumber: the one whose largest error is smallest.
    peer = min(peers, key=lambda n: max(s.rows[n].median for s in found), default=None)
    styles = {"FNN": (ORANGE, "--o"), "RepFNN": (BLUE, "-s"), SOLVE: (BLACK, ":*")}
    styles |= {peer: (GREEN, "-.^")} if peer else {}
    left.set_yscale("log")
    right.set_yscale("log")
    target = 0.1
    budget = max(STUDIES[s.name].budget for s in found)
    for place, (net, (color, line)) in enumerate(styles.items()):
        rows = [s.rows.get(net) for s in found]
        if None in rows:
            continue
        middle, low, high = ([f(row.errors) for row in rows] for f in (np.median, min, max))
        finite = np.isfinite(high)
        left.plot(numbers, middle, line, color=color, lw=2, label=label(net))
        left.fill_between(
            np.array(numbers)[finite],
            np.array(low)[finite],
            np.array(high)[finite],
            color=color,
            alpha=0.15,
            lw=0,
        )
        if net == SOLVE:
            times = [row.median_of("cpu") for row in rows]
        else:
            times = [row.seconds_to(target) for row in rows]
        reached = [t if math.isfinite(t) else math.nan for t in times]
        right.plot(numbers, reached, line, color=color, lw=2)
        missed = [n for n, t in zip(numbers, times, strict=True) if not math.isfinite(t)]
        beside = [n * 1.05 ** (place - 1) for n in missed]
        right.plot(beside, [2 * budget] * len(missed), "x", color=color, ms=8, mew=2)
    right.axhline(2 * budget, color="0.8", lw=0.8, zorder=0)
    right.set_ylim(top=5 * budget)
    right.annotate(
        "not reached",
        (1, 2 * budget),
        (-3, 8),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color="0.4",
    )
    left.set(ylabel="relative error at the end")
    right.set(ylabel=f"computing time (s) to an error of {target:g}")
    for panel in (left, right):
        panel.set(xlabel="n (waves along each side)", xscale="log", xticks=numbers)
        panel.set_xticklabels(map(str, numbers))
        panel.minorticks_off()
        panel.grid(alpha=0.25)
    legend(figure, left)
    figure.suptitle("Helmholtz equation, k = 2πn", fontsize=11)
    return figure


def problem(summary: Summary) -> tuple[np.ndarray, np.ndarray]:
    """Points, (N, d), and the exact solution there, where the error fields are known."""
    os.environ.setdefault("DDE_BACKEND", "pytorch")
    with contextlib.redirect_stderr(io.StringIO()):  # DeepXDE's banner
        from . import cell
    study = STUDIES[summary.name]
    example = importlib.import_module(study.module)
    made = example.problem(**study.problem)
    return cell.known(example, made[0] if isinstance(made, tuple) else made)


def drawn(summary: Summary, root: Path) -> list[str]:
    """The highlighted networks whose error fields are there."""
    kept = store.load_fields(summary.name, root)
    return [net for net in highlighted(summary) if net in kept]


def spectra(found: Sequence[Summary], root: Path) -> Any:
    """Amplitude of the error of seed 0 at every wavenumber, for problems in one dimension."""
    figure, grid = plt.subplots(
        1, len(found), figsize=(4.6 * len(found), 3.8), squeeze=False, layout="constrained"
    )
    for panel, summary in zip(grid[0], found, strict=True):
        points, exact = problem(summary)
        x = points[:, 0]
        k, amplitude = amplitudes(x, exact[:, 0])
        waves = amplitude > 0.02 * amplitude.max()
        peaks = [
            i
            for i in np.flatnonzero(waves)
            if amplitude[i] == amplitude[max(i - 2, 0) : i + 3].max()
        ]
        panel.vlines(k[peaks], 1e-9, amplitude[peaks], color="0.8", lw=5, label="solution")
        kept = store.load_fields(summary.name, root)
        for net in drawn(summary, root):
            color, line = highlighted(summary)[net]
            _, error = amplitudes(x, kept[net][:, 0].astype(float))
            centers, level = by_octave(k, error)
            panel.plot(centers, level, line, color=color, lw=2, label=label(net))
        lowest = min(line.get_ydata().min() for line in panel.get_lines())
        panel.set(xscale="log", yscale="log", xlabel="wavenumber (rad per unit length)")
        panel.set(
            ylim=(max(lowest / 3, 1e-8), 3 * amplitude.max()), title=STUDIES[summary.name].label
        )
        panel.grid(alpha=0.25)
        panel.legend(fontsize=8)
    grid[0, 0].set_ylabel("amplitude")
    return figure


def amplitudes(x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wavenumbers and amplitudes of the sines that values on an even grid are made of.

    A Hann window keeps the ends of the interval, where values need not meet, out of it; the
    amplitude of a sine of a whole number of periods comes out as it is.
    """
    window = np.hanning(len(x))
    spectrum = np.abs(np.fft.rfft(window * values)) / (window.sum() / 2)
    k = 2 * np.pi * np.fft.rfftfreq(len(x), x[1] - x[0])
    return k[1:], spectrum[1:]


def by_octave(
    k: np.ndarray, amplitude: np.ndarray, parts: int = 4
) -> tuple[np.ndarray, np.ndarray]:
    """Largest amplitude in each quarter of an octave."""
    group = np.floor(parts * np.log2(k / k[0])).astype(int)
    names = np.unique(group)
    centers = np.array([np.exp(np.log(k[group == g]).mean()) for g in names])
    return centers, np.array([amplitude[group == g].max() for g in names])


def fields(summary: Summary, root: Path) -> Any:
    """The exact solution; below each network's prediction its error, seed 0."""
    points, exact = problem(summary)
    kept = store.load_fields(summary.name, root)
    nets = drawn(summary, root)
    x, y = (np.unique(points[:, j]) for j in (0, 1))

    def plane(values: np.ndarray) -> np.ndarray:
        return values[np.lexsort(points.T)].reshape(len(y), len(x))

    extent = (x[0], x[-1], y[0], y[-1])
    look: dict[str, Any] = {"origin": "lower", "extent": extent, "aspect": "auto"}
    limit = 1.05 * np.abs(exact).max()
    shown = look | {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    errors = {net: np.abs(kept[net][:, 0].astype(float)) for net in nets}
    norm = matplotlib.colors.LogNorm(limit * 1e-5, limit, clip=True)
    count = len(nets) + 1
    figure, grid = plt.subplots(
        2, count, figsize=(2.7 * count, 4.6), sharex=True, sharey=True, layout="constrained"
    )
    above = grid[0, 0].imshow(plane(exact[:, 0]), **shown)
    grid[0, 0].set_title("exact solution", fontsize=10)
    grid[1, 0].axis("off")
    for column, net in enumerate(nets, 1):
        error = kept[net][:, 0].astype(float)
        grid[0, column].imshow(plane(exact[:, 0] + error), **shown)
        grid[0, column].set_title(label(net), fontsize=10)
        below = grid[1, column].imshow(plane(errors[net]), norm=norm, cmap="viridis", **look)
    figure.colorbar(above, ax=grid[0], label="u")
    figure.colorbar(below, ax=grid[1], label="|error|", extend="both")
    second = "t" if summary.name in ("wave-1d", "burgers-1d", "allen-cahn-1d") else "y"
    grid[0, 0].set(xticks=[x[0], x.mean(), x[-1]], yticks=[y[0], y.mean(), y[-1]])
    for panel in (grid[0, 0], *grid[1, 1:]):
        panel.set_xlabel("x")
        panel.tick_params(labelbottom=True)
    for panel in (grid[0, 0], grid[1, 1]):
        panel.set_ylabel(second)
        panel.tick_params(labelleft=True)
    figure.suptitle(f"{STUDIES[summary.name].label}, seed 0", fontsize=11)
    return figure


def label(net: str) -> str:
    return "solve" if net == SOLVE else net


def legend(figure: Any, axes: Any, ncols: int = 1, where: str = "right") -> None:
    entries = zip(*axes.get_legend_handles_labels(), strict=True)
    last = (OTHERS, "solve")
    ordered = sorted(entries, key=lambda entry: last.index(entry[1]) if entry[1] in last else -1)
    figure.legend(
        *zip(*ordered, strict=True), loc=f"outside {where} center", ncols=ncols, fontsize=9
    )
