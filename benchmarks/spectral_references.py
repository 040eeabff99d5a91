"""Reference solutions of Burgers' and the Allen-Cahn equation, which have no exact ones.

    python benchmarks/spectral_references.py

The problems are those of ``examples/pinn_forward/``. Burgers: the Cole-Hopf transformation makes
the solution a quotient of two integrals with smooth integrands, and the trapezoidal rule converges
exponentially for them. Allen-Cahn: Chebyshev collocation in space, Radau IIA of order 5 in time.
Each is computed twice, the second time much finer, and refused where the two differ by more than
1e-8 anywhere. The values go beside the examples, as ``burgers_1d.npz`` and ``allen_cahn_1d.npz``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import BarycentricInterpolator

os.environ.setdefault("DDE_BACKEND", "pytorch")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.pinn_forward import allen_cahn_1d, burgers_1d  # noqa: E402

X = np.linspace(-1, 1, 201)
T = np.linspace(0, 1, 51)
LARGEST_CHANGE = 1e-8


def burgers(x: np.ndarray, t: np.ndarray, num_nodes: int) -> np.ndarray:
    """Values (T, X) of the solution of u_t + u u_x = ν u_xx, u(x, 0) = -sin(πx), by Cole-Hopf.

    With F(y) = exp(-cos(πy)/(2πν)) and the heat kernel G of diffusivity ν,

        u(x, t) = -∫ sin(π(x - y)) F(x - y) G(y, t) dy / ∫ F(x - y) G(y, t) dy.

    Args:
        x: Coordinates (X,).
        t: Times (T,), the first of which may be 0.
        num_nodes: Of the trapezoidal rule.
    """
    nu = burgers_1d.nu
    # In y = √(4νt) z the kernel is exp(-z²). F varies by exp(2/(2πν)), so that z² ≤ 1/(πν) + 40
    # holds all of the integrals, but for exp(-40).
    z = np.sqrt(1 / (np.pi * nu) + 40) * np.linspace(-1, 1, num_nodes)
    u = np.empty((len(t), len(x)))
    for i, time in enumerate(t):
        if time == 0:
            u[i] = burgers_1d.initial(x)
            continue
        y = x[:, None] - np.sqrt(4 * nu * time) * z
        exponent = -np.cos(np.pi * y) / (2 * np.pi * nu) - z**2
        weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        u[i] = -(np.sin(np.pi * y) * weight).sum(axis=1) / weight.sum(axis=1)
    return u


def chebyshev(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Points cos(πi/N), i = 0..N, and the matrix (N + 1, N + 1) of the derivative there."""
    i = np.arange(degree + 1)
    x = np.sin(np.pi * (degree - 2 * i) / (2 * degree))  # cos(πi/N), symmetric in floating point
    c = np.where((i == 0) | (i == degree), 2.0, 1.0) * (-1.0) ** i
    derivative = np.outer(c, 1 / c) / (x[:, None] - x + np.eye(degree + 1))
    # The rows' sums are zero, as the derivative of a constant: less round-off than the formula's.
    np.fill_diagonal(derivative, 0)
    np.fill_diagonal(derivative, -derivative.sum(axis=1))
    return x, derivative


def allen_cahn(x: np.ndarray, t: np.ndarray, degree: int, tolerance: float) -> np.ndarray:
    """Values (T, X) of the solution of u_t = d u_xx + 5(u - u³), u(x, 0) = x² cos(πx), u(±1) = -1.

    It is even in x, so only the points with x ≥ 0 are unknown. What is computed is u + 1, zero
    where the matrix of the second derivative has its largest round-off.

    Args:
        x: Coordinates (X,).
        t: Times (T,), the first 0.
        degree: Of the polynomial in x, even.
        tolerance: Relative, of each step in time.
    """
    nodes, derivative = chebyshev(degree)
    half = degree // 2
    second = (derivative @ derivative)[: half + 1]
    second[:, :half] += second[:, :half:-1]
    second = allen_cahn_1d.diffusivity * second[1:, 1 : half + 1]

    def slope(_, v):
        u = v - 1
        return second @ v + 5 * (u - u**3)

    def jacobian(_, v):
        return second + np.diag(5 - 15 * (v - 1) ** 2)

    v = allen_cahn_1d.initial(nodes[1 : half + 1]) + 1
    found = [v]
    for start, end in zip(t[:-1], t[1:], strict=True):
        # One interval at a time: between its steps Radau interpolates less accurately.
        options = {"rtol": tolerance, "atol": tolerance / 10, "jac": jacobian}
        v = solve_ivp(slope, (start, end), v, method="Radau", **options).y[:, -1]
        found.append(v)
    edge = np.zeros((len(t), 1))
    right = np.hstack([edge, np.array(found)])
    full = np.hstack([right, right[:, -2::-1]])
    return BarycentricInterpolator(nodes, full, axis=1)(x) - 1


def converged(name: str, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    change = float(np.abs(fine - coarse).max())
    print(f"{name}: largest change by refinement {change:.1e}")
    if not change < LARGEST_CHANGE:
        sys.exit(f"{name} is not converged: it changes by {change:.1e}, not below {LARGEST_CHANGE}")
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "examples" / "pinn_forward")
    folder = parser.parse_args().output
    values = {
        "burgers_1d": [burgers(X, T, num_nodes) for num_nodes in (1001, 4001)],
        "allen_cahn_1d": [allen_cahn(X, T, 640, 1e-9), allen_cahn(X, T, 896, 1e-11)],
    }
    for name, (coarse, fine) in values.items():
        np.savez_compressed(folder / f"{name}.npz", x=X, t=T, u=converged(name, coarse, fine))


if __name__ == "__main__":
    main()
