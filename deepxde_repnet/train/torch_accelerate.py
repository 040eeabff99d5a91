"""Deciding how a model's step is computed on PyTorch, by comparing and measuring."""

from __future__ import annotations

import contextlib
import ctypes
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

from .. import _host
from ..taylor.torch_network import Network, NotServed, Settings
from .torch_replay import CudaGraphs, Recorder, ReplayedStep
from .torch_step import Step, trained

#: Up to here the loss and its gradient are compared with DeepXDE's own, which take the most memory.
COMPARED = 20_000
#: Points in a block that are tried.
BLOCKS = (512, 1024, 2048, 4096)
#: A program that is compiled must be so much faster than one that is not.
WORTH = 0.95
#: Times that something is measured: so many at least and at most, and seconds after which no more.
REPEATS, MOST_REPEATS = 3, 20
MEASURED = 0.5
#: Options of glibc's mallopt, and bytes: the largest that it takes, and more than a step allocates.
KEPT = {"M_MMAP_THRESHOLD": (-3, 2**25), "M_TRIM_THRESHOLD": (-1, 2**29)}


def accelerate(
    model: Any, compile: bool | None, block: int | None, memory: float | None, graph: bool
) -> str:
    """Install a step, or keep the model's own; what was decided, as a sentence."""
    try:
        network = Network(model.net)
        return _decided(model, network, compile, block, memory, graph)
    except NotServed as reason:
        return f"DeepXDE's own training step is kept: {reason}."


def _decided(
    model: Any,
    network: Network,
    compile: bool | None,
    block: int | None,
    memory: float | None,
    graph: bool,
) -> str:
    step = Step(model, network, Settings(1, False, 0.0))
    batch = step.on_device(True, _host.training_batch(model))
    n = len(batch[0])
    limit = _memory() if memory is None else memory
    on_cpu = batch[0].device.type == "cpu"
    if on_cpu:
        _keep_memory()
    if block is not None:
        candidates = [block]
    else:
        candidates = sorted({_even(n, b) for b in (BLOCKS if on_cpu else (1 << 20,))})
    step.settings = Settings(candidates[-1], False, limit)
    _learn(step, batch, compared=n <= COMPARED)

    def run(settings: Settings | None) -> Callable[[], Any]:
        """A loss and its gradient with certain settings; None for DeepXDE's own."""

        def gradient() -> None:
            step.settings = settings or step.settings
            _gradient(step, batch, own=settings is None)

        return gradient

    settings = [Settings(size, False, limit) for size in candidates]
    own: float | None = None
    if n <= COMPARED:
        own, *times = _seconds([run(s) for s in (None, *settings)])
    else:
        times = _seconds([run(s) for s in settings])
    taken, best = min(zip(times, settings, strict=True))
    said = ""
    if compile is not False and network.compiles:
        compiled = best._replace(compiled=True)
        try:
            with warnings.catch_warnings():
                # PyTorch's compiler imports what PyTorch has deprecated.
                warnings.simplefilter("ignore", DeprecationWarning)
                run(compiled)()
        except Exception as error:  # whatever the compiler, or its absence, comes up with
            if compile:
                raise
            said = f"; it could not be compiled: {str(error).strip().splitlines()[0]}"
        else:
            plain, fast = _seconds([run(best), run(compiled)])
            if compile or fast < WORTH * plain:
                best, taken = compiled, fast
    step.settings = best
    recorder = _recorder(batch[0].device) if graph else None
    asked_for = compile is not None or block is not None or recorder is not None
    if own is not None and not asked_for and taken > own:
        return (
            "DeepXDE's own training step is kept: it is as fast here "
            f"({1e3 * own:.2g} ms, {1e3 * taken:.2g} ms with derivatives carried forward)."
        )
    if graph:
        said += "; no graph, as the model is not on a GPU" if recorder is None else "; as a graph"
    if recorder is not None:
        step = ReplayedStep(step, recorder)
    step.install()
    _fuse(model.opt)
    blocks = f"blocks of {best.block}" if best.block < n else "one block"
    how = "compiled" if best.compiled else "not compiled"
    before = "" if own is None else f" in place of {1e3 * own:.2g}"
    return (
        f"loss and gradient of {n} points take {1e3 * taken:.2g} ms{before} "
        f"({blocks}, {how}{said})."
    )


def _learn(step: Step, batch: Any, compared: bool) -> None:
    """Have the step find out which derivatives are asked for, and compare what comes of it."""
    try:
        _gradient(step, batch)
    except Exception:
        # A user's function may want tensors of no other kind than PyTorch's own. If that is not
        # the reason, the error comes again.
        step.forget(defers=False)
        _gradient(step, batch)
    difference = _difference(step, batch) if compared else None
    if difference is not None and step.defers:
        step.forget(defers=False)
        _gradient(step, batch)
        difference = _difference(step, batch)
    if difference is not None:
        raise NotServed(difference)


def _recorder(device: torch.device) -> Recorder | None:
    return CudaGraphs() if device.type == "cuda" else None


def _even(n: int, block: int) -> int:
    """The size of as many blocks, all of one size, in multiples of 16 points."""
    count = -(-n // block)
    return -(-n // (16 * count)) * 16


def _fuse(optimizer: Any) -> None:
    """Have Adam update all parameters in one call, unless the user has chosen how."""
    if type(optimizer) not in (torch.optim.Adam, torch.optim.AdamW) or optimizer.state:
        return
    try:
        type(optimizer)(trained(optimizer), fused=True)
    except RuntimeError:  # not on every device
        return
    for group in optimizer.param_groups:
        chosen = (group["foreach"], group["fused"], group["capturable"], group["differentiable"])
        if not any(chosen) and not torch.is_tensor(group["lr"]):
            group["fused"] = True


def _keep_memory() -> None:
    """Have glibc keep what it has been given back.

    Otherwise it returns large arrays to the system at the end of a step, and the next one waits for
    their pages. Other C libraries have no mallopt, or do nothing.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, size in KEPT.values():
            mallopt(option, size)


def _memory() -> float:
    if torch.cuda.is_available():
        return 0.25 * torch.cuda.mem_get_info()[0]
    return float(2**28)


def _gradient(step: Step, batch: Any, own: bool = False) -> tuple[Any, list[Any]]:
    """Losses and the gradient of their sum, which leaves the model as it was."""
    parameters = trained(step.model.opt)
    held = [p.grad for p in parameters]
    try:
        for parameter in parameters:
            parameter.grad = None
        if own:
            losses = step.own_losses[True](*batch)[1]
            torch.sum(losses).backward(inputs=parameters)
            losses = torch.sum(losses).detach()
        else:
            losses = step.loss_and_gradient(batch)
        return losses, [p.grad for p in parameters]
    finally:
        for parameter, gradient in zip(parameters, held, strict=True):
            parameter.grad = gradient


def _difference(step: Step, batch: Any) -> str | None:
    """What differs from DeepXDE's own loss and gradient beyond rounding."""
    own, theirs = _gradient(step, batch, own=True)
    loss, ours = _gradient(step, batch)
    scale = max((float(g.abs().max()) for g in theirs if g is not None), default=0.0)
    tolerance = torch.finfo(loss.dtype).eps ** 0.5 * 10
    found = [abs(float(loss - own)) / max(abs(float(own)), 1e-300)]
    for a, b in zip(ours, theirs, strict=True):
        if a is None or b is None:
            same = (a is None or not a.any()) and (b is None or not b.any())
            found.append(0.0 if same else float("inf"))
        else:
            found.append(float((a - b).abs().max()) / max(scale, 1e-300))
    worst = max(found) if not any(map(math.isnan, found)) else float("nan")
    # Not comparable: NaN or infinity of DeepXDE's own, which training will show in either way.
    if not worst <= tolerance and torch.isfinite(own):
        return f"with derivatives carried forward the gradient differs by {worst:.1g} of its size"
    return None


def _seconds(runs: list[Callable[[], Any]]) -> list[float]:
    """The shortest time of each, among several in which they take turns."""
    for run in runs:
        run()
    found = [float("inf")] * len(runs)
    begun = time.perf_counter()
    for number in range(MOST_REPEATS):
        if number >= REPEATS and time.perf_counter() - begun > MEASURED:
            break
        for k, run in enumerate(runs):
            _wait()
            start = time.perf_counter()
            run()
            _wait()
            found[k] = min(found[k], time.perf_counter() - start)
    return found


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
