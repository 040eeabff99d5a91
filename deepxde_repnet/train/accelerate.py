"""Training of a compiled model at the machine's speed."""

from __future__ import annotations

import importlib
import math
from typing import Any

from .. import _host
from ..spec import as_count, as_float, as_verbosity


def accelerate(
    model: Any,
    *,
    compile: bool | None = None,
    block: int | None = None,
    memory: float | None = None,
    graph: bool = False,
    verbose: int = 1,
) -> None:
    """Have a compiled model train in the same way, and faster.

    Call it after each ``model.compile(...)``. Losses, callbacks, resampling, metrics, saving and
    L-BFGS stay DeepXDE's own. On PyTorch, where the network is a (P)FNN or Rep(P)FNN,

    - the output and all derivatives that the equations ask for come out of one pass through the
      layers (``taylor.torch_jets``), and the gradient out of one pass back, so that nothing is
      differentiated twice. A sum of derivatives with constant factors, as the Laplacian, goes
      through as one where nothing else needs its parts. A derivative of something else that was
      computed from the output is taken by automatic differentiation, as before;
    - points are taken in blocks, and a block's program is compiled where a short measurement says
      that it pays;
    - points and targets stay on the device as tensors until they are resampled;
    - Adam updates all parameters in one call (PyTorch's ``fused``), unless it was told how;
    - on the processor, the C library (glibc) keeps the memory of a step for the next one.

    The loss and its gradient are compared with DeepXDE's own first (up to 20 000 points). Where a
    model cannot be served, or gains nothing, it keeps its own step, and a line says why.

    DeepXDE on TensorFlow and JAX compiles the whole step itself, and other backends are not served:
    there the model keeps its step.

    Args:
        model: A ``dde.Model`` after ``model.compile(...)``.
        compile: Whether to compile the passes (``torch.compile`` needs a C++ compiler on the
            processor and takes several seconds, once); None measures whether that is faster.
        block: Points in a block; None measures it.
        memory: Bytes of the way forward that are kept for the way back, what exceeds them is
            computed again. None is 256 MiB on the processor, a quarter of what is free on a GPU.
        graph: Whether a GPU is to repeat the step as a CUDA graph, the optimizer's update included
            for Adam and its relatives. The equations and conditions must not change while the model
            is trained, other than by their variables; points, learning rates and weights of losses
            may. So far it has been tested with a stand-in for the GPU only, which is why it is not
            the default. On the processor it does nothing.
        verbose: 0 does not say what was decided.

    Raises:
        ValueError: If the model is not compiled, or an argument is not of this kind.
        TypeError: If ``model`` is no ``dde.Model``.
    """
    if not isinstance(model, _host.Model):
        raise TypeError(f"accelerate takes a dde.Model, not {type(model).__name__}.")
    if compile is not None and not isinstance(compile, bool):
        raise ValueError(f"compile={compile!r} must be True, False or None.")
    if not isinstance(graph, bool):
        raise ValueError(f"graph={graph!r} must be True or False.")
    block = None if block is None else as_count("block", block)
    if memory is not None and not 0 < as_float(memory) < math.inf:
        raise ValueError(f"memory={memory!r} must be a positive number of bytes.")
    verbose = as_verbosity(verbose)
    reason = _host.not_plain_training(model)
    if reason is None and _host.backend_name != "pytorch":
        reason = f"only PyTorch's is served, and DeepXDE uses {_host.backend_name!r}"
    if reason is None:
        implementation = importlib.import_module(".torch_accelerate", __package__)
        said = implementation.accelerate(model, compile, block, memory, graph)
    else:
        said = f"DeepXDE's own training step is kept: {reason}."
    _host.announce(f"accelerate: {said}", verbose)
