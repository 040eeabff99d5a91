"""A network as a function that carries derivatives: its layers, in blocks of points."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, cast

import torch

from .. import _host
from ..nets.pytorch import RepFNN, RepLinear, RepPFNN, SinesFirst
from .pytorch import transformed
from .torch_jets import Affine, Component, Plan, Saved, backward, forward, summands
from .torch_sigma import Sigma, sigma, with_sines


class NotServed(Exception):
    """Why a network's derivatives cannot be carried forward."""


class Chain(NamedTuple):
    """Layers one after the other, with the activations between them."""

    layers: list[Any]
    sigmas: list[Sigma]


class Pass(NamedTuple):
    """What one step takes through a chain; its blocks are of one size, the last one padded."""

    blocks: list[torch.Tensor]
    n: int
    plan: Plan
    sigmas: list[Sigma]
    kept: int


class Settings(NamedTuple):
    """How a step is computed.

    block : points in a block.
    compiled : whether a block's program is compiled.
    memory : bytes of what is kept from the way forward; of the other blocks it is computed again.
    """

    block: int
    compiled: bool
    memory: float


class Network:
    """A network whose derivatives are carried forward.

    Args:
        net: An FNN or PFNN, of DeepXDE or of this package, on PyTorch.

    Raises:
        NotServed: With a reason to show to the user.
    """

    def __init__(self, net: Any) -> None:
        if type(net) not in (_host.FNN, _host.PFNN, RepFNN, RepPFNN):
            raise NotServed(f"its network is a {type(net).__name__}, not an FNN or PFNN")
        levels = [
            list(level) if isinstance(level, torch.nn.ModuleList) else [level]
            for level in _host.layers(net)
        ]
        if len(levels) < 2:
            raise NotServed("its network has no hidden layer")
        width = max(map(len, levels))
        if any(len(a) > len(b) for a, b in zip(levels, levels[1:], strict=False)):
            raise NotServed("its network joins branches")
        self._net = net
        self._transform = _host.input_transform(net)
        self.compiles = True
        activations = [self._sigma(f) for f in self._activations(len(levels) - 1)]
        self.chains = [
            Chain([level[j if len(level) > 1 else 0] for level in levels], activations)
            for j in range(width)
        ]
        self._plans: dict[frozenset[Component], Plan] = {}
        self._programs: dict[tuple[int, bool, tuple[Component, ...]], tuple[Any, Any]] = {}
        self._blocks: tuple[Any, dict[Any, list[torch.Tensor]]] = (None, {})

    def _activations(self, count: int) -> list[Any]:
        named = self._net.activation
        return list(named[:count]) if isinstance(named, list) else [named] * count

    def _sigma(self, function: Any) -> Sigma:
        if isinstance(function, SinesFirst):
            return with_sines(function.n, self._sigma(function.others))
        if isinstance(function, torch.nn.Module) and any(True for _ in function.parameters()):
            raise NotServed("its activation has parameters")
        found, compiles = sigma(function)
        self.compiles = self.compiles and compiles
        return found

    def derivatives(
        self, x: torch.Tensor, asked: set[Component], settings: Settings
    ) -> dict[Component, torch.Tensor]:
        """D_A u at points x (N, d), each (N, m), of what is carried for those asked for."""
        plan = self._plan(asked)
        blocks = self._points(x, plan, settings.block)
        found = []
        for number, chain in enumerate(self.chains):
            layers = [_affine(layer) for layer in chain.layers]
            # Of each hidden layer its z_A and σ(z), see ``Saved``.
            size = x.element_size() * settings.block * (len(plan.axes) + 1)
            size *= sum(layer.kernel.shape[1] for layer in layers[:-1])
            kept = int(settings.memory / len(self.chains) // size)
            run = Pass(blocks, len(x), plan, chain.sigmas, kept)
            compiled = settings.compiled and self.compiles
            programs = self._program(chain, number, compiled, plan)
            # Along neurons in memory, where the programs read single rows of the first kernel.
            layers[0] = layers[0]._replace(kernel=layers[0].kernel.contiguous())
            tensors = [t for layer in layers for t in layer]
            found.append(_Carried.apply(run, programs, *tensors))
        columns = [
            torch.cat(same, 1) if len(same) > 1 else same[0] for same in zip(*found, strict=True)
        ]
        return dict(zip(plan.axes, columns, strict=True))

    def _plan(self, asked: set[Component]) -> Plan:
        key = frozenset(asked)
        if key not in self._plans:
            self._plans[key] = Plan(asked)
        return self._plans[key]

    def _program(
        self, chain: Chain, number: int, compiled: bool, plan: Plan
    ) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """``forward`` and ``backward`` of a block, for the tensors of the layers in a list."""
        key = (number, compiled, plan.axes)
        if key not in self._programs:
            plan.terms, plan.straight  # noqa: B018  (to be there before it is compiled)

            def there(points: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, Saved]:
                return forward(points, _paired(tensors), chain.sigmas, plan)

            def back(
                points: torch.Tensor, saved: Saved, adjoint: torch.Tensor, *tensors: torch.Tensor
            ) -> list[torch.Tensor]:
                return backward(points, _paired(tensors), chain.sigmas, plan, saved, adjoint)

            if compiled:
                options: Any = {"fullgraph": True, "dynamic": False}
                self._programs[key] = (
                    torch.compile(there, **options),
                    torch.compile(back, **options),
                )
            else:
                self._programs[key] = there, back
        return self._programs[key]

    def _points(self, x: torch.Tensor, plan: Plan, size: int) -> list[torch.Tensor]:
        """The points, or the jets of their features, in blocks; kept while x is the same."""
        held, blocks = self._blocks
        if held is not x:
            blocks = {}
            self._blocks = (x, blocks)
        x = x.detach()
        key = (size, () if self._transform is None else plan.axes)
        if key not in blocks:
            padded = torch.cat([x, x[-1:].expand(-len(x) % size, -1)])
            blocks[key] = [self._inputs(part, plan) for part in padded.split(size)]
        return blocks[key]

    def _inputs(self, x: torch.Tensor, plan: Plan) -> torch.Tensor:
        if self._transform is None:
            return x.contiguous()
        if any(p.requires_grad for p in _reached(self._transform, x)):
            raise NotServed("its feature transform has parameters")
        jet = cache(transformed(self._transform, x))
        # Of these jets no component is None.
        return torch.stack(
            [
                torch.stack([factor * cast(Any, jet(axes)) for axes, factor in summands(c)]).sum(0)
                for c in plan.axes
            ]
        )


def _reached(transform: Any, x: torch.Tensor) -> list[torch.Tensor]:
    """The transform's output if it requires a gradient although x does not."""
    with torch.enable_grad():
        features = transform(x.detach())
    return [features] if features.requires_grad else []


def _affine(layer: Any) -> Affine:
    if isinstance(layer, RepLinear):
        slope, offset = layer.affine()
        return Affine(slope.T, offset)
    return Affine(layer.weight.T, layer.bias)


def _paired(tensors: Any) -> list[Affine]:
    return [Affine(*tensors[i : i + 2]) for i in range(0, len(tensors), 2)]


class _Carried(torch.autograd.Function):
    """All D_A u of a chain; its own reverse pass, in blocks."""

    @staticmethod
    def forward(ctx: Any, run: Pass, programs: Any, *tensors: torch.Tensor) -> Any:
        ctx.set_materialize_grads(False)
        needed = any(ctx.needs_input_grad)
        ctx.run, ctx.programs, ctx.kept = run, programs, []
        ctx.save_for_backward(*tensors)
        held = [t.detach() for t in tensors]
        outs = []
        for k, points in enumerate(run.blocks):
            out, saved = programs[0](points, *held)
            outs.append(out)
            if needed and k < run.kept:
                ctx.kept.append(saved)
        joined = torch.cat(outs, 1) if len(outs) > 1 else outs[0]
        return tuple(joined[:, : run.n].unbind(0))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *adjoints: torch.Tensor | None) -> Any:
        run, held = ctx.run, [t.detach() for t in ctx.saved_tensors]
        size, m = len(run.blocks) * _length(run.blocks[0]), held[-1].shape[0]
        adjoint = held[0].new_zeros((len(adjoints), size, m))
        for k, given in enumerate(adjoints):
            if given is not None:
                adjoint[k, : run.n] = given
        total: list[torch.Tensor] | None = None
        for k, (points, part) in enumerate(
            zip(run.blocks, adjoint.split(_length(run.blocks[0]), 1), strict=True)
        ):
            if k < len(ctx.kept):
                saved, ctx.kept[k] = ctx.kept[k], None
            else:
                saved = ctx.programs[0](points, *held)[1]
            found = ctx.programs[1](points, saved, part.contiguous(), *held)
            if total is None:
                total = list(found)
            else:
                torch._foreach_add_(total, list(found))
        assert total is not None
        # ``backward`` gives the bias after the kernel, as the tensors come.
        return None, None, *total


def _length(points: torch.Tensor) -> int:
    """Points in a block, given as such or as the jet of their features."""
    return points.shape[-2]
