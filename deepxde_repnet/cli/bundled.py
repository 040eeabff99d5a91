"""The bundled problems: what they are called, what they are, and where their scripts lie."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from .output import Failure, WrongUsage


@dataclass(frozen=True)
class Problem:
    """One bundled problem.

    Attributes:
        equation: In one line.
        dimension: Number of coordinates; "1 + t" where time is one more.
        kind: "fit", "forward", "inverse" or "operator".
        training: Script that trains a network, below the folder of the examples, or None.
        solving: Script that solves it without training, or None.
    """

    equation: str
    dimension: str
    kind: str
    training: str | None = None
    solving: str | None = None

    @property
    def script(self) -> str:
        """The script that ``show`` shows."""
        return self.training or self.solving or ""


#: Name -> problem. A name is the script's with dashes.
PROBLEMS = {
    "function-1d": Problem(
        "u = sin 2πx + 0.5 sin 16πx + 0.2 sin 50πx", "1", "fit", "function/function_1d.py"
    ),
    "function-4d": Problem(
        "u = waves along two planes, from 20000 values", "4", "fit", "function/function_4d.py"
    ),
    "poisson-1d-multiscale": Problem(
        "u'' = f, waves 2π and 50π",
        "1",
        "forward",
        "pinn_forward/poisson_1d_multiscale.py",
        "solve/poisson_1d_multiscale.py",
    ),
    "helmholtz-2d": Problem(
        "-Δu - k²u = f, k = 4π",
        "2",
        "forward",
        "pinn_forward/helmholtz_2d.py",
        "solve/helmholtz_2d.py",
    ),
    "wave-1d": Problem(
        "u_tt = 4 u_xx", "1 + t", "forward", "pinn_forward/wave_1d.py", "solve/wave_1d.py"
    ),
    "burgers-1d": Problem(
        "u_t + u u_x = ν u_xx, ν = 0.01/π", "1 + t", "forward", "pinn_forward/burgers_1d.py"
    ),
    "allen-cahn-1d": Problem(
        "u_t = 0.001 u_xx + 5(u - u³)", "1 + t", "forward", "pinn_forward/allen_cahn_1d.py"
    ),
    "helmholtz-1-4": Problem(
        "Δu + u = f, waves π and 4π", "2", "forward", None, "solve/helmholtz_1_4.py"
    ),
    "lshape-2d": Problem("-Δu = f on an L", "2", "forward", None, "solve/lshape_2d.py"),
    "nonlinear-2d": Problem("-Δu + u³ = f", "2", "forward", None, "solve/nonlinear_2d.py"),
    "poisson-peak-2d": Problem(
        "-Δu = f, one peak", "2", "forward", None, "solve/poisson_peak_2d.py"
    ),
    "screened-discs-2d": Problem(
        "-Δu + 64u = f around four discs", "2", "forward", None, "solve/screened_discs_2d.py"
    ),
    "helmholtz-2d-inverse": Problem(
        "-Δu - k²u = f, k unknown",
        "2",
        "inverse",
        "pinn_inverse/helmholtz_2d_inverse.py",
        "solve/helmholtz_2d_inverse.py",
    ),
    "diffusion-1d-inverse": Problem(
        "(a u')' = f, a(x) unknown",
        "1",
        "inverse",
        "pinn_inverse/diffusion_1d_inverse.py",
        "solve/diffusion_1d_inverse.py",
    ),
    "earthquake": Problem(
        "ground motion -> how a structure moves", "t", "operator", "operator/earthquake.py"
    ),
}


def find(name: str) -> Problem:
    """The problem of this name.

    Raises:
        WrongUsage: There is none.
    """
    if name in PROBLEMS:
        return PROBLEMS[name]
    near = get_close_matches(name, PROBLEMS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise WrongUsage(
        f"there is no bundled problem {name!r}.{hint} 'deepxde-repnet list' shows them all; a "
        "script of your own is named by its path, ending in .py, for swap, compare and explain."
    )


def is_script(name: str) -> bool:
    """Whether a NAME|SCRIPT argument means a file."""
    return name not in PROBLEMS and (name.endswith(".py") or "/" in name or Path(name).is_file())


def folder() -> Path:
    """Where the examples lie: in the installed package, or beside it in a clone.

    Raises:
        Failure: In neither.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "examples", package.parent / "examples"):
        if (place / "pinn_forward").is_dir():
            return place
    raise Failure(
        f"the examples are neither in {package} nor beside it; reinstall the package: "
        "pip install --force-reinstall --no-deps deepxde_repnet"
    )


def load(script: str) -> ModuleType:
    """Import a script of the examples from its file."""
    path = folder() / script
    name = "deepxde_repnet_example_" + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def backends(script: str) -> list[str]:
    """The backends that a script says it runs on, in its first line."""
    first = (folder() / script).read_text("utf-8").partition("\n")[0]
    found = re.search(r"Backend supported: (.*)", first)
    return [name.strip() for name in found.group(1).split(",")] if found else []


def check_backend(name: str, script: str, backend: str) -> None:
    """Say before anything is trained that a script does not run on a backend.

    Raises:
        Failure: It does not.
    """
    supported = backends(script)
    if supported and backend not in supported:
        raise Failure(
            f"{name} runs on {', '.join(supported)}, and the backend is {backend}; choose another "
            f"with --backend {supported[-1]} (why, its script says: deepxde-repnet show {name})."
        )


@contextlib.contextmanager
def failing(name: str) -> Iterator[None]:
    """What a problem raises becomes one message.

    Raises:
        Failure: With the problem's name, for any exception in the block.
    """
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        raise Failure(f"{name} failed: {type(error).__name__}: {error}") from error
