"""The networks for the backend that DeepXDE runs on."""

import importlib

from .. import _host
from ._base import FourierNet, RepNet, completed_fourier, leaves_open
from ._operator import RepOperator

_MODULES = {
    "pytorch": "pytorch",
    "tensorflow": "tensorflow",
    "tensorflow.compat.v1": "tensorflow_compat_v1",
    "jax": "jax",
    "paddle": "paddle",
}

if _host.backend_name not in _MODULES:
    raise ImportError(
        f"DeepXDE's backend {_host.backend_name!r} is not supported; set DDE_BACKEND to one of "
        f"{', '.join(_MODULES)}."
    )
_module = importlib.import_module(f".{_MODULES[_host.backend_name]}", __name__)
FourierFNN = _module.FourierFNN
RepFNN = _module.RepFNN
RepPFNN = _module.RepPFNN
RepDeepONet = _module.RepDeepONet
RepDeepONetCartesianProd = _module.RepDeepONetCartesianProd

__all__ = [
    "FourierFNN",
    "FourierNet",
    "RepDeepONet",
    "RepDeepONetCartesianProd",
    "RepFNN",
    "RepNet",
    "RepOperator",
    "RepPFNN",
    "completed_fourier",
    "leaves_open",
]
