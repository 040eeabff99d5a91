"""The command's pictures; everything here takes arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..spec import Array
from .output import Failure

POINTS = {1: 2001, 2: 151}  # of the grid, along each axis
ORANGE, BLUE, GREY = "#d55e00", "#0072b2", "0.6"
COLORS = (ORANGE, BLUE, "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def _figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, Any]:
    """A figure that no window can show, whatever matplotlib is set to."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _save(figure: Figure, path: Path) -> Path:
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:  # the latter for a format that matplotlib lacks
        raise Failure(f"the picture {path} cannot be written: {error}.") from error
    return path


def grid(lower: Sequence[float], upper: Sequence[float]) -> Array:
    """Points (N, d) of a regular grid on a box, d = 1 or 2."""
    axes = [np.linspace(a, b, POINTS[len(lower)]) for a, b in zip(lower, upper, strict=True)]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, len(lower))


def solution(x: Array, predicted: Array, exact: Array | None, path: Path) -> Path:
    """Each output over the grid, and its error where the exact solution is known.

    Args:
        x: As ``grid`` gives them, (N, d).
        predicted, exact: (N, m).
    """
    outputs = predicted.shape[1]
    if exact is not None and exact.shape != predicted.shape:
        exact = None
    columns = 1 if exact is None else 2
    figure, axes = _figure(outputs, columns, 4.6 * columns, 3.6 * outputs)
    for i in range(outputs):
        name = "u" if outputs == 1 else f"u[{i}]"
        difference = None if exact is None else np.abs(predicted[:, i] - exact[:, i])
        if x.shape[1] == 1:
            if exact is not None:
                axes[i, 0].plot(x, exact[:, i], color="0.75", lw=3, label="exact")
            axes[i, 0].plot(x, predicted[:, i], color=BLUE, lw=1, label="found")
            axes[i, 0].legend()
            axes[i, 0].set(xlabel="x", ylabel=name)
            if difference is not None:
                axes[i, 1].semilogy(x, difference + 1e-16, color=ORANGE, lw=0.8)
                axes[i, 1].set(xlabel="x", ylabel=f"|{name} - exact|")
            continue
        fields = [(axes[i, 0], predicted[:, i], name, "RdBu_r")]
        if difference is not None:
            fields.append((axes[i, 1], difference, f"|{name} - exact|", "viridis"))
        for axis, values, label, colors in fields:
            n = POINTS[2]
            extent = (*x[[0, -1], 0], *x[[0, -1], 1])
            image = axis.imshow(
                values.reshape(n, n), origin="lower", extent=extent, aspect="auto", cmap=colors
            )
            figure.colorbar(image, ax=axis, label=label)
            axis.set(xlabel="x[0]", ylabel="x[1]")
    return _save(figure, path)


def loss(history: dict[str, list[float]], path: Path) -> Path:
    """Training loss over the iterations."""
    figure, axes = _figure(1, 1, 5.5, 3.6)
    axes[0, 0].semilogy(history["iteration"], history["loss"], color=BLUE, marker="o", ms=2)
    axes[0, 0].set(xlabel="iteration", ylabel="training loss")
    axes[0, 0].grid(alpha=0.3)
    return _save(figure, path)


def comparison(
    values: dict[str, list[float]],
    curves: dict[str, list[tuple[list[float], list[float]]]],
    label: str,
    path: Path,
) -> Path:
    """Every run's value with the medians, and every run's training loss.

    Args:
        values: Network -> one value a seed.
        curves: Network -> (iterations, losses) of each seed.
        label: What the values are.
    """
    figure, axes = _figure(1, 2, 9.5, 3.8)
    left, right = axes[0]
    for i, (net, found) in enumerate(values.items()):
        color = COLORS[i % len(COLORS)]
        left.scatter([i] * len(found), found, color=color, s=24, zorder=3)
        if found:
            left.hlines(np.median(found), i - 0.25, i + 0.25, color=color)
        for j, (steps, losses) in enumerate(curves[net]):
            name = net if j == 0 else None
            right.plot(steps, losses, color=color, lw=1, alpha=0.8, label=name)
    left.set(xticks=range(len(values)), xticklabels=values, ylabel=label)
    left.set_xlim(-0.6, len(values) - 0.4)
    left.set_title("every seed, and the median")
    right.set(xlabel="iteration", ylabel="training loss")
    for axis in (left, right):
        if any(v > 0 for line in axis.get_lines() for v in line.get_ydata()) or axis is left:
            axis.set_yscale("log")
        axis.grid(alpha=0.3)
    if right.get_legend_handles_labels()[0]:
        right.legend()
    return _save(figure, path)


def initial_spectrum(
    wavenumbers: list[Array],
    network: list[Array],
    source: list[Array] | None,
    marks: list[dict[str, float]],
    source_name: str,
    path: Path,
) -> Path:
    """Power over wavenumber along each axis, of the initial network and of the source.

    Args:
        wavenumbers: For each axis, (K,), in radians per unit of length.
        network, source: Power there, scaled to a largest value of 1.
        marks: For each axis, wavenumbers to be marked, by name.
    """
    figure, axes = _figure(1, len(wavenumbers), max(4.6 * len(wavenumbers), 5.5), 3.6)
    for j, axis in enumerate(axes[0]):
        axis.fill_between(wavenumbers[j], 1e-9, network[j], color=BLUE, alpha=0.25, lw=0)
        axis.plot(wavenumbers[j], network[j], color=BLUE, lw=1, label="initial network")
        if source is not None:
            axis.plot(wavenumbers[j], source[j], color=ORANGE, lw=1, label=source_name)
        for (name, value), style in zip(marks[j].items(), ("--", ":"), strict=False):
            axis.axvline(value, color="k", lw=0.9, ls=style, label=name)
        axis.set(
            yscale="log",
            ylim=(1e-7, 3),
            xlim=(0, wavenumbers[j][-1]),
            xlabel=f"wavenumber along x[{j}] (rad per unit of length)",
            ylabel="power, largest = 1" if j == 0 else "",
        )
        axis.grid(alpha=0.3)
    # Matplotlib's search for the best corner looks at every point of the curves.
    axes[0, -1].legend(fontsize=8, loc="upper right")
    return _save(figure, path)
