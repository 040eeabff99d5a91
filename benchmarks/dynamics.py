"""The damped heat equation of the frequencies against networks of finite width that are trained.

    python benchmarks/dynamics.py [--only widths|modes]

Two-layer Fourier-feature networks, frequencies in cycles and all parameters trained by gradient
descent, against ``deepxde_repnet.theory.dynamics``:

* the target ``exp(-x²/(2·0.4²)) (cos 2πx + sin 7πx)`` with ρ = N(0, 2²) and σ = 0.5, at widths 250,
  1000 and 4000: distance from the finite elements, and its exponent in the width, 15 seeds each;
* three modes under a Gaussian window, with ρ flat over the band and with a narrow normal: the times
  until half of each is learned, measured and predicted, 5 seeds each.

Results go to ``benchmarks/results/dynamics.json``, tables to ``docs/_tables``. A network of the
first experiment that has been trained is not trained again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deepxde_repnet.theory import dynamics
from deepxde_repnet.theory.frequencies import Normal, Uniform
from deepxde_repnet.theory.modes import learning_time

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rst import write_table  # noqa: E402

SEEDS = 5
SEEDS_OF_WIDTHS = 15  # late distances scatter by a factor of two, and an exponent is fitted to them
CYCLE = 2 * np.pi
TIMES = (1.0, 2.0, 4.0, 8.0)
WIDTHS = (250, 1000, 4000)

X = np.arange(-3, 3 + 1e-9, 1 / 64)
SIGMA, DENSITY = 0.5, Normal(2 * CYCLE)
TARGET = np.exp(-(X**2) / (2 * 0.4**2)) * (np.cos(2 * np.pi * X) + np.sin(7 * np.pi * X))

#: Of the second experiment: cycles per unit, a window that isolates them, and two distributions.
MODES = (1.0, 3.0, 5.0)
WINDOW = np.exp(-(X**2) / (2 * 0.6**2))
# Small: the equation is about the limit in which no parameter moves far.
MODES_TARGET = 0.02 * WINDOW * sum(np.cos(2 * np.pi * f * X) for f in MODES)
MODES_SIGMA = 0.1
FLAT, NARROW = Uniform(0, 7 * CYCLE), Normal(2.0 * CYCLE)
MODES_WIDTH = 4000
RATE = 0.02


def descend(
    target: np.ndarray,
    frequencies: np.ndarray,
    sigma: float,
    seed: int,
    steps: int,
    rate: float,
    watch: Callable[[int, np.ndarray], None],
) -> None:
    """Gradient descent on ``½ ∫ (u - u_0 - target)² dx`` over X; ``watch(step, error)`` sees it.

    Args:
        frequencies: w at the start, shape (m,), cycles per unit.
        rate: Learning rate; the time of gradient flow is rate times step.
    """
    generator = np.random.default_rng(seed)
    w, m = frequencies.copy(), len(frequencies)
    a, b = sigma * generator.standard_normal((2, m))
    dx, scale, start = X[1] - X[0], m**-0.5, None
    for step in range(steps + 1):
        z = CYCLE * np.outer(X, w)
        cos, sin = np.cos(z), np.sin(z)
        u = scale * (cos @ a + sin @ b)
        start = u if start is None else start
        error = u - start - target
        watch(step, error)
        e = rate * scale * dx * error
        of_cos, of_sin = e @ cos, e @ sin
        xe = CYCLE * X * e
        w -= b * (xe @ cos) - a * (xe @ sin)
        a -= of_cos
        b -= of_sin


def finite_elements(per_cycle: int = 64, step: float = 0.005) -> dynamics.Evolution:
    """The first experiment's ê on 16 cycles to either side."""
    axis = CYCLE * np.linspace(-16, 16, 32 * per_cycle + 1)
    return dynamics.evolve(
        dynamics.gradient_flow(SIGMA, 1, units="cycles"),
        lambda k: DENSITY.density(k[:, 0]),
        lambda k: dynamics.transform(-TARGET, X, k[:, 0]),
        TIMES,
        [axis],
        step,
    )


def distance(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def network(width: int, seed: int, exact: dynamics.Evolution, rate: float = 0.01) -> list[float]:
    """Relative L2 distances of a trained network's ê from the finite elements at TIMES."""
    at = {round(t / rate): i for i, t in enumerate(TIMES)}
    found = [0.0] * len(TIMES)

    def watch(step: int, error: np.ndarray) -> None:
        if step in at:
            spectrum = dynamics.transform(error, X, exact.k[:, 0])
            found[at[step]] = distance(spectrum, exact.values[at[step]])

    drawn = DENSITY.sample(np.random.default_rng(1000 + seed), width) / CYCLE
    descend(TARGET, drawn, SIGMA, seed, max(at), rate, watch)
    return found


def kernel(exact: dynamics.Evolution) -> list[float]:
    """Distances of the infinite-width kernel flow from the finite elements."""
    axis = CYCLE * np.linspace(-16, 16, 2049)
    flow = dynamics.gradient_flow(SIGMA, 1, units="cycles")
    errors = dynamics.kernel_flow(flow, lambda k: DENSITY.density(k[:, 0]), -TARGET, X, TIMES, axis)
    spectra = dynamics.transform(errors, X, exact.k[:, 0])
    return [distance(s, e) for s, e in zip(spectra, exact.values, strict=True)]


def halved_mesh(exact: dynamics.Evolution) -> list[float]:
    finer = finite_elements(128)
    return [distance(e, f[::2]) for e, f in zip(exact.values, finer.values, strict=True)]


def predicted_times(density: Any, end: float) -> list[float]:
    """Until half of each mode is left, by the finite elements."""
    moments = np.linspace(0, end, 201)
    axis = CYCLE * np.linspace(-16, 16, 1025)
    evolution = dynamics.evolve(
        dynamics.gradient_flow(MODES_SIGMA, 1, units="cycles"),
        lambda k: density.density(k[:, 0]),
        lambda k: dynamics.transform(-MODES_TARGET, X, k[:, 0]),
        moments,
        [axis],
        end / 200,
    )
    sizes = np.abs(evolution.at(CYCLE * np.array(MODES)))
    return learning_time(moments, sizes, dynamics.LEARNED).tolist()


def measured_times(density: Any, seed: int, end: float, rate: float) -> list[float]:
    """The same of a trained network."""
    steps = round(end / rate)
    every = max(steps // 400, 1)
    moments: list[float] = []
    sizes: list[np.ndarray] = []

    def watch(step: int, error: np.ndarray) -> None:
        if step % every == 0:
            moments.append(rate * step)
            sizes.append(np.abs(dynamics.transform(error, X, CYCLE * np.array(MODES))))

    drawn = density.sample(np.random.default_rng(1000 + seed), MODES_WIDTH) / CYCLE
    descend(MODES_TARGET, drawn, MODES_SIGMA, seed, steps, rate, watch)
    return learning_time(moments, sizes, dynamics.LEARNED).tolist()


def modes(density: Any, seeds: int) -> dict[str, Any]:
    """Predicted and measured times of the modes for one distribution."""
    end = 20.0
    while not np.isfinite(predicted := predicted_times(density, end)).all():
        end *= 2
    end = 1.5 * max(predicted)
    rate = max(RATE, end / 1500)
    measured = [measured_times(density, seed, end, rate) for seed in range(seeds)]
    return {"predicted": predicted, "measured": measured}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("widths", "modes"), help="redo one experiment")
    only = parser.parse_args().only
    path = ROOT / "benchmarks" / "results" / "dynamics.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if only != "modes":
        exact = finite_elements()
        results |= {"kernel": kernel(exact), "halved mesh": halved_mesh(exact)}
        for width in WIDTHS:
            runs = results.setdefault("networks", {}).setdefault(str(width), [])
            for seed in range(len(runs), SEEDS_OF_WIDTHS):
                runs.append(network(width, seed, exact))
                path.write_text(json.dumps(results, indent=1) + "\n")
            print(width, np.median(runs, axis=0), flush=True)
    if only != "widths":
        results["modes"] = {}
        for name, density in (("flat", FLAT), ("narrow", NARROW)):
            results["modes"][name] = modes(density, SEEDS)
            print(name, results["modes"][name], flush=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    write_tables(results)


def exponents(networks: dict[str, list[list[float]]]) -> list[float]:
    """Of the median distance in the width, at each time."""
    widths = np.log([float(w) for w in networks])
    medians = np.log([np.median(runs, axis=0) for runs in networks.values()])
    return [float(np.polyfit(widths, column, 1)[0]) for column in medians.T]


def write_tables(results: dict[str, Any]) -> None:
    rows = [["", *(f"t = {t:g}" for t in TIMES)]]
    rows.append(["Halving the mesh", *(f"{v:.0e}" for v in results["halved mesh"])])
    rows.append(["Infinite-width kernel", *(f"{v:.0e}" for v in results["kernel"])])
    for width, runs in results["networks"].items():
        entries = [f"{np.median(c):.3f} ({min(c):.3f} to {max(c):.3f})" for c in np.array(runs).T]
        rows.append([f"Network, {width} pairs", *entries])
    rows.append(["Exponent in the width", *(f"{v:.2f}" for v in exponents(results["networks"]))])
    note = (
        "Relative L2 distance of ê from the finite elements; networks: median (range) of "
        f"{SEEDS_OF_WIDTHS} seeds. Written by ``benchmarks/dynamics.py``."
    )
    write_table("dynamics_widths", rows, note)
    rows = [["Distribution", "", *(f"{f:g} cycles" for f in MODES), "Slowest over fastest"]]
    for name, found in results["modes"].items():
        measured = np.array(found["measured"])
        rows.append(
            [
                name,
                "predicted",
                *(f"{t:.1f}" for t in found["predicted"]),
                f"{max(found['predicted']) / min(found['predicted']):.2f}",
            ]
        )
        ratio = measured.max(axis=1) / measured.min(axis=1)
        rows.append(
            [
                "",
                "measured",
                *(f"{np.median(c):.1f} ({c.min():.1f} to {c.max():.1f})" for c in measured.T),
                f"{np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f})",
            ]
        )
    note = (
        f"Time until half of a mode is learned, {MODES_WIDTH} pairs of features; median (range) of "
        f"{SEEDS} seeds. Flat: 0 to {FLAT.high / CYCLE:g} cycles per unit; narrow: normal, "
        f"{NARROW.scale / CYCLE:g} cycles. Written by ``benchmarks/dynamics.py``."
    )
    write_table("dynamics_modes", rows, note)


if __name__ == "__main__":
    main()
