"""Whether the arguments of ``solve`` make sense, before anything is computed with them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _host
from ..spec import Array, as_array, as_float, is_integer

#: A seed and the one after it are used, and NumPy takes those below 2**32.
LARGEST_SEED = 2**32 - 2


def tolerance(given: Any) -> float:
    """
    Raises:
        ValueError: If it is not a positive number.
    """
    tol = as_float(given)
    if not 0 < tol < math.inf:
        raise ValueError(f"tol={given!r} must be a positive number, the relative residual wanted.")
    return tol


def integer(name: str, given: Any, least: int, most: float = math.inf) -> int:
    """
    Raises:
        ValueError: If it is not an integer between the two.
    """
    if not is_integer(given) or not least <= given <= most:
        kind = "non-negative" if least == 0 else "positive"
        up_to = "" if most == math.inf else f" up to {most}"
        raise ValueError(f"{name}={given!r} must be a {kind} integer{up_to}.")
    return int(given)


def points(given: Any) -> str:
    """
    Raises:
        ValueError: If it is neither of the two words.
    """
    if not isinstance(given, str) or given not in ("own", "data"):
        raise ValueError(
            f'points={given!r} is not known; write "own", and points are drawn from the geometry, '
            'or "data", and they are those of the script.'
        )
    return given


def variables(given: Any) -> tuple[Any, ...]:
    """The problem's other unknowns.

    Raises:
        ValueError: If one of them is no ``dde.Variable``.
    """
    given = [] if given is None else given
    given = list(given) if isinstance(given, (list, tuple)) else [given]
    for variable in given:
        if not _host.is_variable(variable):
            raise ValueError(
                f"external_trainable_variables holds {variable!r}; it takes dde.Variable objects, "
                "the unknowns of the problem."
            )
    return tuple(given)


def weights(given: Any) -> list[float] | None:
    """Of the residuals, of which the problem says later how many there are.

    Raises:
        ValueError: If they are not finite numbers, none below zero and one above it.
    """
    if given is None:
        return None
    found = as_array("loss_weights", given)
    if found.ndim != 1 or not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise ValueError(
            f"loss_weights={given!r} must be a list of finite numbers, one for each residual, that "
            "are not negative and not all zero."
        )
    return [float(w) for w in found]


def wavenumber(given: Any) -> Array | None:
    """One number or one for each axis, which are counted later.

    Raises:
        ValueError: If they are not positive and finite.
    """
    if given is None:
        return None
    found = as_array("wavenumber", given)
    if found.ndim > 1 or found.size == 0 or not np.isfinite(found).all() or (found <= 0).any():
        raise ValueError(
            f"wavenumber={given!r} must be a positive number, or one for each axis, in radians per "
            "unit of length."
        )
    return found
