"""One training in several processes on ``torch.distributed``."""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from .. import _host
from .torch_step import Batch, Step, trained

#: Relative difference of the loss over all points from the sum over the processes: rounding.
ROUNDING = 1e-4


class SharedStep:
    """A training step at this process's part of the points.

    Args:
        step: How loss and gradient are computed of given points.
    """

    def __init__(self, step: Step) -> None:
        self._step, self._model = step, step.model
        self._rank, self._size = dist.get_rank(), dist.get_world_size()
        self._own_losses = {
            True: self._model.outputs_losses_train,
            False: self._model.outputs_losses_test,
        }
        self._held: tuple[Any, _host.Share | None, Batch] = (None, None, (None, None, None))

    def install(self) -> None:
        self._model.train_step = self.train_step
        self._model.outputs_losses_train = lambda *batch: self._evaluated(True, batch)
        self._model.outputs_losses_test = lambda *batch: self._evaluated(False, batch)

    def train_step(self, inputs: Any, targets: Any, auxiliary: Any) -> None:
        model = self._model
        share, batch = self._part((inputs, targets, auxiliary))

        def closure() -> torch.Tensor:
            return self.loss_and_gradient(share, batch)

        model.opt.step(closure)
        if model.lr_scheduler is not None:
            model.lr_scheduler.step()

    def loss_and_gradient(self, share: _host.Share, batch: Batch) -> torch.Tensor:
        """Loss over all points; its gradient goes to the parameters. The same in every process."""
        with _host.sharing(self._model.data, share, batch[0]):
            own = self._step.on_device(True, batch)
            total = self._step.loss_and_gradient(own, lambda losses: self._summed(losses, share))
        parameters = trained(self._model.opt)
        # Which parameters the loss depends on can differ with the points. So all are sent, with how
        # many processes have a gradient: an optimizer passes over a parameter that has none.
        there = total.new_tensor([p.grad is not None for p in parameters])
        slopes = [(torch.zeros_like(p) if p.grad is None else p.grad).ravel() for p in parameters]
        flat = torch.cat([total.reshape(1), there, *slopes])
        dist.all_reduce(flat)
        total, there, *slopes = flat.split([1, len(there), *(p.numel() for p in parameters)])
        for parameter, count, slope in zip(parameters, there.tolist(), slopes, strict=True):
            if count and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            if count:
                parameter.grad.copy_(slope.view_as(parameter))
        return total[0]

    def _summed(self, losses: torch.Tensor, share: _host.Share) -> torch.Tensor:
        """This process's summand of the loss: what its means weigh in those over all points."""
        *of_conditions, of_equations = share.weights
        n = len(of_conditions)
        penalties = 1 if _host.penalises_parameters(self._model.net) else 0
        equations = len(losses) - n - penalties
        weights = [of_equations] * equations + of_conditions + [1.0 / self._size] * penalties
        return torch.sum(losses * losses.new_tensor(weights))

    def finite_gradients(self, batch: Any) -> list[bool]:
        """Whether each term of the loss has a finite gradient at the points of every process."""
        share, part = self._part(batch)
        with _host.sharing(self._model.data, share, part[0]):
            own = self._step.finite_gradients(part)
        flags = torch.tensor(own, dtype=torch.uint8, device=trained(self._model.opt)[0].device)
        dist.all_reduce(flags, op=dist.ReduceOp.MIN)
        return [bool(flag) for flag in flags]

    def _part(self, batch: Any) -> tuple[_host.Share, Batch]:
        points, share, part = self._held
        if points is not batch[0] or share is None:
            share = _host.share_of_points(self._model.data, len(batch[0]), self._rank, self._size)
            part = tuple(None if a is None else a[share.rows] for a in batch)  # type: ignore[assignment]
            self._held = (batch[0], share, part)
        return share, part

    def _evaluated(self, training: bool, batch: Any) -> Any:
        """(outputs, losses) at all points, by process 0; all others are given them."""
        found: list[Any] = [None]
        if self._rank == 0:
            outputs, losses = self._own_losses[training](*batch)
            found = [(outputs.detach().cpu(), losses.detach().cpu())]
        dist.broadcast_object_list(found, src=0)

        return found[0]

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Losses without the other processes, which are not asked for any."""
        model = self._model
        shared = model.outputs_losses_train, model.outputs_losses_test
        model.outputs_losses_train, model.outputs_losses_test = (
            self._own_losses[True],
            self._own_losses[False],
        )
        try:
            yield
        finally:
            model.outputs_losses_train, model.outputs_losses_test = shared

    def check(self) -> None:
        """Stop where the loss over all points is not the sum over the processes."""
        batch = _host.training_batch(self._model)
        share, part = self._part(batch)
        held = [p.grad for p in trained(self._model.opt)]
        total = float(self.loss_and_gradient(share, part))
        for parameter, gradient in zip(trained(self._model.opt), held, strict=True):
            parameter.grad = gradient
        whole = float(self._evaluated(True, batch)[1].sum())
        if abs(total - whole) > ROUNDING * abs(whole):
            raise ValueError(
                f"the loss over all points is {whole:g}, and {total:g} when put together from "
                f"{self._size} parts: an error or a loss function is no mean over single points. "
                "Train in one process."
            )


def distribute(model: Any) -> str:
    """Install a shared step; how many processes there are, as a sentence."""
    on_gpu = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if on_gpu and torch.cuda.current_device() != local % torch.cuda.device_count():
        raise ValueError(
            f"process {local} works on GPU {torch.cuda.current_device()}, as others do; call "
            'torch.cuda.set_device(int(os.environ["LOCAL_RANK"])) before the network is made.'
        )
    if not dist.is_initialized():
        _join("nccl" if on_gpu else "gloo")
        atexit.register(_leave)
    rank, size = dist.get_rank(), dist.get_world_size()
    _from_first(model)
    step = getattr(model.train_step, "__self__", None)
    shared = SharedStep(step if isinstance(step, Step) else Step(model, None))
    shared.check()
    shared.install()
    _host.set_rank(model, rank)
    if rank > 0:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)
    return f"{size} processes share the training points out."


def _join(backend: str) -> None:
    """Meet the other processes.

    torchrun keeps one store through its restarts (2.13 does), where processes that are started anew
    would find the addresses of those that are gone. So each start has keys of its own.
    """
    store, rank, size = next(rendezvous("env://"))
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"deepxde_repnet/{attempt}", store)
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)


def _from_first(model: Any) -> None:
    """Points, batches, parameters and random states of process 0 for all."""
    states = [(np.random.get_state(), random.getstate(), torch.get_rng_state())]
    given = [_host.data_state(model.data)]
    dist.broadcast_object_list(states, src=0)
    dist.broadcast_object_list(given, src=0)
    np.random.set_state(states[0][0])
    random.setstate(states[0][1])
    torch.set_rng_state(states[0][2])
    if dist.get_rank() > 0:
        _host.set_data_state(model.data, given[0])
    with torch.no_grad():
        # With what is not trained: layers that are frozen are part of the function, too.
        unknowns = model.external_trainable_variables
        for tensor in [*model.net.parameters(), *model.net.buffers(), *unknowns]:
            dist.broadcast(tensor.data, src=0)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
