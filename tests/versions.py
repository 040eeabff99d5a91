"""What the tests can ask of the oldest supported DeepXDE."""

from __future__ import annotations

import deepxde as dde
from packaging.version import Version

#: Layer-wise adaptive activations ("LAAF-10 tanh") on PyTorch; before, on TensorFlow alone.
ADAPTIVE_ACTIVATIONS = Version(dde.__version__) >= Version("1.15")
