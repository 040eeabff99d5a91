"""DeepXDE's training step on PyTorch with the network's derivatives carried forward.

DeepXDE's own functions compute the losses, from the user's own equations and conditions. While they
run, the network and ``dde.grad`` are answered from a ``Field``, whose values and derivatives come
out of one pass through the layers.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .. import _host
from ..taylor.features import Axes, with_axis
from ..taylor.pytorch import Field, _Derivative
from ..taylor.torch_jets import Component, Sum, is_sum, summands
from ..taylor.torch_network import Network, Settings
from .state.pytorch import has_finite_gradient
from .torch_deferred import Deferred, computed, functions_get_tensors

Batch = tuple[Any, Any, Any]


class Served(Field):
    """The network's output at points x, through which gradients flow to the parameters.

    Args:
        x: Points, (N, d), a leaf that requires its gradient.
        values: D_A u for all that is known to be asked for.
        more: D_A u for one that was not known.
        asked: What is known.
        defers: Whether derivatives may be ``Deferred``. Sums are asked for as such only while
            nothing is known, as their factors could change from step to step; later, their parts.
    """

    def __init__(
        self,
        x: torch.Tensor,
        values: dict[Component, torch.Tensor],
        more: Callable[[Axes], torch.Tensor],
        asked: set[Component],
        defers: bool,
    ) -> None:
        super().__init__(x, more)
        self.leaves: dict[Any, torch.Tensor] = dict(values)
        self._outputs: dict[Any, torch.Tensor] = {}
        self._entries: dict[tuple[int, int, int | None], torch.Tensor] = {}
        self._combined: dict[Any, torch.Tensor] = {}
        # By identity: a tensor, the derivatives whose sum it is, None if it was computed from the
        # output, and of which output (None: of all).
        self._known: dict[int, tuple[torch.Tensor, dict[Axes, float] | None, int | None]] = {}
        self._before, self._defers = asked, defers
        self._nothing: torch.Tensor | None = None
        self._deferred: list[weakref.ref[Deferred]] = []
        self.asked: set[Component] = set()

    def derivative(self, axes: Component = ()) -> torch.Tensor:
        self.asked.add(axes)
        return self._output(axes)

    def _output(self, axes: Component) -> torch.Tensor:
        if axes not in self._outputs:
            if axes not in self.leaves:
                self.leaves[axes] = self._value(axes)  # type: ignore[arg-type]
            output = _Derivative.apply(self.x, self.leaves[axes], self, axes)
            self._outputs[axes] = output
            if not is_sum(axes):
                self._known[id(output)] = (output, dict(summands(axes)), None)
        return self._outputs[axes]

    def combined(self, terms: dict[Axes, float], column: int | None) -> torch.Tensor:
        """``Σ_A c_A D_A u`` of one output, (N, 1), or of all, (N, m)."""
        ordered = tuple(sorted(terms.items()))
        key = (ordered, column)
        if key not in self._combined:
            self._combined[key] = self._computed(ordered, column)
        return self._combined[key]

    @torch.enable_grad()
    def _computed(self, ordered: Sum, column: int | None) -> torch.Tensor:
        # With gradients even if they are not wanted now: they may be where it is asked for again.
        first = ordered[0][1]
        if len(ordered) == 1:
            found = self.derivative(ordered[0][0])
        else:
            found = self._sum(tuple((axes, factor / first) for axes, factor in ordered))
        if column is not None and found.shape[1] > 1:
            found = found[:, column : column + 1]
        return found if first == 1 else first * found

    def _sum(self, wanted: Sum) -> torch.Tensor:
        if wanted in self.leaves:
            return self.derivative(wanted)
        learning = not self._before
        if learning or wanted in self._before:
            self.asked.add(wanted)
        total = None
        for axes, factor in wanted:
            part = self._output(axes) if learning else self.derivative(axes)
            part = part if factor == 1 else factor * part
            total = part if total is None else total + part
        assert total is not None
        return total

    def differentiated(self, axes: Component, j: int) -> torch.Tensor:
        return self.combined(_along(dict(summands(axes)), j), None)

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
            if id(ys) not in self._known:
                # Also keeps ys alive, and so its identity.
                own = isinstance(ys, Deferred) and ys.source is self
                self._known[id(ys)] = (ys, ys.terms, ys.column) if own else (ys, None, None)
            self._entries[key] = self._entry(ys, i, j)
        return self._entries[key]

    def _entry(self, ys: torch.Tensor, i: int, j: int | None) -> torch.Tensor:
        _, terms, column = self._known[id(ys)]
        if terms is None:
            return self._differentiated(computed(ys), i, j)
        if j is None:
            return torch.cat([self.jacobian(ys, self.x, i, k) for k in range(self.x.shape[1])], 1)
        terms, column = _along(terms, j), i if column is None else column
        if self._defers:
            return self.deferred(terms, column)
        entry = self.combined(terms, column)
        self._known[id(entry)] = (entry, terms, column)
        return entry

    def deferred(self, terms: dict[Axes, float], column: int) -> Deferred:
        """The same as ``combined`` of one output, not computed."""
        if self._nothing is None:
            value = self.leaves[()]
            self._nothing = value.new_full((), float("nan")).expand(len(value), 1)
        found = Deferred.of(self._nothing, self, terms, column)
        self._deferred.append(weakref.ref(found))
        return found

    def _differentiated(self, ys: torch.Tensor, i: int, j: int | None) -> torch.Tensor:
        """By automatic differentiation of what was computed from the output, along one axis."""
        y = ys[:, i : i + 1] if ys.shape[1] > 1 else ys
        before, self.direction = self.direction, j
        try:
            (row,) = torch.autograd.grad(y, self.x, torch.ones_like(y), create_graph=True)
        finally:
            self.direction = before
        return row if j is None else row[:, j : j + 1]

    def compute_kept(self) -> None:
        """Derivatives that the user's functions have put aside become what they are now."""
        self._entries.clear()
        self._known.clear()
        for reference in self._deferred:
            deferred = reference()
            if deferred is not None:
                deferred.tensor()

    def close(self) -> None:
        """Let go of the graph, which holds this field in turn."""
        for held in (self.leaves, self._outputs, self._entries, self._known, self._combined):
            held.clear()


def _along(terms: dict[Axes, float], j: int) -> dict[Axes, float]:
    """The terms differentiated along axis j."""
    return {with_axis(axes, j): factor for axes, factor in terms.items()}


class Step:
    """What takes the place of a compiled model's three functions that compute losses.

    Args:
        model: A compiled ``dde.Model``.
        network: Its network; None leaves every derivative to DeepXDE.

    Attributes:
        asked: Which derivatives and sums the user's functions have asked for.
        defers: See ``Served``.
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
        self.defers = True
        self.asked: set[Component] = set()
        self._tensors: dict[tuple[bool, int], tuple[Any, torch.Tensor]] = {}

    def forget(self, defers: bool) -> None:
        """Learn anew what is asked for; see ``Served`` for ``defers``."""
        self.defers = defers
        self.asked.clear()

    def install(self) -> None:
        self.model.train_step = self.train_step
        self.model.outputs_losses_train = lambda *batch: self.outputs_losses(True, batch)
        self.model.outputs_losses_test = lambda *batch: self.outputs_losses(False, batch)

    def train_step(self, inputs: Any, targets: Any, auxiliary: Any) -> None:
        """As DeepXDE's: one step of the optimizer, and of the learning rate."""
        self.advance(self.on_device(True, (inputs, targets, auxiliary)))
        if self.model.lr_scheduler is not None:
            self.model.lr_scheduler.step()

    def advance(self, batch: Batch) -> None:
        """One step of the optimizer."""
        with self._threads():
            self.model.opt.step(lambda: self.loss_and_gradient(batch))

    def loss_and_gradient(
        self, batch: Batch, total_of: Callable[[torch.Tensor], torch.Tensor] = torch.sum
    ) -> torch.Tensor:
        """The sum of the losses; its gradient goes to the parameters that are trained."""
        optimizer = self.model.opt
        with self._threads(), self._served(batch[0]) as field:
            total = total_of(self.own_losses[True](*batch)[1])
            optimizer.zero_grad()
            if field is not None:
                field.closed = True
            total.backward(inputs=trained(optimizer))
        return total.detach()

    def finite_gradients(self, batch: Any) -> list[bool]:
        """Whether each term of the loss has a finite gradient; nothing is changed.

        A pass for each, as for the whole loss: DeepXDE's own would need memory for all points.
        """
        batch, parameters = self.on_device(True, batch), trained(self.model.opt)
        found, count = list[bool](), 1
        with _host.recorded_terms(self.model) as terms, self._threads():
            while len(found) < count:
                with self._served(batch[0]) as field:
                    self.own_losses[True](*batch)
                    count = len(terms)
                    if field is not None:
                        field.closed = True
                    found.append(has_finite_gradient(terms[len(found)], parameters))
        return found

    def outputs_losses(self, training: bool, batch: Any) -> Any:
        """(outputs, losses) without a step."""
        batch = self.on_device(training, batch)
        with self._threads(), self._served(batch[0]):
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
    def _threads(self) -> Iterator[None]:
        """As many threads as were found best, until the user's own code goes on."""
        before = torch.get_num_threads()
        wanted = self.settings.threads if self.settings else None
        if wanted is None or wanted == before:
            yield
            return
        torch.set_num_threads(wanted)
        try:
            yield
        finally:
            torch.set_num_threads(before)

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

        values = network.derivatives(x, self.asked, settings)
        field = Served(x, values, more, self.asked, self.defers)
        transform = _host.output_transform(net)

        def evaluate(inputs: Any) -> Any:
            if inputs is not x:
                return type(net).forward(net, inputs)
            u = field.derivative()
            return u if transform is None else transform(inputs, u)

        net.forward = evaluate
        try:
            with _host.derivatives_from(field.jacobian), functions_get_tensors():
                yield field
            field.compute_kept()
        finally:
            del net.forward
            self.asked |= field.asked
            field.close()


def trained(optimizer: Any) -> list[torch.Tensor]:
    """The parameters of an optimizer."""
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
