"""Linear structures under ground acceleration, and their exact response.

A structure with masses M, damping C and stiffness K, displaced by u relative to the ground, obeys

    M u'' + C u' + K u = -M 1 a(t)

In first order, x = (u, u'), this is x' = A x + b a(t). Where a(t) is linear between its samples, as
between those of a record, the response at the samples has no error but round-off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh, expm


@dataclass(frozen=True)
class Structure:
    """A linear structure and the storey whose displacement is asked for.

    Attributes:
        mass: Masses, shape (n,), in any unit.
        damping: C, shape (n, n), in units of mass per second.
        stiffness: K, shape (n, n), in units of mass per second squared.
        storey: Index of the displacement that is the output.
    """

    mass: np.ndarray
    damping: np.ndarray
    stiffness: np.ndarray
    storey: int = -1

    def periods(self):
        """Natural periods in seconds, the longest first, shape (n,)."""
        return 2 * np.pi / np.sqrt(eigh(self.stiffness, np.diag(self.mass), eigvals_only=True))

    def first_order(self):
        """A, shape (2n, 2n), and b, shape (2n,), of x' = A x + b a."""
        n = len(self.mass)
        inverse = 1 / self.mass[:, None]
        a = np.block(
            [[np.zeros((n, n)), np.eye(n)], [-inverse * self.stiffness, -inverse * self.damping]]
        )
        return a, np.concatenate([np.zeros(n), -np.ones(n)])

    def displacement(self, acceleration, step):
        """Displacement of the storey relative to the ground, at rest before.

        Args:
            acceleration: Of the ground, in m/s², shape (..., time), linear between its samples.
            step: Seconds between samples.

        Returns:
            Displacement in m at the same times, of the same shape.
        """
        a, b = self.first_order()
        return response(a, b, acceleration, step)[..., self.storey % len(self.mass)]


def oscillator(period=1.0, damping=0.05):
    """One mass on a spring; ``damping`` is the ratio to the critical one."""
    omega = 2 * np.pi / period
    return Structure(np.ones(1), np.array([[2 * damping * omega]]), np.array([[omega**2]]))


def frame(period=0.7, storeys=3, damping=0.05):
    """A shear frame of equal storeys; its roof is the output.

    Rayleigh damping, C = α M + β K, with the given ratio in the first and the last mode.

    Args:
        period: Of the first mode, in seconds.
        storeys: Their number, at least 2.
    """
    chain = 2 * np.eye(storeys) - np.eye(storeys, k=1) - np.eye(storeys, k=-1)
    chain[-1, -1] = 1
    lowest, *_, highest = np.sqrt(np.linalg.eigvalsh(chain))
    scale = 2 * np.pi / period / lowest
    lowest, highest = scale * lowest, scale * highest
    stiffness = scale**2 * chain
    alpha = 2 * damping * lowest * highest / (lowest + highest)
    beta = 2 * damping / (lowest + highest)
    return Structure(np.ones(storeys), alpha * np.eye(storeys) + beta * stiffness, stiffness)


def response(a, b, f, step):
    """States of x' = a x + b f(t), x(0) = 0, for f linear between its samples.

    Over one step, with θ from 0 to 1, f = f_n + θ (f_{n+1} - f_n), and then

        x_{n+1} = Φ x_n + Γ f_n + Δ (f_{n+1} - f_n)

    where Φ, Γ and Δ are blocks of one matrix exponential: of the system for (x, f, df/dθ),

        d/dθ (x, f, f') = [[a h, b h, 0], [0, 0, 1], [0, 0, 0]] (x, f, f')

    The idea of an exact step is that of Nigam and Jennings, Calculation of response spectra from
    strong-motion earthquake records, Bull. Seism. Soc. Am. 59 (1969); they give the formulas of one
    mass.

    Args:
        a: Shape (s, s).
        b: Shape (s,).
        f: Shape (..., time).
        step: h in seconds.

    Returns:
        x, shape (..., time, s).
    """
    s = len(a)
    augmented = np.zeros((s + 2, s + 2))
    augmented[:s, :s] = a * step
    augmented[:s, s] = b * step
    augmented[s, s + 1] = 1
    exact = expm(augmented)
    transition, push, ramp = exact[:s, :s].T, exact[:s, s], exact[:s, s + 1]

    f = np.moveaxis(np.asarray(f, dtype=float), -1, 0)[..., None]
    forced = f[:-1] * push + np.diff(f, axis=0) * ramp
    states = np.zeros((*f.shape[:-1], s))
    for n, added in enumerate(forced):
        states[n + 1] = states[n] @ transition + added
    return np.moveaxis(states, 0, -2)
