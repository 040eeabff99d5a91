"""Helmholtz equation with dde.nn.FNN and with RepFNN on the same budget: a table and a picture.

Run by ``make demo``; the problem and the training are those of ``pinn_forward/helmholtz_2d.py``.
"""

import argparse
import contextlib
import io
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("DDE_BACKEND", "pytorch")
sys.path.insert(0, str(Path(__file__).resolve().parent))

with contextlib.redirect_stderr(io.StringIO()):  # DeepXDE's banner
    import deepxde as dde

import matplotlib
import numpy as np
from deepxde.optimizers.config import LBFGS_options
from pinn_forward import helmholtz_2d

from deepxde_repnet import RepFNN

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def run(net_class, seed=0, **budget):
    """Train one network; returns the model, its error and the seconds it took."""
    dde.config.set_random_seed(seed)
    # On PyTorch the loss is recorded once in so many iterations of L-BFGS; for the picture, often.
    LBFGS_options.update(iter_per_step=50, fun_per_step=63)
    printed = io.StringIO()
    start = time.perf_counter()
    with contextlib.redirect_stdout(printed):
        model = dde.Model(helmholtz_2d.problem(), helmholtz_2d.network(net_class))
        helmholtz_2d.train(model, display_every=50, **budget)
    seconds = time.perf_counter() - start
    for line in printed.getvalue().splitlines():
        if line.startswith("RepFNN:"):
            print(line)
    return model, helmholtz_2d.error(model), seconds


def picture(models, path, points_per_axis=151):
    """Solution and error of each network on the square, and the losses along training."""
    axis = np.linspace(0, 1, points_per_axis)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    exact = helmholtz_2d.solution(x).reshape(points_per_axis, points_per_axis)
    fields = {name: model.predict(x).reshape(exact.shape) for name, model in models.items()}
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    extent = (0, 1, 0, 1)
    for row, (name, field) in zip(axes, fields.items(), strict=True):
        image = row[0].imshow(
            field, origin="lower", extent=extent, cmap="RdBu_r", vmin=-1.1, vmax=1.1
        )
        figure.colorbar(image, ax=row[0], label="u")
        row[0].set_title(f"{name}: solution")
        image = row[1].imshow(np.abs(field - exact), origin="lower", extent=extent, cmap="viridis")
        figure.colorbar(image, ax=row[1], label="|u - exact|")
        row[1].set_title(f"{name}: error")
        for panel in row[:2]:
            panel.set(xlabel="x", ylabel="y")
    image = axes[0, 2].imshow(
        exact, origin="lower", extent=extent, cmap="RdBu_r", vmin=-1.1, vmax=1.1
    )
    figure.colorbar(image, ax=axes[0, 2], label="u")
    axes[0, 2].set(title="exact solution", xlabel="x", ylabel="y")
    loss = axes[1, 2]
    styles = zip(models.items(), ("#d55e00", "#0072b2"), ("--", "-"), ("o", "s"), strict=True)
    for (name, model), color, line, marker in styles:
        history = model.losshistory
        total = [np.sum(parts) for parts in history.loss_train]
        loss.semilogy(history.steps, total, line, color=color, marker=marker, ms=2, label=name)
    loss.set(title="training loss", xlabel="iteration", ylabel="mean squared residual")
    loss.legend()
    loss.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(output="helmholtz_2d.png", **budget):
    print(f"Helmholtz equation on the unit square, k = {helmholtz_2d.k:.4g} (about 3 minutes)")
    models, rows = {}, []
    for name, net_class in (("dde.nn.FNN", dde.nn.FNN), ("RepFNN", RepFNN)):
        models[name], error, seconds = run(net_class, **budget)
        rows.append((name, error, seconds))
    print(f"\n{'network':<12}{'relative L2 error':>20}{'time (s)':>12}")
    for name, error, seconds in rows:
        print(f"{name:<12}{error:>20.1e}{seconds:>12.0f}")
    picture(models, output)
    print(f"\nSolution, error and loss: {output}")
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="helmholtz_2d.png", help="file of the picture")
    main(**vars(parser.parse_args()))
