"""The checks, by name: plain functions that one backend's process runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BACKENDS = ("pytorch", "tensorflow", "tensorflow.compat.v1", "jax", "paddle")
FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Check:
    """One check, and where it applies: where DeepXDE itself has what is checked."""

    name: str
    run: Callable[[], None]
    backends: tuple[str, ...]
    floats: tuple[str, ...]


CHECKS: dict[str, Check] = {}


def check(
    *,
    backends: Iterable[str] = BACKENDS,
    floats: Iterable[str] = ("float32",),
    cases: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register ``check_<name>``, once for each case; a case is a name and keyword arguments."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        base = function.__name__.removeprefix("check_")
        for case, arguments in (cases or {"": {}}).items():
            name = f"{base}-{case}" if case else base
            assert name not in CHECKS, f"two checks are called {name}"

            def run(arguments: Mapping[str, Any] = arguments) -> None:
                function(**arguments)

            CHECKS[name] = Check(name, run, tuple(backends), tuple(floats))
        return function

    return register


def without(*names: str) -> tuple[str, ...]:
    """All backends but these."""
    return tuple(b for b in BACKENDS if b not in names)
