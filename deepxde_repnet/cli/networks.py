"""The networks that the command trains, and how their arguments are given on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .output import WrongUsage

NETS = ("FNN", "RepFNN")


@dataclass(frozen=True)
class Network:
    """A network as asked for on the command line; None leaves to the problem what is its own.

    Attributes:
        net: A name in ``NETS``.
        layers: Widths of the hidden layers.
        wavenumber, slope_scale: Of a RepFNN, one number or one per axis.
    """

    net: str = "RepFNN"
    layers: tuple[int, ...] | None = None
    activation: str | None = None
    wavenumber: tuple[float, ...] | None = None
    slope_scale: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.net not in NETS:
            raise WrongUsage(f"there is no network {self.net!r}; write one of {', '.join(NETS)}.")
        if self.net == "FNN" and (self.wavenumber or self.slope_scale):
            raise WrongUsage(
                "--wavenumber and --slope-scale are for RepFNN; leave them out, or --net FNN."
            )
        if self.wavenumber and self.slope_scale:
            raise WrongUsage(
                "--wavenumber and --slope-scale each determine the other; keep one of them."
            )

    @classmethod
    def parse(cls, text: str) -> Network:
        """``FNN``, or ``FNN:sin`` with another activation."""
        net, _, activation = text.partition(":")
        return cls(net=net, activation=activation or None)

    def constructor(self, of_operator: bool) -> Callable[..., Any]:
        """A function with the arguments of ``dde.nn.FNN``, or of an operator network.

        Raises:
            WrongUsage: An operator network has no such option.
        """
        from .. import _host
        from ..nets import RepDeepONetCartesianProd, RepFNN

        options = {
            name: list(value) if len(value) > 1 else value[0]
            for name in ("wavenumber", "slope_scale")
            if (value := getattr(self, name)) is not None
        }
        if of_operator:
            if self.layers or self.activation:
                raise WrongUsage("--layers and --activation are not for an operator's network.")
            if self.net == "FNN":
                return _host.DeepONetCartesianProd
            return lambda *a, **k: RepDeepONetCartesianProd(*a, **options, **k)
        cls = _host.FNN if self.net == "FNN" else RepFNN

        def build(sizes: Any, activation: Any, initializer: Any, **more: Any) -> Any:
            hidden = list(self.layers) if self.layers else sizes[1:-1]
            chosen = self.activation or activation
            return cls([sizes[0], *hidden, sizes[-1]], chosen, initializer, **options, **more)

        return build


def widths(text: str | None) -> tuple[int, ...] | None:
    """Hidden layers out of ``64,64,64`` or ``64x3``.

    Raises:
        WrongUsage: It is neither.
    """
    if text is None:
        return None
    repeated = re.fullmatch(r"(\d+)x(\d+)", text)
    if repeated:
        width, count = map(int, repeated.groups())
        found = (width,) * count
    elif re.fullmatch(r"\d+(,\d+)*", text):
        found = tuple(map(int, text.split(",")))
    else:
        found = ()
    if not found or min(found) < 1:
        raise WrongUsage(
            f"--layers {text!r} is not understood; write the widths of the hidden layers, as "
            "64,64,64 or 64x3."
        )
    return found


def axes(name: str, text: str | None) -> tuple[float, ...] | None:
    """One positive number, or one per axis, out of ``50`` or ``50,5``.

    Raises:
        WrongUsage: It is neither.
    """
    if text is None:
        return None
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 < value < float("inf") for value in found):
        raise WrongUsage(
            f"{name} {text!r} is not understood; write one positive number, or one for each axis "
            "with commas between, as 50,5."
        )
    return found
