"""Ordinary DeepXDE scripts, whose solutions do not oscillate or which have few points.

In the manner of DeepXDE's examples and of the questions asked about it, with the networks, numbers
of points and steps that such scripts have. One module for each subject holds them; ``problem`` says
what one is, and ``training.train`` trains any network on one:

    from benchmarks.swap_problems import PROBLEMS
    from benchmarks.swap_problems.training import train

    train(PROBLEMS["heat"], lambda sizes, activation, initializer: ..., seed=0)["error"]
"""

import os

# The scripts are written with PyTorch, and DeepXDE asks when it is imported.
os.environ.setdefault("DDE_BACKEND", "pytorch")

from . import ordinary, steady, evolution, inverse, fits  # noqa: F401, I001  (in this order)
from .problem import PROBLEMS

__all__ = ["PROBLEMS"]
