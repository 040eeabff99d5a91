"""Pictures of what the instruments recorded: one call each, which returns Matplotlib's axes.

They take arrays, or the records of `deepxde_repnet.records`, and know no network. The package does
not import this module, nor Matplotlib, by itself.

Colours are those of Okabe and Ito and of the maps viridis and cividis, which people who do not see
all colours tell apart as well, and which keep their order in grey; where lines must be told apart,
their ends are labelled and their dashes differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from numpy.typing import ArrayLike, NDArray

from .records import FirstLayerRecord, SpectrumRecord
from .theory.modes import shells

FloatArray = NDArray[np.float64]

#: Okabe and Ito's colours, without yellow, which is too light for lines.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_BEFORE, _AFTER = "#e69f00", "#0072b2"
_DASHES = ("-", (0, (6, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))


def error_spectrum(
    record: SpectrumRecord,
    *,
    highest: float | None = None,
    limits: tuple[float, float] | None = None,
    marked: Sequence[float] = (),
    per_step: str = "training steps",
    ax: Any = None,
) -> Any:
    """Heat map of the error: wavenumber upwards, training to the right, amplitude as colour.

    A wave that is learnt turns dark from some step on. In several dimensions all waves of about one
    length ``|k|`` are put together (`modes.shells`).

    Args:
        record: With a reference, or of a residual.
        highest: Largest wavenumber shown, in radians per unit; None shows all that there are up to
            where anything is seen.
        limits: Amplitudes that the two ends of the colours stand for; give the same for pictures
            to be compared. None reaches from the largest three decades down.
        marked: Wavenumbers that get an arrow at the right, such as those of the solution.
        per_step: Name of the horizontal axis.
        ax: Axes to draw in; None makes a figure.

    Returns:
        The axes. ``ax.figure.savefig("error.png")`` saves the picture, and
        ``ax.set_xscale("symlog", linthresh=20)`` stretches the first steps.

    Raises:
        ValueError: There is no reference, or fewer than two times.
    """
    if len(record.steps) < 2:
        raise ValueError(
            f"a heat map needs at least two times, and the record has {len(record.steps)}."
        )
    edges, size = _by_wavenumber(record)
    if limits is None:
        top = float(np.max(size, where=np.isfinite(size), initial=np.finfo(float).tiny))
        limits = (1e-3 * top, top)
    floor, top = limits
    if highest is None:
        seen = np.flatnonzero((size > floor).any(axis=0))
        highest = min(edges[-1], 1.1 * edges[seen[-1] + 1]) if seen.size else edges[-1]
    ax = _axes(ax)
    image = ax.pcolormesh(
        _between(record.steps),
        edges,
        np.maximum(size, floor).T,
        norm=LogNorm(floor, top),
        cmap="viridis",
        rasterized=True,
    )
    name = "residual" if record.quantity == "residual" else "error"
    ax.figure.colorbar(image, ax=ax, label=f"amplitude of the {name}", extend="min", pad=0.06)
    ax.set(
        xlim=(record.steps[0], record.steps[-1]),
        ylim=(max(edges[0], 0.0), highest),
        xlabel=per_step,
        ylabel=_wavenumber_label(record.wavenumbers),
    )
    for k in marked:
        if k <= highest:
            ax.annotate(
                "",
                xy=(1.0, k),
                xytext=(1.05, k),
                xycoords=ax.get_yaxis_transform(),
                arrowprops={"arrowstyle": "-|>", "color": "#d55e00", "lw": 1.5},
                annotation_clip=False,
            )
    return ax


def learning_curves(
    steps: ArrayLike,
    errors: ArrayLike,
    *,
    wavenumbers: ArrayLike | None = None,
    predicted: ArrayLike | None = None,
    predicted_steps: ArrayLike | None = None,
    relative: bool = True,
    per_step: str = "training steps",
    ax: Any = None,
) -> Any:
    """Error of each mode along training, as measured and as predicted.

    Measured curves are drawn thick and pale, predicted ones thin and dark over them, in one colour
    and one kind of dashes for each mode, whose wavenumber stands at its end.

    Args:
        steps: (T,), or the times of a theory.
        errors: Amplitudes of the error, (T, M), of few modes, complex or not, such as
            ``record.error`` of a `modes.Known`.
        wavenumbers: One number for each mode, (M,), or wave vectors (M, d), for the labels.
        predicted: Amplitudes that a theory predicts, (S, M), or None.
        predicted_steps: (S,); None where they are ``steps``.
        relative: Whether every curve is divided by its first value.
        per_step: Name of the horizontal axis.
        ax: Axes to draw in; None makes a figure.

    Returns:
        The axes.

    Raises:
        ValueError: The shapes do not fit.
    """
    t, e = np.asarray(steps, dtype=float), np.abs(np.asarray(errors))
    if t.ndim != 1 or e.ndim != 2 or len(t) != len(e):
        raise ValueError(f"steps must be (T,) and errors (T, M), got {t.shape} and {e.shape}.")
    labels = _labels(wavenumbers, e.shape[1])
    ax = _axes(ax)
    curves = [(t, e, {"lw": 5, "alpha": 0.35, "solid_capstyle": "round"})]
    if predicted is None:
        curves = [(t, e, {"lw": 1.8})]
    else:
        s = t if predicted_steps is None else np.asarray(predicted_steps, dtype=float)
        p = np.abs(np.asarray(predicted))
        if p.shape != (len(s), e.shape[1]):
            raise ValueError(
                f"predicted must be {(len(s), e.shape[1])}, a row for each of its steps and a "
                f"column for each mode, got {p.shape}."
            )
        curves.append((s, p, {"lw": 1.4}))
    ends: list[tuple[float, int]] = []
    for j in range(e.shape[1]):
        for i, (times, sizes, style) in enumerate(curves):
            values = sizes[:, j] / (sizes[0, j] if relative else 1.0)
            # Pale bands are whole lines: dashes would be lost in them.
            dashes = "-" if i < len(curves) - 1 else _DASHES[j % len(_DASHES)]
            ax.plot(times, values, color=COLORS[j % len(COLORS)], ls=dashes, **style)
        ends.append((float(values[-1]), j))
    ax.set_yscale("log")
    mode = "the mode" if wavenumbers is None else "mode k (rad per unit)"
    ax.set(
        xlabel=per_step,
        ylabel=f"error of {mode}, relative to the first" if relative else f"error of {mode}",
    )
    ax.set_xlim(t[0], max(t[-1], curves[-1][0][-1]))
    _at_ends(ax, ends, labels)
    if predicted is not None:
        ax.plot([], [], color="0.4", lw=5, alpha=0.35, label="measured")
        ax.plot([], [], color="0.2", lw=1.4, label="predicted")
        ax.legend(loc="lower left", frameon=False)
    return ax


def partition_points(record: FirstLayerRecord, *, ax: Any = None) -> Any:
    """Where the neurons of the first layer switch, along training (1-d) or before and after (2-d).

    In one dimension every neuron is a line from the top, where training starts, to the bottom; the
    dark lines are those of the steepest neurons. In two, every neuron is an arrow from where its
    partition point was to where it is, with a stroke along the line on which it switches there.

    Args:
        record: Of a first layer with one or two inputs.
        ax: Axes to draw in; None makes a figure.

    Returns:
        The axes.

    Raises:
        ValueError: The layer has more than two inputs, or no partition points.
    """
    _, count, dim = record.partition.shape
    if count == 0:
        raise ValueError("this layer has no partition points: it is that of a FourierFNN.")
    if dim > 2:
        raise ValueError(
            f"points are drawn in one or two dimensions, and this record has {dim}; draw "
            "two of them, in a FirstLayerRecord of your own."
        )
    return (_in_line if dim == 1 else _in_plane)(record, _axes(ax))


def slope_histogram(record: FirstLayerRecord, *, bins: int = 30, ax: Any = None) -> Any:
    """Histogram of the first layer's slopes ``|w|``, before training and after, with their medians.

    Args:
        record: Of a first layer.
        bins: Number of bars, of equal width on the logarithmic axis.
        ax: Axes to draw in; None makes a figure.

    Returns:
        The axes.
    """
    before, after = record.steepness[0], record.steepness[-1]
    both = np.concatenate([before, after])
    both = both[both > 0]
    low, high = max(both.min(), both.max() * 1e-4), both.max()
    edges = np.geomspace(low, high * 1.001, bins + 1)
    ax = _axes(ax)
    ax.hist(np.maximum(before, low), edges, color=_BEFORE, alpha=0.45)
    ax.hist(np.maximum(after, low), edges, histtype="step", color=_AFTER, lw=2)
    for values, color, dashes in ((before, _BEFORE, "--"), (after, _AFTER, "-")):
        ax.axvline(np.median(values), color=color, ls=dashes, lw=1.8)
    ax.plot([], [], color=_BEFORE, lw=8, alpha=0.45, label=f"step {record.steps[0]}")
    ax.plot([], [], color=_AFTER, lw=2, label=f"step {record.steps[-1]}")
    ax.plot([], [], color="0.3", lw=1.8, ls="--", label="medians")
    ax.set_xscale("log")
    ax.set(xlabel="slope |w| (1 per unit)", ylabel="neurons of the first layer")
    ax.legend(loc="upper left", frameon=False)
    return ax


def _in_line(record: FirstLayerRecord, ax: Any) -> Any:
    x, steps = record.partition[:, :, 0], record.steps
    steepness = record.steepness[-1]
    rank = np.argsort(np.argsort(steepness)) / max(len(steepness) - 1, 1)
    lines = LineCollection(
        [np.column_stack([path, steps]) for path in x.T],
        array=steepness,
        cmap="cividis_r",
        norm=LogNorm(*_positive_range(steepness)),
        linewidths=0.8 + rank,
    )
    ax.add_collection(lines)
    _slope_colors(lines, ax)
    _domain(ax, record, 0)
    ax.set(xlabel="partition point x", ylabel="training steps")
    ax.set_xlim(min(x.min(), record.lower[0]), max(x.max(), record.upper[0]))
    ax.set_ylim(steps[-1], steps[0])
    return ax


def _in_plane(record: FirstLayerRecord, ax: Any) -> Any:
    before, after = record.partition[0], record.partition[-1]
    steepness = record.steepness[-1]
    along = record.slopes[-1][:, ::-1] * (-1, 1) / np.maximum(steepness, 1e-300)[:, None]
    half = 0.03 * np.linalg.norm(record.upper - record.lower)
    strokes = LineCollection(
        list(np.stack([after - half * along, after + half * along], axis=1)),
        array=steepness,
        cmap="cividis_r",
        norm=LogNorm(*_positive_range(steepness)),
        linewidths=2.0,
    )
    ax.add_collection(strokes)
    ax.add_collection(
        LineCollection(list(np.stack([before, after], axis=1)), colors="0.45", linewidths=0.8)
    )
    ax.plot(*before.T, "o", mfc="white", mec=_BEFORE, ms=5, label=f"step {record.steps[0]}")
    ax.plot(*after.T, "o", color=_AFTER, ms=3.5, label=f"step {record.steps[-1]}")
    _slope_colors(strokes, ax)
    low, high = record.lower, record.upper
    ax.add_patch(plt.Rectangle(tuple(low), *(high - low), fill=False, ec="0.3", lw=1))
    ax.set(xlabel="first coordinate", ylabel="second coordinate")
    if 0.2 < (high - low)[0] / (high - low)[1] < 5:
        ax.set_aspect("equal")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return ax


def _slope_colors(collection: Any, ax: Any) -> None:
    bar = ax.figure.colorbar(collection, ax=ax, label="slope |w| at the end (1 per unit)")
    low, high = bar.vmin, bar.vmax
    ticks = [m * 10.0**e for e in range(-12, 13) for m in (1, 2, 5) if low <= m * 10.0**e <= high]
    if len(ticks) > 1:
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        bar.minorticks_off()


def _domain(ax: Any, record: FirstLayerRecord, axis: int) -> None:
    for bound in (record.lower[axis], record.upper[axis]):
        ax.axvline(bound, color="0.3", lw=1, ls="--")


def _by_wavenumber(record: SpectrumRecord) -> tuple[FloatArray, FloatArray]:
    """Edges (B + 1,) between the wavenumbers, and the error's amplitude there, (T, B)."""
    k, error = np.asarray(record.wavenumbers), record.error
    if k.shape[1] == 1:
        order = np.argsort(k[:, 0])
        return _between(k[order, 0]), np.abs(error[:, order])
    size = np.linalg.norm(k, axis=1)
    width = max(np.min(column[column > 0], initial=np.inf) for column in np.abs(k).T)
    edges = (np.arange(int(size.max() / width) + 2) - 0.5) * width
    return edges, shells(k, error, edges, record.bandwidth)


def _between(values: ArrayLike) -> FloatArray:
    """Edges half-way between increasing values, (n + 1,)."""
    v = np.asarray(values, dtype=float)
    if v.size == 1:
        return np.array([v[0] - 0.5, v[0] + 0.5])
    middle = (v[1:] + v[:-1]) / 2
    return np.concatenate([[v[0] - (middle[0] - v[0])], middle, [v[-1] + (v[-1] - middle[-1])]])


def _wavenumber_label(wavenumbers: NDArray[Any]) -> str:
    return ("wavenumber k" if wavenumbers.shape[1] == 1 else "wavenumber |k|") + " (rad per unit)"


def _labels(wavenumbers: ArrayLike | None, count: int) -> list[str]:
    if wavenumbers is None:
        return [f"mode {j + 1}" for j in range(count)]
    k = np.asarray(wavenumbers, dtype=float).reshape(count, -1)
    return ["k = " + ", ".join(f"{value:.3g}" for value in row) for row in k]


def _at_ends(ax: Any, ends: list[tuple[float, int]], labels: list[str]) -> None:
    """Write labels beside the ends of lines on a logarithmic axis, apart where they would overlap.

    They stand at their values, moved by points on the page: axes that change later take them along.
    """
    shown = sorted((value, j) for value, j in ends if np.isfinite(value) and value > 0)
    low, high = np.log(ax.get_ylim())
    height = ax.get_position().height * ax.figure.get_figheight() * 72  # in points
    above = -np.inf
    for value, j in shown:
        at = (np.log(value) - low) / (high - low) * height
        above = max(at, above + 13)
        ax.annotate(
            labels[j],
            (1.0, value),
            xycoords=ax.get_yaxis_transform(),
            xytext=(4, above - at),
            textcoords="offset points",
            color=COLORS[j % len(COLORS)],
            va="center",
            annotation_clip=False,
        )


def _positive_range(values: FloatArray) -> tuple[float, float]:
    high = float(values.max())
    low = max(float(np.min(values[values > 0], initial=high)), high * 1e-3)
    return (low, high) if low < high else (high / 2, high * 2)


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    return plt.subplots(figsize=(6.4, 4.2), layout="constrained")[1]
