"""solve(model) with the output layer alone and with all parameters: error and time, three seeds.

    DDE_BACKEND=pytorch python benchmarks/all_parameters.py [problem ...]

One thread. Problems on the unit square, with exact solutions: Helmholtz of wavenumber 4π, a Poisson
problem with u³ of wavenumber 2π, and the Poisson problem of a steep front.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import deepxde as dde
import numpy as np
import torch

import deepxde_repnet
from deepxde_repnet import RepFNN

SQUARE = dde.geometry.Rectangle([0, 0], [1, 1])


def laplacian(u: Any, x: Any) -> Any:
    return dde.grad.hessian(u, x, i=0, j=0) + dde.grad.hessian(u, x, i=1, j=1)


def waves(wavenumber: float, sin: Any, x: Any) -> Any:
    return sin(wavenumber * x[:, 0:1]) * sin(wavenumber * x[:, 1:2])


def helmholtz(x: Any, u: Any) -> Any:
    k = 4 * np.pi
    return -laplacian(u, x) - k**2 * u - k**2 * waves(k, torch.sin, x)


def cubic(x: Any, u: Any) -> Any:
    k = 2 * np.pi
    exact = waves(k, torch.sin, x)
    return -laplacian(u, x) + u**3 - exact**3 - 2 * k**2 * exact


def front(x: Any, u: Any) -> Any:
    t = torch.tanh(20 * (x[:, 0:1] + x[:, 1:2] - 1))
    return laplacian(u, x) + 1600 * t * (1 - t**2)


#: Equation, exact solution, hidden layers, slope scale, tol.
PROBLEMS: dict[str, tuple[Any, Any, list[int], float, float]] = {
    "helmholtz": (helmholtz, lambda x: waves(4 * np.pi, np.sin, x), [32, 32], 4.0, 2e-3),
    "cubic": (cubic, lambda x: waves(2 * np.pi, np.sin, x), [16, 16], 2.0, 2e-3),
    "front": (front, lambda x: np.tanh(20 * (x[:, 0:1] + x[:, 1:2] - 1)), [24, 24], 4.0, 1e-4),
}


def measure(name: str, seed: int, parameters: str) -> tuple[float, float, Any]:
    """Relative L2 error at other points, seconds, solution."""
    pde, exact, hidden, scale, tol = PROBLEMS[name]
    condition = dde.icbc.DirichletBC(SQUARE, exact, lambda x, on_boundary: on_boundary)
    data = dde.data.PDE(SQUARE, pde, condition, num_domain=100, num_boundary=40)
    net = RepFNN([2, *hidden, 1], "tanh", "Glorot uniform", slope_scale=scale, seed=seed)
    began = time.perf_counter()
    solution = deepxde_repnet.solve(dde.Model(data, net), tol, parameters=parameters, verbose=0)
    seconds = time.perf_counter() - began
    x = np.random.default_rng(7).uniform(size=(3000, 2))
    difference = solution.predict(x) - exact(x)
    return float(np.linalg.norm(difference) / np.linalg.norm(exact(x))), seconds, solution


def main(names: list[str]) -> None:
    print("problem      hidden  parameters  seed   error    time    residual unseen  steps")
    for name in names or list(PROBLEMS):
        for seed in range(3):
            for parameters in ("output", "all"):
                error, seconds, solution = measure(name, seed, parameters)
                print(
                    f"{name:<12} {PROBLEMS[name][2]!s:<9}{parameters:<10}{seed:>4}   {error:.1e}"
                    f"{seconds:>7.1f} s  {solution.residual_unseen:.1e} {'':<10}"
                    f"{solution.kept.fit.moved:>4}",
                    flush=True,
                )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
