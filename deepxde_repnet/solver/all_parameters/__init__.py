"""``parameters="all"``: the hidden layers of a small network move too."""

from __future__ import annotations

from typing import Any

from ... import _host
from ...taylor.features import Features
from ..solution import Fit


def check(parameters: Any, model: Any) -> None:
    """Whether the option can be followed.

    Raises:
        ValueError: If not, with what to write instead.
        NotImplementedError: On a backend other than PyTorch.
    """
    if not isinstance(parameters, str) or parameters not in ("output", "all"):
        raise ValueError(
            f'parameters={parameters!r} is not known; write "output", which keeps the hidden '
            'layers as they are, or "all".'
        )
    if parameters == "output":
        return
    if _host.backend_name != "pytorch":
        raise NotImplementedError(
            'parameters="all" runs on the PyTorch backend, and DeepXDE uses '
            f"{_host.backend_name!r}."
        )
    if model is None:
        raise ValueError(
            'parameters="all" moves the parameters of a network, and only data were given; pass '
            "dde.Model(data, RepFNN([2, 64, 64, 1], ...))."
        )
    if not all(p.requires_grad for p in model.net.parameters()):
        raise ValueError(
            'parameters="all" moves all parameters, and some of the network do not require their '
            "gradient; free them with net.requires_grad_()."
        )


def count(features: Features, fit: Fit) -> int:
    """Number of hidden parameters that were sought for a solution."""
    if not fit.moved:
        return 0
    layers = [layer for level in features.levels for layer in level]
    return sum(kernel.shape[0] * kernel.shape[1] + kernel.shape[1] for kernel, _ in layers)
