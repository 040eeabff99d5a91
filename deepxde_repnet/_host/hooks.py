"""What is called around DeepXDE's own methods."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import deepxde as dde

from .core import Model, backend_name


def instead(
    method: str, hook: Callable[[Any, dict[str, Any], Callable[[dict[str, Any]], Any]], Any]
) -> None:
    """Call ``hook(model, arguments, call)`` in place of ``dde.Model.<method>``; once per hook.

    ``arguments`` is a dict of the call's arguments by name. What ``call(arguments)`` gives is what
    the method would have given; the hook may change the arguments, and call more than once. The
    hook that comes last is the outermost.
    """
    _install(method, hook, hook)


def before(method: str, hook: Callable[[Any, dict[str, Any]], None]) -> None:
    """Call ``hook(model, arguments)`` before ``dde.Model.<method>``; once per method and hook.

    DeepXDE offers no callback before ``compile``, where the network must be calibrated because the
    optimizer is created there.
    """

    def first(model: Any, arguments: dict[str, Any], call: Callable[..., Any]) -> Any:
        hook(model, arguments)
        return call(arguments)

    _install(method, hook, first)


def around(
    method: str, hook: Callable[[Any, dict[str, Any]], contextlib.AbstractContextManager[Any]]
) -> None:
    """Run ``dde.Model.<method>`` inside ``with hook(model, arguments)``; once per hook."""

    def inside(model: Any, arguments: dict[str, Any], call: Callable[..., Any]) -> Any:
        with hook(model, arguments):
            return call(arguments)

    _install(method, hook, inside)


def _install(method: str, hook: Any, replacement: Callable[..., Any]) -> None:
    original = getattr(Model, method)
    installed = getattr(original, "_repnet_hooks", ())
    if hook in installed:
        return
    signature = inspect.signature(original)

    @functools.wraps(original)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(self, *args, **kwargs)
        except TypeError:
            return original(self, *args, **kwargs)  # which raises the usual error
        given.apply_defaults()
        arguments = dict(given.arguments)
        model = arguments.pop("self")
        # By name: DeepXDE looks for verbose among them.
        return replacement(model, arguments, lambda named: original(model, **named))

    wrapper._repnet_hooks = (*installed, hook)  # type: ignore[attr-defined]
    setattr(Model, method, wrapper)


@contextlib.contextmanager
def without_optimizer() -> Iterator[None]:
    """``Model.compile`` makes no optimizer meanwhile, and such a model cannot be trained.

    On PyTorch only, whose first optimizer imports its compiler, a second or two. Elsewhere the
    networks' parameters are made in the same step.
    """
    if backend_name != "pytorch":
        yield
        return
    original = Model._compile_pytorch
    Model._compile_pytorch = lambda self, lr, loss_fn, decay: None
    try:
        yield
    finally:
        Model._compile_pytorch = original


def is_first_rank() -> bool:
    """Whether this process is the one that prints, of several that train together."""
    return int(dde.config.rank) == 0


def announce(message: str, verbose: Any) -> None:
    """Print a line as DeepXDE does: not when ``verbose=0``, and only on the first rank."""
    if verbose > 0 and is_first_rank():
        print(message, flush=True)
