"""What is run: the problems, their networks and budgets. Imports neither DeepXDE nor a backend."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

SEEDS = 5
SOLVE = "deepxde_repnet.solve"

GENERAL = (
    "FNN",
    "RepFNN",
    "RFF σ=1",
    "RFF σ=10",
    "RFF σ=10, trained",
    "MsFFN",
    "MsFFN of DeepXDE",
    "LAAF",
    "RWF",
    "RepFNN shift",
)
# These bring their own activation, so they have no place where the activation is the question.
SINE = ("FNN sin", "SIREN ω=30", "SIREN ω=10")
# RepFNN has sines in the first layer where it fits, in all layers where there are free waves (its
# parameterization is "scaled" then), else none. Shares are of the first layer: "all sines"
# leaves the others their activation. The gain is 1 where there are sines.
FITS = (*GENERAL, "RepFNN scaled", "RepFNN no sines")
WAVES = (*GENERAL, "RepFNN log-scale", "RepFNN all sines", "RepFNN no sines", *SINE)
OTHERS = (
    *GENERAL,
    "RepFNN scaled",
    "RepFNN gain 1",
    "RepFNN gain 4",
    "RepFNN all sines",
    *SINE,
    "RepFNN sin",
)
# What RepFNN could do by default, and does not: its options, and its other smooth activation.
VARIANTS = (
    "RepFNN log-scale",
    "RepFNN scaled",
    "RepFNN shift",
    "RepFNN gain 1",
    "RepFNN gain 4",
    "RepFNN all sines",
    "RepFNN no sines",
    "RepFNN sin",
)
# Of FourierFNN, on the problem of benchmarks/fourier.py: one normal each, radians per unit.
FOURIER_WIDTHS = (5, 10, 20, 40, 80, 160)
# RepNet as it was published, with tanh and with ReLU; the slope scale is ``Study.paper``.
PAPER = ("RepNet (paper)", "RepNet (paper), ReLU")
# Of the operator networks.
TRUNKS = ("FNN", "FNN, normalised", "FNN sin", "RepFNN")
PEERS = tuple(n for n in GENERAL + SINE if n not in ("FNN", "RepFNN", *VARIANTS))


@dataclass(frozen=True)
class Solve:
    """How ``deepxde_repnet.solve`` is given the problem of a study.

    tol : a tenth of the error that it is to reach, as in ``benchmarks/solve.py``.
    module : in ``examples.solve``; None takes the problem of the study itself.
    features : give it a model with one hidden layer of so many, and the example's hard conditions,
        instead of the bare problem.
    """

    tol: float
    module: str | None = None
    features: int | None = None
    problem: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """One problem, and the networks that are trained on it.

    label : its name in tables.
    module : the example, with ``problem``, ``network``, ``train`` and ``error``.
    budget : seconds of computing time for one training, see ``cell.Clock``.
    error_of : what ``error`` is the error of.
    problem, network, train, error : further arguments of the example's functions.
    paper : slope scale of RepNet as it was published, one per axis of the normalised inputs: what
        matches the highest wavenumber k of the solution, 0.4 k times half the side of the domain.
    lbfgs : part of the budget that is for L-BFGS where the example ends with it. Adam's part is
        divided between its stages as the example divides the iterations.
    operator : the data are of an operator, and the networks are named by their trunks. The seed
        then draws what is unseen too.
    """

    label: str
    module: str
    budget: float
    error_of: str = "u"
    problem: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    paper: tuple[float, ...] = ()
    lbfgs: float = 0.6
    nets: tuple[str, ...] = (*OTHERS, *PAPER)
    solve: Solve | None = None
    operator: bool = False

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of all that is run: the networks, and the solver where it can be."""
        return self.nets + ((SOLVE,) if self.solve else ())

    def options(self, net: str) -> dict[str, Any]:
        """Arguments of the example's ``network`` for the network of this name."""
        return self.network | ({"slope_scale": self.paper} if net in PAPER else {})

    def key(self, net: str, seed: int) -> str:
        """Name of a run in the results. What is set differently is another run."""
        if net == SOLVE and self.solve:
            given = {k: v for k, v in vars(self.solve).items() if v or k == "tol"}
            return f"{net} | seed {seed} | {json.dumps(given)}"
        parts = {"problem": self.problem, "network": self.options(net), "train": self.train}
        given = {name: options for name, options in parts.items() if options}
        return f"{net} | seed {seed} | {self.budget:g} s | L-BFGS {self.lbfgs:g} | " + json.dumps(
            given
        )


FORWARD = "examples.pinn_forward."


def _helmholtz(n: int, budget: float, tol: float, slope: float) -> Study:
    return Study(
        f"helmholtz-2d, n = {n}",
        FORWARD + "helmholtz_2d",
        budget,
        problem={"n": n},
        error={"n": n},
        paper=(slope, slope),
        nets=(*WAVES, *PAPER),
        solve=Solve(tol, "helmholtz_2d", problem={"n": n}, error={"n": n}),
    )


def _earthquake(structure: str, label: str) -> Study:
    return Study(
        f"earthquake, {label}",
        "examples.operator.earthquake",
        60,
        "the displacement in unseen earthquakes, by the trunk of the DeepONet",
        problem={"structure": structure},
        nets=TRUNKS,
        operator=True,
    )


# The slope scales of RepNet as published are numbers, so that they stay what they are. Of equations
# RepFNN works out the same within 5%. Of functions it takes 0.8 of the wavenumber that their rms
# slope has, 28.7 and 3.5; the published network then has 1.5 times the error, in one run each.
STUDIES: dict[str, Study] = {
    "function-1d": Study(
        "function-1d",
        "examples.function.function_1d",
        20,
        "the function",
        paper=(62.8,),  # 0.4 · 50π · 1
        nets=(*FITS, *SINE, *PAPER),
    ),
    "function-1d-relu": Study(
        "function-1d, ReLU",
        "examples.function.function_1d",
        20,
        "the function",
        network={"activation": "relu"},
        paper=(62.8,),  # as above
        nets=(*FITS, PAPER[1]),
    ),
    "function-4d": Study(
        "function-4d",
        "examples.function.function_4d",
        20,
        "the function",
        paper=(2.51, 2.51, 2.51, 2.51),  # 0.4 · 2π · 1
        nets=(*FITS, *SINE, *PAPER),
    ),
    "function-4d-relu": Study(
        "function-4d, ReLU",
        "examples.function.function_4d",
        20,
        "the function",
        network={"activation": "relu"},
        paper=(2.51, 2.51, 2.51, 2.51),  # as above
        nets=(*FITS, PAPER[1]),
    ),
    "poisson-1d-multiscale": Study(
        "poisson-1d-multiscale",
        FORWARD + "poisson_1d_multiscale",
        30,
        paper=(31.4,),  # 0.4 · 50π · 1/2
        solve=Solve(1e-10, "poisson_1d_multiscale"),
    ),
    "helmholtz-2d-n1": _helmholtz(1, 30, 1e-10, slope=1.26),  # 0.4 · 2πn · 1/2
    "helmholtz-2d-n2": _helmholtz(2, 30, 1e-10, slope=2.51),
    "helmholtz-2d-n4": _helmholtz(4, 60, 1e-8, slope=5.03),
    "wave-1d": Study(
        "wave-1d",
        FORWARD + "wave_1d",
        30,
        paper=(2.51, 5.03),  # 0.4 · 4π · 1/2 in space, 0.4 · 8π · 1/2 in time
        nets=(*WAVES, *PAPER),
        solve=Solve(1e-9, "wave_1d"),
    ),
    # Fronts are steeper than the points of a step resolve: of 400 on [-1, 1] x [0, 1], wavelengths
    # of 4 spacings, k = (π/4) √400 = 15.7 in space; in time one wave over the domain, k = 2π.
    "burgers-1d": Study(
        "burgers-1d",
        FORWARD + "burgers_1d",
        30,
        paper=(6.28, 1.26),  # 0.4 · 15.7 · 1, 0.4 · 2π · 1/2
        solve=Solve(1e-4, features=1000),
    ),
    "allen-cahn-1d": Study(
        "allen-cahn-1d",
        FORWARD + "allen_cahn_1d",
        30,
        paper=(6.28, 1.26),  # the same
        solve=Solve(1e-4, features=1000),
    ),
    "helmholtz-inverse": Study(
        "helmholtz-inverse",
        "examples.pinn_inverse.helmholtz_2d_inverse",
        40,
        "k²",
        paper=(2.51, 2.51),  # 0.4 · 4π · 1/2
        nets=(*WAVES, *PAPER),
        solve=Solve(1e-7, "helmholtz_2d_inverse"),
    ),
    "diffusion-inverse": Study(
        "diffusion-inverse",
        "examples.pinn_inverse.diffusion_1d_inverse",
        40,
        "a(x)",
        paper=(5.03,),  # 0.4 · 8π · 1/2, of a, the faster of the two outputs
        solve=Solve(1e-5, "diffusion_1d_inverse"),
    ),
    "earthquake": _earthquake("oscillator", "oscillator"),
    "earthquake-frame": _earthquake("frame", "roof of a frame"),
}

# Of which there are more pictures: errors as fields, errors at every wavenumber, and the growth
# of error and time.
PLANES = ("helmholtz-2d-n2", "helmholtz-2d-n4", "wave-1d", "burgers-1d", "allen-cahn-1d")
LINES = ("function-1d", "poisson-1d-multiscale")
HELMHOLTZ = ("helmholtz-2d-n1", "helmholtz-2d-n2", "helmholtz-2d-n4")
