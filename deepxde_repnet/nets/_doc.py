"""Signature and docstring of the public networks, composed from DeepXDE's own."""

from __future__ import annotations

import inspect
from typing import TypeVar

from ._base import FourierNet, keywords
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
    "FourierFNN": """Fully connected network on Fourier features whose wavenumbers you prescribe.

    The first layer gives ``cos w_i·(x - x_0)`` and ``sin w_i·(x - x_0)``, x_0 the centre of the
    domain, with w drawn from a distribution in radians per unit of the coordinates; ordinary layers
    follow. Which wavenumbers are learned when is decided by that distribution (documentation page
    "Fourier features with frequencies of your own"). The positional arguments are those of this
    backend's ``dde.nn.FNN``; ``layer_sizes[1]`` is the number of features, an even number.
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

_FOURIER = """
    Args:
        layer_sizes: ``[inputs, features, hidden, ..., outputs]``; half of the features are pairs'
            cosines.
        activation: Of the layers after the features: a name, a function or a list with one per
            layer after the input, of which the first is not used.
        kernel_initializer: Name or function; draws the kernels after the first layer.
        frequencies: A distribution of ``deepxde_repnet.frequencies`` (``Normal``, ``Uniform``,
            ``LogUniform``, ``StudentT``, ``Density``, ``Samples``), for all axes or a list with one
            for each; a number for the scale of a normal one; an array of wavenumbers to draw from.
            "operator": from the equation, ``ρ ∝ |p|^-2`` with p its symbol. None: uniform up to the
            problem's wavenumber. The last two are worked out at ``Model.compile``.
        trainable: Whether the wavenumbers are trained; False keeps them as they are drawn.
        domain: Where the solution lives: as for ``RepFNN``.
        seed: As for ``RepFNN``.
"""

_SHARED = """\
        slope_scale: s in normalised units, a number or one per axis, in place of ``wavenumber``.
        hidden_gain: Factor on the initial hidden kernels; None has it chosen with the slope scale.
        parameterization: "shift" (w is trained), "scaled" (w over the slope scale) or "log-scale"
            (that, and a factor for each neuron). None means "scaled" where sines are chosen for all
            hidden layers, "log-scale" elsewhere.
        sines: Share of the first layer's neurons that give sin z in place of the activation of z,
            from 0 to 1. None means all in a ``RepFNN`` that fits targets without an equation; all,
            and all of the later hidden layers, where the equation has free waves; none elsewhere.
            In several variables half of those that fit targets are waves of these, unless the
            scale is given.
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

_END_OF_FOURIER = """
    Raises:
        ValueError, TypeError: If an argument makes no sense; the message says what to write.

    References:
        M. Tancik et al., "Fourier features let networks learn high frequency functions in low
        dimensional domains", NeurIPS 2020 (arXiv 2006.10739); arXiv 2405.14957 for what the
        distribution does to training.
"""

Net = TypeVar("Net", bound=type)


def document(cls: Net) -> Net:
    """Give a network its docstring and the signature that its ``__init__`` really accepts."""
    is_operator = issubclass(cls, RepOperator)
    is_fourier = issubclass(cls, FourierNet)
    arguments, end = [_ARGUMENTS, _SHARED], _END
    if is_operator:
        arguments = [_ARGUMENTS_OF_OPERATORS, _SHARED, _BRANCH]
    elif is_fourier:
        arguments, end = [_FOURIER], _END_OF_FOURIER
    cls.__doc__ = "".join([_DOC[cls.__name__], *arguments, end])
    bases = [b for b in cls.__mro__[1:] if b.__module__.startswith("deepxde.")]
    host = inspect.signature(bases[0]).parameters.values()
    own = keywords(RepOperator.__init__ if is_operator else cls._make_spec)
    positional = [p for p in host if p.kind is not p.KEYWORD_ONLY]
    cls.__signature__ = inspect.Signature([*positional, *own])
    return cls
