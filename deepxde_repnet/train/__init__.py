"""Callbacks and helpers for ``dde.Model.train``."""

from .progress import ProgressBar

__all__ = ["ProgressBar"]
