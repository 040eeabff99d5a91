"""RepNet for DeepXDE: networks that resolve oscillating and multiscale solutions.

``RepFNN`` and ``RepPFNN`` take the place of ``dde.nn.FNN`` and ``dde.nn.PFNN``; importing this
package also makes them available as ``dde.nn.RepFNN`` and ``dde.nn.RepPFNN``.
"""

from . import _host
from .calibrate import calibrate as _calibrate
from .calibrate import check_prediction_points as _check_prediction_points
from .nets import RepFNN, RepPFNN
from .solver import Solution, solve
from .spec import Box, RepSpec
from .theory import magnitude, spectrum

__version__ = "0.1.0"

__all__ = [
    "Box",
    "RepFNN",
    "RepPFNN",
    "RepSpec",
    "Solution",
    "magnitude",
    "solve",
    "spectrum",
]

for _net in (RepFNN, RepPFNN):
    _host.register_network(_net)
_host.before("compile", _calibrate)
_host.before("predict", _check_prediction_points)
