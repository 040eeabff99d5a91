"""The scripts of examples/solve/ run as they are, only less exactly."""

import importlib
import re

import deepxde as dde
import numpy as np
import pytest

#: Name -> (options of ``solve``, largest error).
SCRIPTS = {
    "poisson_1d_multiscale": ({"tol": 1e-6}, 1e-5),
    "helmholtz_2d": ({"tol": 1e-4}, 1e-4),
    "helmholtz_1_4": ({"tol": 1e-4}, 1e-3),
    "wave_1d": ({"tol": 1e-4}, 1e-3),
    "poisson_peak_2d": ({"tol": 1e-3}, 1e-3),
    "nonlinear_2d": ({"tol": 1e-4}, 1e-4),
    "lshape_2d": ({"tol": 1e-4}, 1e-3),
    "screened_discs_2d": ({"tol": 0.2}, 0.2),
    "helmholtz_2d_inverse": ({"tol": 1e-3}, 1e-4),
    "diffusion_1d_inverse": ({"tol": 1e-4}, 1e-3),
}


@pytest.fixture
def double(request):
    request.addfinalizer(lambda: dde.config.set_default_float("float32"))
    dde.config.set_default_float("float64")


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name, double, capsys):
    options, largest = SCRIPTS[name]
    script = importlib.import_module(f"examples.solve.{name}")
    found = script.main(verbose=0, **options)
    said = capsys.readouterr().out
    assert found.residual_unseen <= options["tol"]
    assert str(found) in said
    # The last number of what a script prints is its error.
    assert float(re.findall(r"\d\.\de[-+]\d+", said)[-1]) <= largest
    assert np.isfinite(found.predict(found.model.data.geom.random_points(5))).all()
