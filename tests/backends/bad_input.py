"""Arguments that make no sense, and what the one error says: what arrived, why, what to write."""

from __future__ import annotations

from typing import Any

import numpy as np

NAN, INF = float("nan"), float("inf")
SIZES = [2, 8, 8, 1]
BOX = ([0.0, 0.0], [1.0, 1.0])


def case(*parts: str, kind: type[Exception] = ValueError, **arguments: Any) -> Any:
    return arguments, kind, parts


#: Arguments, kind of error, parts of its message.
FNN: dict[str, Any] = {
    # Sizes
    "size zero": case("0", "positive integer", layer_sizes=[2, 0, 1]),
    "size negative": case("-8", "positive integer", layer_sizes=[2, -8, 1]),
    "size fraction": case("8.5", "positive integer", layer_sizes=[2, 8.5, 1]),
    "size float": case("8.0", "positive integer", layer_sizes=[2, 8.0, 1]),
    "size bool": case("True", "positive integer", layer_sizes=[2, True, 1]),
    "size text": case("'8'", "positive integer", layer_sizes=[2, "8", 1]),
    "two layers": case("[2, 1]", "2 entries", "hidden layer", layer_sizes=[2, 1]),
    "no layers": case("[]", "0 entries", "hidden layer", layer_sizes=[]),
    "sizes not a list": case(
        "layer_sizes=64", "list such as [2, 64, 64, 1]", kind=TypeError, layer_sizes=64
    ),
    # Domain
    "domain of one axis": case("1 axes", "2 inputs", "per input", domain=([0.0], [1.0])),
    "domain of three axes": case("3 axes", "2 inputs", domain=([0] * 3, [1] * 3)),
    "corners of different length": case(
        "lower corner of 2", "upper corner of 1", "domain=(lower, upper)", domain=([0, 0], [1])
    ),
    "lower above upper": case(
        "lower = 2.0", "upper = 1.0", "axis 1", "less than upper", domain=([0, 2], [1, 1])
    ),
    "lower equals upper": case("lower = 1.0", "upper = 1.0", "axis 0", domain=([1, 0], [1, 1])),
    "infinite domain": case("inf", "axis 1", "finite", domain=([0, 0], [1, INF])),
    "domain with NaN": case("nan", "axis 0", "finite", domain=([NAN, 0], [1, 1])),
    "domain with one corner": case("domain=3", "(lower, upper)", "geometry", domain=3),
    "domain with three corners": case(
        "(lower, upper)", "dde.geometry", domain=([0, 0], [1, 1], [2, 2])
    ),
    "domain of text": case("domain='a'", "number", domain=("a", "b")),
    # Wavenumber and scale
    "wavenumber negative": case("wavenumber=-3.0", "positive", "leave it out", wavenumber=-3.0),
    "wavenumber zero": case("wavenumber=0", "positive", wavenumber=0),
    "wavenumber NaN": case("nan", "positive and finite", wavenumber=NAN),
    "wavenumber infinite": case("inf", "finite", wavenumber=(1, INF)),
    "wavenumbers too many": case(
        "wavenumber has 3 values",
        "2 inputs",
        "one number for all or one per input",
        wavenumber=(1, 2, 3),
    ),
    "wavenumber of text": case("wavenumber='fast'", "number", wavenumber="fast"),
    "wavenumber empty": case("wavenumber=[]", "number", wavenumber=[]),
    "wavenumber of two dimensions": case("wavenumber=", "number", wavenumber=np.ones((2, 2))),
    "scale negative": case("slope_scale=-1", "positive", "leave it out", slope_scale=-1),
    "scale zero in one axis": case("slope_scale=(1, 0)", "positive", slope_scale=(1, 0)),
    "scale NaN": case("nan", "positive and finite", slope_scale=NAN),
    "scales too many": case("slope_scale has 3 values", "2 inputs", slope_scale=(1, 2, 3)),
    "wavenumber and scale": case(
        "wavenumber=3", "slope_scale=(1, 2)", "keep one", wavenumber=3, slope_scale=(1, 2)
    ),
    # Names
    "parameterization": case(
        "'linear'", "'shift', 'scaled', 'log-scale'", parameterization="linear"
    ),
    "activation": case("'tahn'", "tanh", "function", activation="tahn"),
    "activation of no kind": case("activation=3", "tanh", activation=3),
    "activation of a list": case("'tahn'", "tanh", activation=["tanh", "tahn", "tanh"]),
    "activations too few": case("2 entries", "3 layers", activation=["tanh", "tanh"]),
    "adaptive activation": case("'LAAF-x tanh'", "LAAF-n name", activation="LAAF-x tanh"),
    "adaptive activation in small letters": case(
        "'laaf-5 tanh'", "LAAF-n name", activation="laaf-5 tanh"
    ),
    "initializer": case("'Glorot'", "'Glorot uniform'", kernel_initializer="Glorot"),
    "initializer of no kind": case("None", "'Glorot uniform'", kernel_initializer=None),
    # Others
    "gain zero": case("hidden_gain=0", "positive", hidden_gain=0),
    "gain NaN": case("hidden_gain=nan", "positive", hidden_gain=NAN),
    "gain of text": case("hidden_gain='2'", "positive", hidden_gain="2"),
    "gains": case("hidden_gain=[1, 2]", "positive", hidden_gain=[1, 2]),
    "seed negative": case("seed=-1", "non-negative integer", seed=-1),
    "seed fraction": case("seed=0.5", "non-negative integer", seed=0.5),
    "seed bool": case("seed=True", "non-negative integer", seed=True),
}

PFNN: dict[str, Any] = {
    "inputs in a list": case("[2, 2]", "one integer", layer_sizes=[[2, 2], [8, 8], 2]),
    "lists of different length": case(
        "[2, 3]",
        "one entry per sub-network",
        layer_sizes=[2, [8, 8], [8, 8, 8], 3],
    ),
    "outputs against sub-networks": case(
        "3 outputs", "2", "equal", layer_sizes=[2, [8, 8], [8, 8], 3]
    ),
    "size zero in a list": case("0", "positive integer", layer_sizes=[2, [8, 0], 2]),
}


def arguments_of(changed: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments of a network, with some changed."""
    given = {"layer_sizes": SIZES, "activation": "tanh", "kernel_initializer": "Glorot uniform"}
    given |= {"seed": 0} | changed
    positional = [given.pop(n) for n in ("layer_sizes", "activation", "kernel_initializer")]
    return positional, given
