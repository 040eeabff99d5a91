"""The public names, which change only on purpose."""

from __future__ import annotations

import importlib.metadata

import deepxde as dde
import pytest

import deepxde_repnet
from deepxde_repnet.nets import RepNet, RepOperator


def test_public_names():
    assert sorted(deepxde_repnet.__all__) == [
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
    assert all(hasattr(deepxde_repnet, name) for name in deepxde_repnet.__all__)


def test_public_names_of_a_network():
    """What a network has besides DeepXDE's: the same on every backend, from the one mixin."""
    assert issubclass(deepxde_repnet.RepFNN, RepNet)
    assert sorted(n for n in vars(RepNet) if not n.startswith("_")) == [
        "apply_feature_transform",
        "calibrate",
        "settled",
        "spec",
        "to_numpy",
    ]


def test_public_names_of_an_operator():
    assert issubclass(deepxde_repnet.RepDeepONet, RepOperator)
    assert sorted(n for n in vars(RepOperator) if not n.startswith("_")) == [
        "apply_feature_transform",
        "calibrate",
        "settled",
        "spec",
    ]


def test_importing_makes_the_networks_deepxde_s():
    assert dde.nn.RepFNN is deepxde_repnet.RepFNN
    assert dde.nn.FourierFNN is deepxde_repnet.FourierFNN
    assert dde.nn.RepPFNN is deepxde_repnet.RepPFNN
    assert dde.nn.RepDeepONet is deepxde_repnet.RepDeepONet
    assert dde.nn.RepDeepONetCartesianProd is deepxde_repnet.RepDeepONetCartesianProd


@pytest.mark.parametrize("name", ["dynamics", "frequencies", "magnitude", "modes", "spectrum"])
def test_modules_of_the_theory_are_importable_by_their_short_names(name):
    found = importlib.import_module(f"deepxde_repnet.{name}")
    assert found is getattr(deepxde_repnet, name)


def test_version():
    assert deepxde_repnet.__version__ == importlib.metadata.version("deepxde_repnet")
