"""RepNet for DeepXDE: networks that resolve oscillating and multiscale solutions.

``RepFNN``, ``RepPFNN``, ``RepDeepONet`` and ``RepDeepONetCartesianProd`` take the place of
DeepXDE's networks without the ``Rep``; importing this package also makes them available in
``dde.nn``, as ``dde.nn.RepFNN`` and so on.
"""

import sys
from typing import TYPE_CHECKING

from . import _command

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Checkpoint",
    "FirstLayerRecorder",
    "FourierFNN",
    "Guard",
    "RepDeepONet",
    "RepDeepONetCartesianProd",
    "RepFNN",
    "RepPFNN",
    "RepSpec",
    "ResidualSpectrumRecorder",
    "Solution",
    "SpectrumRecorder",
    "accelerate",
    "distribute",
    "dynamics",
    "frequencies",
    "magnitude",
    "modes",
    "records",
    "resume",
    "solve",
    "spectrum",
]

if TYPE_CHECKING or not _command.is_waiting():
    from . import _host, records
    from .calibrate import calibrate as _calibrate
    from .calibrate import check_prediction_points as _check_prediction_points
    from .nets import FourierFNN, RepDeepONet, RepDeepONetCartesianProd, RepFNN, RepPFNN
    from .solver import Solution, solve
    from .spec import Box, RepSpec
    from .theory import dynamics, frequencies, magnitude, modes, spectrum
    from .train import state as _state
    from .train.accelerate import accelerate
    from .train.checkpoint import Checkpoint, resume
    from .train.checkpoint import training as _training
    from .train.distribute import distribute
    from .train.gap import watch as _watch
    from .train.guards import Guard
    from .train.instruments import FirstLayerRecorder, ResidualSpectrumRecorder, SpectrumRecorder

    # For ``from deepxde_repnet.frequencies import Normal`` beside ``deepxde_repnet.frequencies``.
    for _module in (dynamics, frequencies, magnitude, modes, spectrum):
        sys.modules[f"{__name__}.{_module.__name__.rpartition('.')[2]}"] = _module
    for _name in ("FourierFNN", "RepFNN", "RepPFNN", "RepDeepONet", "RepDeepONetCartesianProd"):
        _host.register_network(globals()[_name])
    _host.before("compile", _calibrate)
    _host.before("predict", _check_prediction_points)
    _host.before("compile", _state.remember)
    _host.instead("train", _training)
    _host.instead("_test", _watch)
else:

    def __getattr__(name: str) -> object:
        """A public name before the command has loaded the package, as a user's script asks it."""
        if name in __all__ and _command.is_waiting():
            _command.load()
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
