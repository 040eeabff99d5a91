"""RepNet for DeepXDE: networks that resolve oscillating and multiscale solutions.

``RepFNN``, ``RepPFNN``, ``RepDeepONet`` and ``RepDeepONetCartesianProd`` take the place of
DeepXDE's networks without the ``Rep``; importing this package also makes them available in
``dde.nn``, as ``dde.nn.RepFNN`` and so on.
"""

from . import _host
from .calibrate import calibrate as _calibrate
from .calibrate import check_prediction_points as _check_prediction_points
from .nets import RepDeepONet, RepDeepONetCartesianProd, RepFNN, RepPFNN
from .solver import Solution, solve
from .spec import Box, RepSpec
from .theory import magnitude, spectrum
from .train.accelerate import accelerate
from .train.distribute import distribute

__version__ = "0.1.0"

__all__ = [
    "Box",
    "RepDeepONet",
    "RepDeepONetCartesianProd",
    "RepFNN",
    "RepPFNN",
    "RepSpec",
    "Solution",
    "accelerate",
    "distribute",
    "magnitude",
    "solve",
    "spectrum",
]

for _net in (RepFNN, RepPFNN, RepDeepONet, RepDeepONetCartesianProd):
    _host.register_network(_net)
_host.before("compile", _calibrate)
_host.before("predict", _check_prediction_points)
