"""What is used during training."""

from .progress import ProgressBar

__all__ = ["ProgressBar"]
