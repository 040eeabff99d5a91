"""One training, with whatever network, in this process."""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import deepxde as dde
import numpy as np
import torch
from deepxde.optimizers.config import LBFGS_options

from .problem import PROBLEMS, Problem, Script

LEARNING_RATE = 1e-3
# What PyTorch loads with its first optimizer takes a second, which is no network's.
torch.optim.Adam([torch.zeros(1, requires_grad=True)])


def train(
    problem: Problem | str,
    make_net: Callable[[list[int], str, str], Any],
    seed: int,
    steps: int | None = None,
) -> dict[str, Any]:
    """Train one network on one script and measure its error.

    The points, the noise and the network's first weights follow the seed; the points and the noise
    are the same for every network.

    Args:
        make_net: Called with the sizes of the layers, the activation and the initializer, as
            ``dde.nn.FNN`` is.
        steps: Of Adam instead of the problem's own; iterations of L-BFGS are then fewer, or more,
            in proportion.

    Returns:
        ``error``, see ``Script.error``; ``train_loss`` and ``test_loss``, weighted sums at the end;
        ``values`` of the unknowns; ``seconds`` of training and ``compile_seconds``, with what the
        network calibrates there, both of the processor; ``wall``, seconds of both on the wall;
        ``points``, of the equation and of the conditions; ``said``, what RepFNN printed. What is
        not finite is infinite.
    """
    if isinstance(problem, str):
        problem = PROBLEMS[problem]
    torch.set_num_threads(1)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), _kept_lbfgs_options():
        dde.config.set_random_seed(seed)
        script = problem.build()
        dde.config.set_random_seed(seed)  # whatever has been drawn for the data
        net = make_net(list(problem.layers), problem.activation, problem.initializer)
        if script.feature_transform is not None:
            net.apply_feature_transform(script.feature_transform)
        if script.output_transform is not None:
            net.apply_output_transform(script.output_transform)
        model = dde.Model(script.data, net)
        wall = time.perf_counter()
        compiled = _compile(model, script, "adam", lr=LEARNING_RATE)
        trained, history = _train(model, steps or problem.steps)
        if problem.lbfgs:
            share = 1.0 if steps is None else steps / problem.steps
            count = max(1, round(problem.lbfgs * share))
            # The two last for DeepXDE, which makes so many at once and would not stop before.
            LBFGS_options.update(maxiter=count, iter_per_step=count, fun_per_step=4 * count)
            compiled += _compile(model, script, "L-BFGS")
            more, history = _train(model)
            trained += more
        wall = time.perf_counter() - wall
    return {
        "error": finite(script.error(model)),
        "train_loss": finite(np.sum(history.loss_train[-1])),
        "test_loss": finite(np.sum(history.loss_test[-1])),
        "values": [finite(unknown.detach()) for unknown, _ in script.unknowns],
        "seconds": round(trained, 3),
        "compile_seconds": round(compiled, 3),
        "wall": round(wall, 3),
        "points": points(script.data),
        "said": [line for line in printed.getvalue().splitlines() if line.startswith("RepFNN")],
    }


def points(data: Any) -> list[int]:
    """At which the equation holds, or values are given; and those of all conditions together."""
    if isinstance(data, dde.data.PDE):
        return [len(data.train_x_all), sum(data.num_bcs)]
    return [len(data.train_x), 0]


def finite(value: Any) -> float:
    return float(value) if math.isfinite(float(value)) else math.inf


def _compile(model: dde.Model, script: Script, optimizer: str, lr: float | None = None) -> float:
    """Seconds of the processor that it took."""
    begin = time.process_time()
    model.compile(
        optimizer,
        lr=lr,
        loss_weights=script.loss_weights,
        external_trainable_variables=[unknown for unknown, _ in script.unknowns] or None,
    )
    return time.process_time() - begin


def _train(model: dde.Model, steps: int | None = None) -> tuple[float, Any]:
    """Seconds of the processor, and the history."""
    begin = time.process_time()
    history, _ = model.train(iterations=steps, display_every=steps or 1000, verbose=0)
    return time.process_time() - begin, history


@contextlib.contextmanager
def _kept_lbfgs_options() -> Iterator[None]:
    """DeepXDE keeps them for the whole process."""
    held = dict(LBFGS_options)
    try:
        yield
    finally:
        LBFGS_options.update(held)
