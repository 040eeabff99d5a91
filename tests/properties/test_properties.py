"""Any input gives a right answer or one of our errors: the short version.

``benchmarks/generated_inputs.py`` feeds every entry point with 2000 inputs and more.
"""

from __future__ import annotations

import pytest

import deepxde_repnet
from deepxde_repnet import train
from deepxde_repnet.theory import dynamics, frequencies, magnitude, modes, spectrum

from . import commands  # noqa: F401 (adds its entries)
from .entries import ENTRIES, examine, raised_here


@pytest.mark.parametrize("name", ENTRIES)
def test_generated_inputs(name):
    outcomes = examine(name, ENTRIES[name].examples)
    assert sum(outcomes.values()) > 0


def test_every_public_name_is_fed():
    fed = set(ENTRIES)
    modules = (magnitude, spectrum, modes, dynamics, frequencies)
    names = set(deepxde_repnet.__all__) - {"Solution", "records"}
    names -= {module.__name__.rpartition(".")[2] for module in modules}
    names |= {f"magnitude_{n}" for n in ("predict", "slope_scale_for", "hidden_gain_for")}
    names |= {"magnitude_output_scale_for", "magnitude_moments", "Solution_predict"}
    names |= {f"spectrum_{n}" for n in ("wavenumber", "wavenumber_from_gradient")}
    names |= {"spectrum_resolved_wavenumber", "records_load", *train.__all__}
    names |= {f"command_{n}" for n in ("run", "swap", "compare", "explain", "other")}
    names |= {f"modes_{n}" for n in ("Grid", "Known", "Scattered")}
    names |= {
        f"frequencies_{n}"
        for n in ("Normal", "Uniform", "LogUniform", "StudentT", "Density", "Samples")
    }
    assert names <= fed, names - fed
    for module in modules:
        prefix = module.__name__.rpartition(".")[2]
        public = {
            n
            for n, value in vars(module).items()
            if not n.startswith("_")
            and getattr(value, "__module__", "") == module.__name__
            and callable(value)
            and not isinstance(value, type)
        }
        assert {f"{prefix}_{n}" for n in public} <= fed


def test_errors_from_below_are_told_apart():
    for bad in (lambda: deepxde_repnet.Box([0], [0]), lambda: [][0]):
        try:
            bad()
        except Exception as error:
            assert raised_here(error) == isinstance(error, ValueError)
