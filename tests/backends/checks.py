"""All checks; importing this fills the registry."""

from . import (  # noqa: F401
    calibration,
    checkpoints,
    fourier,
    instruments,
    interface,
    operators,
    oracle,
    precision,
    problems,
    solving,
    training,
)
from .registry import CHECKS

__all__ = ["CHECKS"]
