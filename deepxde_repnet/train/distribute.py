"""Training of one model in several processes."""

from __future__ import annotations

import importlib
import os
from typing import Any

from .. import _host
from ..spec import as_verbosity


def distribute(model: Any, *, verbose: int = 1) -> None:
    """Share a compiled model's training points out among the processes that torchrun started.

    Start the script with ``torchrun --nproc-per-node 4 script.py``, and call this after each
    ``model.compile(...)`` (and after ``accelerate``, where that is used; its CUDA graph is not).
    Every process then takes each 4th point of the equations and of every condition. Their losses,
    weighted by the number of points, and gradients are summed in one flattened all-reduce a step:

        L = Σ_r (n_r / n) L_r,   ∇L = Σ_r (n_r / n) ∇L_r

    so that the trajectory is that of one process, to rounding, with L-BFGS too. Process 0 gives its
    points, batches, initial parameters and random states to all, so that points are resampled
    alike. It evaluates test losses, metrics and what is displayed, at all points; only it prints,
    saves and draws. Alone, or without torchrun, nothing is changed.

    With several GPUs, call ``torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))`` before the
    network is made. An error, or the end, of a process ends the others.

    Args:
        model: A ``dde.Model`` with PyTorch, after ``model.compile(...)``.
        verbose: 0 does not say how many processes there are.

    Raises:
        ValueError: If the model is not compiled, cannot be shared out, or its loss is no mean over
            points.
        TypeError: If ``model`` is no ``dde.Model``.
        NotImplementedError: With a backend other than PyTorch.
    """
    if not isinstance(model, _host.Model):
        raise TypeError(f"distribute takes a dde.Model, not {type(model).__name__}.")
    verbose = as_verbosity(verbose)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        _host.announce("distribute: one process, nothing to share out.", verbose)
        return
    if _host.backend_name != "pytorch":
        raise NotImplementedError(
            f"distribute runs on PyTorch, and DeepXDE uses {_host.backend_name!r}; set "
            "DDE_BACKEND=pytorch."
        )
    reason = _host.not_plain_training(model)
    if reason is not None:
        raise ValueError(f"the model's training cannot be shared out: {reason}.")
    implementation = importlib.import_module(".torch_distribute", __package__)
    said = implementation.distribute(model)
    _host.announce(f"distribute: {said}", verbose)
