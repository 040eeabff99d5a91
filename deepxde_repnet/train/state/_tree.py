"""States of optimizers and networks: nested dictionaries, lists and tuples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def replaced(tree: Any, kind: type | tuple[type, ...], function: Callable[[Any], Any]) -> Any:
    """The tree with ``function(leaf)`` for every leaf of a kind."""
    if isinstance(tree, kind):
        return function(tree)
    if isinstance(tree, dict):
        return {key: replaced(value, kind, function) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(replaced(value, kind, function) for value in tree)
    return tree
