"""The checks, by name: plain functions that one backend's process runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from packaging.requirements import Requirement

BACKENDS = ("pytorch", "tensorflow", "tensorflow.compat.v1", "jax", "paddle")
FLOATS = ("float32", "float64")


@dataclass(frozen=True)
class Check:
    """One check, and where it applies: where DeepXDE itself has what is checked.

    since : backend -> what it takes there, such as "deepxde>=1.15".
    """

    name: str
    run: Callable[[], None]
    backends: tuple[str, ...]
    floats: tuple[str, ...]
    since: Mapping[str, str] = field(default_factory=dict)

    def lacking(self, backend: str) -> str | None:
        """What is too old here for this backend, if something is."""
        if backend not in self.since:
            return None
        needed = Requirement(self.since[backend])
        return None if version(needed.name) in needed.specifier else f"needs {needed}"


CHECKS: dict[str, Check] = {}


def check(
    *,
    backends: Iterable[str] = BACKENDS,
    floats: Iterable[str] = ("float32",),
    cases: Mapping[str, Mapping[str, Any]] | None = None,
    since: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register ``check_<name>``, once for each case; a case is a name and keyword arguments."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        base = function.__name__.removeprefix("check_")
        for case, arguments in (cases or {"": {}}).items():
            name = f"{base}-{case}" if case else base
            assert name not in CHECKS, f"two checks are called {name}"

            def run(arguments: Mapping[str, Any] = arguments) -> None:
                function(**arguments)

            CHECKS[name] = Check(name, run, tuple(backends), tuple(floats), since or {})
        return function

    return register


def without(*names: str) -> tuple[str, ...]:
    """All backends but these."""
    return tuple(b for b in BACKENDS if b not in names)
