"""Signature and docstring of the public networks, composed from DeepXDE's own."""

from __future__ import annotations

import inspect
from typing import TypeVar

from ._base import RepNet
from ._operator import RepOperator

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
    "RepDeepONet": """DeepONet with a RepNet trunk: a drop-in for ``dde.nn.DeepONet``.

    The trunk, which takes the coordinates, is a ``RepFNN``; the rest is DeepXDE's. The positional
    arguments are those of this backend's ``dde.nn.DeepONet``.
""",
    "RepDeepONetCartesianProd": """As ``RepDeepONet``, for ``dde.nn.DeepONetCartesianProd``.

    The positional arguments are those of this backend's ``dde.nn.DeepONetCartesianProd``.
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
"""

_ARGUMENTS_OF_OPERATORS = """
    Args:
        layer_sizes_branch: Sizes of the branch's layers, or ``(dim, f)`` with a network f of your
            own.
        layer_sizes_trunk: Sizes of the trunk's layers, inputs first; at least one hidden layer.
        activation: Name or function, or ``{"branch": ..., "trunk": ...}``.
        kernel_initializer: Name or function; draws the kernels after the trunk's first layer, and
            those of the branch.
        domain: Where the output functions live: as for ``RepFNN``. None takes the equation's
            geometry, or else the range of the trunk's training points, at ``Model.compile``.
        wavenumber: Of the output functions, radians per unit of the coordinates, a number or one
            per axis. None takes it from the targets, or else from the input functions at the
            points, at ``Model.compile``; an error asks for it where they do not say.
"""

_SHARED = """\
        slope_scale: s in normalised units, a number or one per axis, in place of ``wavenumber``.
        hidden_gain: Factor on the initial hidden kernels; None has it chosen with the slope scale.
        parameterization: "shift", "scaled" or "log-scale"; None is the measured default.
        sines: Share of the first layer's neurons that give sin z in place of the activation of z,
            from 0 to 1. None means all in a ``RepFNN`` that fits targets without an equation, and
            none elsewhere.
        seed: Of the initial draw; None takes one from NumPy's state, which
            ``dde.config.set_random_seed`` sets. A seed gives the same function on every backend.
"""

_BRANCH = """\
            That holds for the trunk; a branch without a RepNet layer is drawn by DeepXDE.
        branch_slope_scale: s of a RepNet layer that comes first in the branch as well, in
            normalised units, a number or one per input; with m inputs of the order of 1/sqrt(m).
            None leaves the branch as DeepXDE's.
        branch_domain: (lower, upper) of the branch's inputs, one number per input in each, where it
            has a RepNet layer. None takes their range in the training data, at ``Model.compile``.
"""

_END = """
    Raises:
        ValueError, TypeError: If an argument makes no sense; the message says what to write.

    References:
        Y. Wang, Z. Zhou and X. Meng, "Tackling spectral bias in deep neural networks via parameter
        reparameterization", arXiv 2606.16575.
"""

Net = TypeVar("Net", bound=type)


def document(cls: Net) -> Net:
    """Give a network its docstring and the signature that its ``__init__`` really accepts."""
    is_operator = issubclass(cls, RepOperator)
    arguments = (
        [_ARGUMENTS_OF_OPERATORS, _SHARED, _BRANCH] if is_operator else [_ARGUMENTS, _SHARED]
    )
    cls.__doc__ = "".join([_DOC[cls.__name__], *arguments, _END])
    bases = [b for b in cls.__mro__[1:] if b.__module__.startswith("deepxde.")]
    host = inspect.signature(bases[0]).parameters.values()
    mixin = RepOperator if is_operator else RepNet
    own = inspect.signature(mixin.__init__).parameters.values()
    positional = [p for p in host if p.kind is not p.KEYWORD_ONLY]
    keyword_only = [p for p in own if p.kind is p.KEYWORD_ONLY]
    cls.__signature__ = inspect.Signature([*positional, *keyword_only])
    return cls
