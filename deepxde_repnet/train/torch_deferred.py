"""Derivatives that are not computed before it is known which of them are summed.

In a pass through a network, ``u_xx + u_yy`` is one component and not two (see
``taylor.torch_jets``). A user's function asks for its parts, so each answer stands for the
derivative only, adds up with others like it, and becomes a tensor when anything else is done with
it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any, Protocol

import torch

from ..taylor.features import Axes


class Source(Protocol):
    """What the derivatives come from."""

    def combined(self, terms: dict[Axes, float], column: int) -> torch.Tensor:
        """``Σ_A c_A D_A u`` of one output, (N, 1)."""

    def deferred(self, terms: dict[Axes, float], column: int) -> Deferred:
        """The same, not computed."""


class Deferred(torch.Tensor):
    """``Σ_A c_A D_A u_i``, (N, 1), as its terms.

    Sums, differences and multiples by numbers are deferred too. All other functions of PyTorch get
    the tensor itself. What reads this one's memory past them finds NaN.
    """

    source: Source
    terms: dict[Axes, float]
    column: int
    _tensor: torch.Tensor | None

    @classmethod
    def of(
        cls, nothing: torch.Tensor, source: Source, terms: dict[Axes, float], column: int
    ) -> Deferred:
        """
        Args:
            nothing: NaN of the shape and kind that the tensor has.
        """
        # Not as_subclass: in PyTorch 2.4 that fails in a TorchDispatchMode.
        found = torch.Tensor._make_subclass(cls, nothing)
        found.source, found.terms, found.column, found._tensor = source, terms, column, None
        return found

    def tensor(self) -> torch.Tensor:
        if self._tensor is None:
            self._tensor = self.source.combined(self.terms, self.column)
        return self._tensor

    def _with(self, terms: dict[Axes, float]) -> Deferred | None:
        """The same with other terms; None if that is better left to floating-point numbers."""
        if not all(math.isfinite(factor) and factor != 0 for factor in terms.values()):
            return None
        return self.source.deferred(terms, self.column)

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in _DESCRIPTIONS:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args)
        # Without gradients, a constant is meant.
        if func in _LINEAR and not kwargs and torch.is_grad_enabled():
            found = _LINEAR[func](*args)
            if found is not None:
                return found
        return func(*computed(args), **computed(kwargs or {}))


@contextlib.contextmanager
def functions_get_tensors() -> Iterator[None]:
    """Have functions with a gradient of their own take part; they bypass ``__torch_function__``."""
    function: Any = torch.autograd.Function
    own = function.__dict__["apply"]

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        return own.__func__(cls, *computed(args), **computed(kwargs))

    function.apply = classmethod(apply)
    try:
        yield
    finally:
        function.apply = own


def computed(given: Any) -> Any:
    """Arguments of a function, with tensors in place of what was deferred."""
    if isinstance(given, Deferred):
        return given.tensor()
    if type(given) in (list, tuple):
        return type(given)(computed(one) for one in given)
    if type(given) is dict:
        return {key: computed(one) for key, one in given.items()}
    return given


def _is_number(given: Any) -> bool:
    return isinstance(given, Real) and not isinstance(given, bool)


def _plus(a: Any, b: Any, sign: float = 1.0) -> Deferred | None:
    if not (isinstance(a, Deferred) and isinstance(b, Deferred)):
        return None
    if a.source is not b.source or a.column != b.column:
        return None
    terms = dict(a.terms)
    for axes, factor in b.terms.items():
        terms[axes] = terms.get(axes, 0.0) + sign * factor
    return a._with(terms)


def _minus(a: Any, b: Any) -> Deferred | None:
    return _plus(a, b, -1.0)


def _times(a: Any, b: Any) -> Deferred | None:
    if not isinstance(a, Deferred):
        a, b = b, a
    if not _is_number(b):
        return None
    return a._with({axes: factor * float(b) for axes, factor in a.terms.items()})


def _over(a: Any, b: Any) -> Deferred | None:
    if not isinstance(a, Deferred) or not _is_number(b) or b == 0:
        return None
    return a._with({axes: factor / float(b) for axes, factor in a.terms.items()})


def _negative(a: Any) -> Deferred | None:
    return _times(a, -1.0)


def _linear() -> dict[Any, Callable[..., Deferred | None]]:
    names = {
        "add": _plus,
        "sub": _minus,
        "mul": _times,
        "div": _over,
        "true_divide": _over,
        "neg": _negative,
    }
    functions: dict[Any, Callable[..., Deferred | None]] = {}
    for owner in (torch, torch.Tensor):
        functions |= {getattr(owner, name): function for name, function in names.items()}
    return functions


_LINEAR = _linear()

#: What is known without the values.
_DESCRIPTIONS = frozenset(
    getattr(torch.Tensor, name).__get__  # type: ignore[attr-defined]
    for name in ("shape", "ndim", "dtype", "device")
)
