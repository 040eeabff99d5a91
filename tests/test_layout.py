"""Imports point one way: spec, theory, nets, taylor, calibrate, solver and train, cli.

The sources are parsed, not imported, so imports inside functions and under ``TYPE_CHECKING`` count
and no backend is needed. A part of the package that is not in ``RULES`` fails the test: adding one
means deciding here what it may stand on.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "deepxde_repnet"
ROOT = Path(__file__).resolve().parent.parent / PACKAGE

SCIENCE = frozenset({"numpy", "scipy"})
FRAMEWORKS = {
    "pytorch": frozenset({"torch"}),
    "tensorflow": frozenset({"tensorflow", "keras"}),
    "tensorflow_compat_v1": frozenset({"tensorflow", "keras"}),
    # PyTorch alone, one idea each.
    "torch_sigma": frozenset({"torch"}),
    "torch_jets": frozenset({"torch"}),
    "torch_network": frozenset({"torch"}),
    "torch_deferred": frozenset({"torch"}),
    "torch_step": frozenset({"torch"}),
    "torch_replay": frozenset({"torch"}),
    "torch_accelerate": frozenset({"torch"}),
    "torch_distribute": frozenset({"torch"}),
    "_keras": frozenset({"tensorflow", "keras"}),  # what the two TensorFlow backends share
    "jax": frozenset({"jax", "flax", "optax"}),
    "paddle": frozenset({"paddle"}),
}


@dataclass(frozen=True)
class Rule:
    """What one part of the package may import, besides itself and the standard library.

    parts : other parts of the package, each of them defined earlier in ``RULES``.
    outside : third-party packages.
    own_framework : whether a file named after a backend may import that backend's framework.
    """

    parts: frozenset[str] = frozenset()
    outside: frozenset[str] = SCIENCE
    own_framework: bool = False


BASE = frozenset({"spec", "theory", "_host"})
RULES = {
    "spec": Rule(),
    "theory": Rule(frozenset({"spec"})),
    # What is recorded along training, as arrays and files: train writes it, plotting draws it.
    "records": Rule(outside=frozenset({"numpy"})),
    # The one place that knows DeepXDE, which also has the framework in use: dde.backend.torch.
    "_host": Rule(outside=frozenset({"deepxde", "numpy"})),
    "nets": Rule(BASE, own_framework=True),
    "taylor": Rule(BASE | {"nets"}, own_framework=True),
    "validation": Rule(BASE | {"taylor"}),
    "symbol": Rule(frozenset({"spec", "_host"})),
    "estimates": Rule(BASE | {"nets", "symbol"}),
    "scale_search": Rule(BASE | {"estimates", "validation"}),
    "calibrate": Rule(BASE | {"nets", "symbol", "estimates", "scale_search"}),
    "solver": Rule(BASE | {"estimates", "calibrate", "nets", "taylor"}, own_framework=True),
    "train": Rule(
        BASE | {"records", "estimates", "calibrate", "nets", "taylor"},
        SCIENCE | {"rich"},
        own_framework=True,
    ),
    # Knows arrays, not models.
    "plotting": Rule(frozenset({"spec", "theory", "records"}), SCIENCE | {"matplotlib"}),
    # Asked before anything else is imported, so it imports nothing.
    "_command": Rule(outside=frozenset()),
    "__init__": Rule(
        BASE
        | {"records", "calibrate", "nets", "taylor", "solver", "train", "plotting", "_command"},
        frozenset({"numpy"}),
    ),
    "cli": Rule(
        BASE
        | {"records", "estimates", "calibrate", "nets", "taylor", "solver", "train", "plotting"}
        | {"_command", "__init__"},
        SCIENCE | {"distributed", "joblib", "matplotlib", "rich", "typer"},
    ),
    # The command itself, where Python looks for it.
    "__main__": Rule(frozenset({"cli"}), frozenset()),
}


class Import(NamedTuple):
    """One imported name, dotted and absolute, and its line."""

    name: str
    line: int


def absolute(node: ast.ImportFrom, module: list[str], is_package: bool) -> list[str]:
    """Dotted path, as a list, of the module that ``from ... import`` names."""
    named = node.module.split(".") if node.module else []
    if not node.level:
        return named
    here = module if is_package else module[:-1]
    return here[: len(here) - node.level + 1] + named


def imports(tree: ast.Module, module: list[str], is_package: bool) -> Iterator[Import]:
    """Every import of one source file, also those spelled ``import_module("literal")``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, module, is_package)
            for alias in node.names:
                yield Import(".".join([*source, alias.name]), node.lineno)
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
            first = node.args[0]
            if (
                called in {"import_module", "__import__"}
                and isinstance(first, ast.Constant)
                and isinstance(first.value, str)
            ):
                name = first.value
                if name.startswith("."):
                    level = len(name) - len(name.lstrip("."))
                    relative = ast.ImportFrom(name.lstrip(".") or None, [], level)
                    name = ".".join(absolute(relative, module, is_package))
                yield Import(name, node.lineno)


def violations(root: Path) -> list[str]:
    """One line for each import under the package folder ``root`` that ``RULES`` does not allow."""
    files = sorted(root.rglob("*.py"))
    part_of = {path: path.relative_to(root).with_suffix("").parts[0] for path in files}
    parts = set(part_of.values())
    found = []
    for path, part in part_of.items():
        where = path.relative_to(root.parent).as_posix()
        if part not in RULES:
            found.append(f"{where}: '{part}' is not in RULES; add it with what it may import")
            continue
        rule = RULES[part]
        outside = rule.outside
        if rule.own_framework:
            outside = outside | FRAMEWORKS.get(path.stem, frozenset())
        module = [PACKAGE, *path.relative_to(root).with_suffix("").parts]
        is_package = module[-1] == "__init__"
        if is_package:
            module.pop()
        tree = ast.parse(path.read_text("utf-8"))
        for name, line in imports(tree, module, is_package):
            top, *rest = name.split(".")
            if top == PACKAGE:
                # A name that is no part of the package comes out of its __init__.
                target = rest[0] if rest and rest[0] in parts | RULES.keys() else "__init__"
                if target != part and target not in rule.parts:
                    allowed = ", ".join(sorted(rule.parts)) or "no other part"
                    found.append(
                        f"{where}:{line}: '{part}' imports '{target}'; it may import {allowed}"
                    )
            elif top not in sys.stdlib_module_names and top not in outside:
                allowed = ", ".join(sorted(outside)) or "nothing"
                found.append(
                    f"{where}:{line}: '{part}' imports {top}; besides the standard library it may "
                    f"import {allowed}"
                )
    return found


def test_rules_point_one_way():
    earlier: set[str] = set()
    for part, rule in RULES.items():
        assert rule.parts <= earlier, f"'{part}' may import {rule.parts - earlier}, defined later"
        earlier.add(part)
    assert [part for part, rule in RULES.items() if "cli" in rule.parts] == ["__main__"]
    assert [part for part, rule in RULES.items() if "deepxde" in rule.outside] == ["_host"]


def test_imports_of_the_package():
    assert list(ROOT.rglob("*.py")), f"no sources under {PACKAGE}/"
    found = violations(ROOT)
    assert not found, "imports against the layout:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("spec.py", "from .theory import magnitude", "'spec' imports 'theory'"),
        ("spec.py", "import deepxde_repnet.nets.pytorch", "'spec' imports 'nets'"),
        ("spec.py", "def f():\n    from deepxde_repnet import nets", ":2: 'spec' imports 'nets'"),
        ("spec.py", "from . import RepFNN", "'spec' imports '__init__'"),
        ("spec.py", "import matplotlib.pyplot as plt", "'spec' imports matplotlib"),
        ("theory/initialize.py", "from ..nets import pytorch", "'theory' imports 'nets'"),
        ("theory/__init__.py", "from .. import _host", "'theory' imports '_host'"),
        ("theory/deep/er.py", "from ... import cli", "'theory' imports 'cli'"),
        ("theory/spectrum.py", "import torch", "'theory' imports torch"),
        ("_host.py", "from .spec import RepSpec", "'_host' imports 'spec'"),
        ("_host.py", "import scipy", "'_host' imports scipy"),
        ("_host.py", "def f():\n    import torch", ":2: '_host' imports torch"),
        ("nets/_base.py", "from ..calibrate import settle", "'nets' imports 'calibrate'"),
        ("nets/pytorch.py", "import deepxde as dde", "'nets' imports deepxde"),
        ("nets/pytorch.py", "import jax.numpy as jnp", "'nets' imports jax"),
        ("nets/__init__.py", "import torch", "'nets' imports torch"),
        ("nets/jax.py", "class A:\n    from ..taylor import dual", "'nets' imports 'taylor'"),
        ("taylor/dual.py", "import_module('..solver', __package__)", "'taylor' imports 'solver'"),
        ("solver/report.py", "from ..train import callbacks", "'solver' imports 'train'"),
        ("records.py", "from .train import instruments", "'records' imports 'train'"),
        ("plotting.py", "from .nets import pytorch", "'plotting' imports 'nets'"),
        ("plotting.py", "from . import _host", "'plotting' imports '_host'"),
        ("__init__.py", "from .cli import main", "'__init__' imports 'cli'"),
        ("__init__.py", "import importlib\nimportlib.import_module('deepxde')", "imports deepxde"),
        ("train/run.py", "if True:\n    from .. import cli", "'train' imports 'cli'"),
        ("novel.py", "", "'novel' is not in RULES"),
    ],
)
def test_planted_violation_is_found(tmp_path, path, source, expected):
    file = tmp_path / PACKAGE / path
    file.parent.mkdir(parents=True)
    file.write_text(source, "utf-8")
    found = violations(tmp_path / PACKAGE)
    assert len(found) == 1, found
    assert expected in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("spec.py", "import math\nimport numpy as np\nfrom scipy import special"),
        ("theory/magnitude.py", "from . import activations\nfrom ..spec import RepSpec"),
        ("_host.py", "import deepxde as dde\nfrom deepxde.backend import torch"),
        ("nets/pytorch.py", "import torch\nfrom .. import _host\nfrom ._base import RepNet"),
        ("nets/jax.py", "from jax import numpy\nimport flax.linen as nn"),
        ("nets/__init__.py", "from importlib import import_module\nimport_module('.jax', 'x')"),
        ("__init__.py", "from .nets import RepFNN\nfrom . import theory"),
        ("plotting.py", "import matplotlib.pyplot as plt\nfrom .records import SpectrumRecord"),
        ("cli.py", "from . import RepFNN, solve, train"),
    ],
)
def test_allowed_import_passes(tmp_path, path, source):
    file = tmp_path / PACKAGE / path
    file.parent.mkdir(parents=True)
    file.write_text(source, "utf-8")
    assert violations(tmp_path / PACKAGE) == []
