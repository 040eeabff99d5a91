"""Which of DeepXDE's backends is used, decided before DeepXDE is imported.

Left alone, DeepXDE asks on the terminal where it finds none, and writes what it chose into the home
folder. With the environment variable ``DDE_BACKEND`` it does neither.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .output import WrongUsage

#: Backend -> packages that DeepXDE needs for it, the framework first; in the order in which one is
#: chosen. The first is the one that everything here runs on, ``solve`` too.
PACKAGES = {
    "pytorch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow_probability"),
    "jax": ("jax", "flax", "optax"),
    "paddle": ("paddle",),
    "tensorflow.compat.v1": ("tensorflow", "tensorflow_probability"),
}
#: Backend -> extra of this package that installs it.
EXTRAS = {name: "tensorflow" if "tensorflow" in name else name for name in PACKAGES}


@dataclass(frozen=True)
class Choice:
    """A backend, and what decided on it."""

    name: str
    why: str


def missing(backend: str) -> list[str]:
    """Packages of a backend that are not installed; nothing is imported."""
    return [package for package in PACKAGES[backend] if find_spec(package) is None]


def installed() -> list[str]:
    """The backends that could be used."""
    return [backend for backend in PACKAGES if not missing(backend)]


def choose(given: str | None) -> Choice:
    """The backend asked for, else that of ``DDE_BACKEND``, else what DeepXDE uses or is installed.

    Raises:
        WrongUsage: It is not known or not installed.
    """
    if given is not None:
        return _checked(Choice(given, "--backend"))
    if os.environ.get("DDE_BACKEND"):
        return _checked(Choice(os.environ["DDE_BACKEND"], "DDE_BACKEND"))
    found = installed()
    remembered = _remembered()
    if remembered in found:
        return Choice(remembered, "DeepXDE's own setting, ~/.deepxde/config.json")
    if not found:
        raise WrongUsage(
            "DeepXDE needs PyTorch, TensorFlow, JAX or PaddlePaddle, and none is installed. "
            'Install one, e.g.: pip install "deepxde_repnet[pytorch]"'
        )
    return Choice(found[0], "installed")


def use(given: str | None) -> Choice:
    """Choose a backend, for this process and those it starts."""
    choice = choose(given)
    os.environ["DDE_BACKEND"] = choice.name
    # Frameworks greet on standard error; errors still show.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GLOG_minloglevel", "2")
    return choice


def _checked(choice: Choice) -> Choice:
    if choice.name not in PACKAGES:
        raise WrongUsage(
            f"{choice.why} names the backend {choice.name!r}, which DeepXDE does not have; write "
            f"one of {', '.join(PACKAGES)}."
        )
    lacking = missing(choice.name)
    if lacking:
        raise WrongUsage(
            f"{choice.why} names the backend {choice.name}, and {', '.join(lacking)} is not "
            f'installed: pip install "deepxde_repnet[{EXTRAS[choice.name]}]". Installed: '
            f"{', '.join(installed()) or 'none'}."
        )
    return choice


def _remembered() -> str:
    """What DeepXDE has written into the home folder, or ""."""
    try:
        text = (Path.home() / ".deepxde" / "config.json").read_text("utf-8")
        return str(json.loads(text).get("backend", "")).lower()
    except (OSError, ValueError, AttributeError, RuntimeError):
        return ""
