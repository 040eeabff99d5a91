"""Whether the arguments of ``solve`` make sense, before anything is computed with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _host
from ..spec import Array, as_array, as_float, as_verbosity, is_integer

#: A seed and the one after it are used, and NumPy takes those below 2**32.
LARGEST_SEED = 2**32 - 2


#: Features to try at most where ``max_features=`` is not given.
MOST_FEATURES = 4000


@dataclass(frozen=True)
class Settings:
    """The arguments of ``solve`` but for the problem, checked; see there."""

    tol: float
    variables: tuple[Any, ...]
    loss_weights: list[float] | None
    max_features: int
    seed: int
    verbose: int
    parameters: str
    points: str
    wavenumber: Array | None
    output_transform: Callable[[Any, Any], Any] | None
    start: Callable[[Array], Array] | None
    seconds: float | None


def settings(
    tol: Any,
    external_trainable_variables: Any,
    loss_weights: Any,
    max_features: Any,
    seed: Any,
    verbose: Any,
    parameters: Any,
    points: Any,
    wavenumber: Any,
    output_transform: Any,
    start: Any,
    seconds: Any,
    *,
    features_given: bool,
    net: Any,
) -> Settings:
    """All arguments, checked.

    Args:
        features_given: Whether the features are those of the network of a model.
        net: That of the model, or None.

    Raises:
        ValueError: If one makes no sense, or has no effect on this call.
    """
    if features_given:
        for name, value, instead in (
            ("max_features", max_features, "make its last hidden layer wider"),
            ("wavenumber", wavenumber, "give the network wavenumber= or slope_scale="),
        ):
            if value is not None:
                raise ValueError(
                    f"{name}= has no effect on a model, whose features are those of its network; "
                    f"leave it out and {instead}, or solve the data: solve(model.data, {name}=...)."
                )
    if output_transform is not None:
        if net is not None:
            raise ValueError(
                "output_transform= is for data alone; a model's network has its own, given by "
                "net.apply_output_transform."
            )
        if not callable(output_transform):
            raise ValueError(
                f"output_transform={output_transform!r} must be a function (x, y) -> y, as for "
                "net.apply_output_transform."
            )
    return Settings(
        tol=tolerance(tol),
        variables=variables(external_trainable_variables),
        loss_weights=weights(loss_weights),
        max_features=MOST_FEATURES
        if max_features is None
        else integer("max_features", max_features, 1),
        seed=integer("seed", seed, 0, LARGEST_SEED),
        verbose=as_verbosity(verbose),
        parameters=parameters,
        points=_points(points),
        wavenumber=_wavenumber(wavenumber),
        output_transform=output_transform,
        start=_start(start),
        seconds=_seconds(seconds),
    )


def _start(given: Any) -> Callable[[Array], Array] | None:
    if given is None or callable(given):
        return given  # type: ignore[no-any-return]
    predict = getattr(given, "predict", None)
    if callable(predict):
        return predict  # type: ignore[no-any-return]
    raise ValueError(
        f"start={given!r} must be a function of points (N, d) that returns (N, m), or a solution."
    )


def _seconds(given: Any) -> float | None:
    if given is None:
        return None
    found = as_float(given)
    if not 0 < found < math.inf:
        raise ValueError(f"seconds={given!r} must be a positive number, or None.")
    return found


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


def _points(given: Any) -> str:
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


def _wavenumber(given: Any) -> Array | None:
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
