"""Does ``deepxde_repnet.solve`` know when it has solved a problem? Problems with a known verdict.

    python -m benchmarks.verdicts                     # every problem, 5 seeds
    python -m benchmarks.verdicts --only heat wave --seeds 2
    python -m benchmarks.verdicts --kind undetermined mended
    python -m benchmarks.verdicts --redo              # also what has been run before
    python -m benchmarks.verdicts --table             # the table again, from the stored results

Each problem is what a DeepXDE script defines (geometry, equations, conditions, data), in the manner
of DeepXDE's examples and of the questions asked about it. ``solve`` is given that, a tolerance and
a seed. It should say "converged" only for a problem that has one solution, and only with that
solution found. An undetermined problem comes with its mended version, to which the missing
condition is added: that one must converge.

``problem`` defines what a problem is, and one module for each kind holds the problems; ``run`` runs
them, each in a fresh process, and keeps what came out in ``benchmarks/results/verdicts.json``;
``table`` writes ``docs/_tables/verdicts.rst``.
"""

import os

# The problems are written with PyTorch, and DeepXDE asks when it is imported.
os.environ.setdefault("DDE_BACKEND", "pytorch")

from . import (  # noqa: F401  (each adds its problems)
    contradictory,
    inverse,
    linear,
    nonlinear,
    out_of_reach,
    singular,
    undetermined,
)
from .problem import PROBLEMS

__all__ = ["PROBLEMS"]
