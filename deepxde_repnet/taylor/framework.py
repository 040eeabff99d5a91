"""``taylor``: the module of this package for the backend that DeepXDE runs on.

It holds what the solver needs of a framework, under the same names: arrays in float64 (PyTorch's
own, or NumPy's on the JAX backend), the derivatives of activations and transforms, and
``linearise`` and ``Equations``, which read the coefficients off the user's own residuals.
"""

import importlib
from typing import Any

from .. import _host

MODULES = {"pytorch": "pytorch", "jax": "jax"}

if _host.backend_name not in MODULES:
    raise NotImplementedError(
        f"solve runs on the backends {' and '.join(MODULES)}, and DeepXDE uses "
        f"{_host.backend_name!r}; set DDE_BACKEND to one of them."
    )
taylor: Any = importlib.import_module(f".{MODULES[_host.backend_name]}", __package__)
