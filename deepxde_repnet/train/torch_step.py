"""DeepXDE's training step on PyTorch with the network's derivatives carried forward.

DeepXDE's own functions compute the losses, from the user's own equations and conditions. While they
run, the network and ``dde.grad`` are answered from a ``Field``, whose values and derivatives come
out of one pass through the layers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .. import _host
from ..taylor.features import Axes
from ..taylor.pytorch import Field, _Derivative
from ..taylor.torch_network import Network, Settings

Batch = tuple[Any, Any, Any]


class Served(Field):
    """The network's output at points x, through which gradients flow to the parameters.

    Args:
        x: Points, (N, d), a leaf that requires its gradient.
        values: axes -> D_A u for all that is known to be asked for.
        more: axes -> one that was not known.
    """

    def __init__(
        self,
        x: torch.Tensor,
        values: dict[Axes, torch.Tensor],
        more: Callable[[Axes], torch.Tensor],
    ) -> None:
        super().__init__(x, more)
        self.leaves.update(values)
        self._outputs: dict[Axes, torch.Tensor] = {}
        self._entries: dict[tuple[int, int, int | None], torch.Tensor] = {}
        # By identity: a tensor, whose derivative it is, and of which output (None: of all).
        self._known: dict[int, tuple[torch.Tensor, Axes, int | None]] = {}
        self.asked: set[Axes] = set()

    def derivative(self, axes: Axes = ()) -> torch.Tensor:
        self.asked.add(axes)
        if axes not in self._outputs:
            if axes not in self.leaves:
                self.leaves[axes] = self._value(axes)
            output = _Derivative.apply(self.x, self.leaves[axes], self, axes)
            self._outputs[axes] = output
            self._known[id(output)] = (output, axes, None)
        return self._outputs[axes]

    def jacobian(self, ys: torch.Tensor, xs: Any, i: int | None, j: int | None) -> Any:
        """J[i, j] as ``dde.grad.jacobian`` gives it; None for what is to be refused there."""
        if xs is not self.x or not torch.is_tensor(ys) or ys.ndim != 2:
            return None
        m, d = ys.shape[1], xs.shape[1]
        if (i is None and m > 1) or (i is None and j is None and d > 1):
            return None
        i = 0 if i is None else i
        if not 0 <= i < m or not (j is None or 0 <= j < d):
            return None
        if j is None and d == 1:
            j = 0
        key = (id(ys), i, j)
        if key not in self._entries:
            known = self._known.get(id(ys))
            if known is None:
                # Also keeps ys alive, and so its identity.
                self._known[id(ys)] = known = (ys, (), -1)
            self._entries[key] = self._entry(ys, known, i, j)
        return self._entries[key]

    def _entry(self, ys: torch.Tensor, known: Any, i: int, j: int | None) -> torch.Tensor:
        _, axes, column = known
        if column == -1:
            return self._differentiated(ys, i, j)
        if j is None:
            return torch.cat([self.jacobian(ys, self.x, i, k) for k in range(self.x.shape[1])], 1)
        output = i if column is None else column
        axes = tuple(sorted((*axes, j)))
        entry = self.derivative(axes)
        if entry.shape[1] > 1:
            entry = entry[:, output : output + 1]
            self._known[id(entry)] = (entry, axes, output)
        return entry

    def _differentiated(self, ys: torch.Tensor, i: int, j: int | None) -> torch.Tensor:
        """By automatic differentiation of what was computed from the output, along one axis."""
        y = ys[:, i : i + 1] if ys.shape[1] > 1 else ys
        before, self.direction = self.direction, j
        try:
            (row,) = torch.autograd.grad(y, self.x, torch.ones_like(y), create_graph=True)
        finally:
            self.direction = before
        return row if j is None else row[:, j : j + 1]

    def close(self) -> None:
        """Let go of the graph, which holds this field in turn."""
        for held in (self.leaves, self._outputs, self._entries, self._known):
            held.clear()


class Step:
    """What takes the place of a compiled model's three functions that compute losses.

    Args:
        model: A compiled ``dde.Model``.
        network: Its network; None leaves every derivative to DeepXDE.
    """

    def __init__(
        self, model: Any, network: Network | None, settings: Settings | None = None
    ) -> None:
        self.model, self.network, self.settings = model, network, settings
        self.own_step = model.train_step
        self.own_losses = {
            True: model.outputs_losses_train,
            False: model.outputs_losses_test,
        }
        self._asked: set[Axes] = set()
        self._tensors: dict[tuple[bool, int], tuple[Any, torch.Tensor]] = {}

    def install(self) -> None:
        self.model.train_step = self.train_step
        self.model.outputs_losses_train = lambda *batch: self.outputs_losses(True, batch)
        self.model.outputs_losses_test = lambda *batch: self.outputs_losses(False, batch)

    def train_step(self, inputs: Any, targets: Any, auxiliary: Any) -> None:
        """As DeepXDE's: one step of the optimizer, and of the learning rate."""
        model = self.model
        batch = self.on_device(True, (inputs, targets, auxiliary))

        def closure() -> torch.Tensor:
            return self.loss_and_gradient(batch)

        model.opt.step(closure)
        if model.lr_scheduler is not None:
            model.lr_scheduler.step()

    def loss_and_gradient(
        self, batch: Batch, total_of: Callable[[torch.Tensor], torch.Tensor] = torch.sum
    ) -> torch.Tensor:
        """The sum of the losses; its gradient goes to the parameters that are trained."""
        optimizer = self.model.opt
        with self._served(batch[0]) as field:
            total = total_of(self.own_losses[True](*batch)[1])
            optimizer.zero_grad()
            if field is not None:
                field.closed = True
            total.backward(inputs=trained(optimizer))
        return total.detach()

    def outputs_losses(self, training: bool, batch: Any) -> Any:
        """(outputs, losses) without a step."""
        batch = self.on_device(training, batch)
        with self._served(batch[0]):
            outputs, losses = self.own_losses[training](*batch)
            return outputs.detach(), losses.detach()

    def on_device(self, training: bool, batch: Any) -> Batch:
        """The same as tensors, made once for every array."""
        found = []
        for k, array in enumerate(batch):
            held = self._tensors.get((training, k))
            if array is None or torch.is_tensor(array):
                found.append(array)
                continue
            if held is None or held[0] is not array:
                if k == 0 and training:
                    _host.forget_condition_values(self.model.data)
                held = (array, torch.as_tensor(array))
                self._tensors[training, k] = held
            found.append(held[1])
        return tuple(found)  # type: ignore[return-value]

    @contextlib.contextmanager
    def _served(self, x: torch.Tensor) -> Iterator[Served | None]:
        """DeepXDE's evaluation of the network at x, and of derivatives there, from a field."""
        network, settings = self.network, self.settings
        if network is None or settings is None:
            yield None
            return
        net = self.model.net
        x.requires_grad_()

        # A pass for each derivative, in the first step alone: none of them keeps anything.
        first = settings._replace(memory=0.0)

        def more(axes: Axes) -> torch.Tensor:
            return network.derivatives(x, {axes}, first)[axes]

        field = Served(x, network.derivatives(x, self._asked, settings), more)
        transform = _host.output_transform(net)

        def evaluate(inputs: Any) -> Any:
            if inputs is not x:
                return type(net).forward(net, inputs)
            u = field.derivative()
            return u if transform is None else transform(inputs, u)

        net.forward = evaluate
        try:
            with _host.derivatives_from(field.jacobian):
                yield field
        finally:
            del net.forward
            self._asked |= field.asked
            field.close()


def trained(optimizer: Any) -> list[torch.Tensor]:
    """The parameters of an optimizer."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
