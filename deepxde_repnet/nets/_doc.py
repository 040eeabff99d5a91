"""Signature and docstring of the public networks, composed from DeepXDE's own."""

from __future__ import annotations

import inspect
from typing import TypeVar

from ._base import RepNet

_DOC = {
    "RepFNN": """Fully connected network that resolves oscillations, a drop-in for ``dde.nn.FNN``.

    The first hidden layer is ``z = w·(x + c)`` on inputs normalised to ``[-1, 1]^d``, where
    ``w_ij ~ N(0, s_j^2)`` and the partition points -c are spread uniformly over the domain; both
    are trained. The positional arguments are those of this backend's ``dde.nn.FNN``.
""",
    "RepPFNN": """Parallel fully connected networks with RepNet first layers: for ``dde.nn.PFNN``.

    Every layer that takes the network's inputs, shared or parallel, is a RepNet layer as in
    ``RepFNN``. The positional arguments are those of this backend's ``dde.nn.PFNN``.
""",
}

_ARGUMENTS = """
    Args:
        layer_sizes: Sizes of the layers, inputs first; at least one hidden layer. Nested lists for
            parallel sub-networks where the class has them.
        activation: Name, function, or (FNN) a list with one per layer after the input.
        kernel_initializer: Name or function; draws the kernels after the first layer.
        domain: Where the solution lives: a ``dde.geometry`` object, a ``GeometryXTime`` or
            ``(lower, upper)`` in the units of the coordinates. None takes the problem's geometry at
            ``Model.compile``.
        wavenumber: Of the solution, radians per unit of the coordinates, a number or one per
            axis. None works it out from the problem at ``Model.compile``.
        slope_scale: s in normalised units, a number or one per axis, in place of ``wavenumber``.
        hidden_gain: Factor on the initial hidden kernels; None has it chosen with the slope scale.
        parameterization: "shift", "scaled" or "log-scale"; None is the measured default.
        seed: Of the initial draw; None takes one from NumPy's state, which
            ``dde.config.set_random_seed`` sets. A seed gives the same function on every backend.

    Raises:
        ValueError, TypeError: If an argument makes no sense; the message says what to write.

    References:
        Y. Wang, Z. Zhou and X. Meng, "Tackling spectral bias in deep neural networks via parameter
        reparameterization", arXiv 2606.16575.
"""

Net = TypeVar("Net", bound=type)


def document(cls: Net) -> Net:
    """Give a network its docstring and the signature that its ``__init__`` really accepts."""
    cls.__doc__ = _DOC[cls.__name__] + _ARGUMENTS
    bases = [b for b in cls.__mro__[1:] if b.__module__.startswith("deepxde.")]
    host = inspect.signature(bases[0]).parameters.values()
    own = inspect.signature(RepNet.__init__).parameters.values()
    positional = [p for p in host if p.kind is not p.KEYWORD_ONLY]
    keyword_only = [p for p in own if p.kind is p.KEYWORD_ONLY]
    cls.__signature__ = inspect.Signature([*positional, *keyword_only])
    return cls
