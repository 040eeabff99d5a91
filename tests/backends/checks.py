"""All checks; importing this fills the registry."""

from . import (
    calibration,
    checkpoints,
    interface,
    operators,
    oracle,
    precision,
    problems,
    solving,
    training,
)  # noqa: F401
from .registry import CHECKS

__all__ = ["CHECKS"]
