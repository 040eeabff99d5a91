"""PINA (``pina-mathlab``): time to an error, and the cost of a step. Run by ``run.py``.

``reach`` is the set-up of PINA's tutorial on multiscale problems, "Learning Multiscale PDEs Using
Fourier Feature Networks" (mathlab.github.io/PINA/tutorial13): two embeddings by random Fourier
features, with σ = 1 and 10, share a network of tanh layers, and Adam at its default rate trains on
an even grid with the boundary values as a loss of their own. The tutorial's equation is the 1-d one
here; in two dimensions it is the same network with two inputs.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from typing import Any

import torch
from lightning.pytorch import seed_everything
from lightning.pytorch.callbacks import Callback
from pina import Condition, LabelTensor, Trainer
from pina.domain import CartesianDomain
from pina.equation.zoo import FixedValue, HelmholtzEquation, PoissonEquation
from pina.model import FeedForward
from pina.model.block import FourierFeatureEmbedding
from pina.problem import SpatialProblem
from pina.solver import PhysicsInformedSingleModelSolver

from benchmarks.libraries.problems import HIDDEN, PROBLEMS, Array
from benchmarks.libraries.watch import Watch, one_core

#: Points of the even grid inside, and on the boundary. The first is the tutorial's; for the square
#: it says nothing, and these are as many as the others have.
GRID = {"poisson_1d_multiscale": (128, 2), "helmholtz_2d": (2500, 400)}
NEVER = 10**9  # epochs: the clock ends training


def multiscale_source(x: LabelTensor) -> torch.Tensor:
    x = x["x"]
    slow = (2 * torch.pi) ** 2 * torch.sin(2 * torch.pi * x)
    return -slow - 0.1 * (50 * torch.pi) ** 2 * torch.sin(50 * torch.pi * x)


def waves_source(x: LabelTensor) -> torch.Tensor:
    k = 4 * torch.pi
    return -(k**2) * torch.sin(k * x["x"]) * torch.sin(k * x["y"])


EQUATIONS = {
    "poisson_1d_multiscale": PoissonEquation(multiscale_source),
    # Δu + k²u = -f, as PINA has it.
    "helmholtz_2d": HelmholtzEquation((4 * torch.pi) ** 2, waves_source),
}


def pina_problem(name: str, inside: int, boundary: int, mode: str) -> SpatialProblem:
    """The problem of this name, discretised."""
    facts = PROBLEMS[name]
    domain = CartesianDomain(
        {axis: [low, up] for axis, low, up in zip("xy", facts.lower, facts.upper, strict=False)}
    )

    class Stated(SpatialProblem):
        output_variables = ["u"]
        spatial_domain = domain
        domains = {"inside": domain, "boundary": domain.partial()}
        conditions = {
            "inside": Condition(domain="inside", equation=EQUATIONS[name]),
            "boundary": Condition(domain="boundary", equation=FixedValue(0.0)),
        }

    problem = Stated()
    # ``n`` counts points along each axis for a grid, and all of them otherwise.
    per_axis = round(inside ** (1 / facts.dim))
    problem.discretise_domain(per_axis if mode == "grid" else inside, mode, domains="inside")
    problem.discretise_domain(boundary, "random" if facts.dim > 1 else "grid", domains="boundary")
    return problem


class MultiscaleFourierNet(torch.nn.Module):
    """The tutorial's network: one stack of layers after each of two embeddings, σ = 1 and 10."""

    def __init__(self, dim: int, width: int = 100) -> None:
        super().__init__()
        self.embeddings = torch.nn.ModuleList(
            FourierFeatureEmbedding(input_dimension=dim, output_dimension=width, sigma=sigma)
            for sigma in (1, 10)
        )
        self.layers = FeedForward(input_dimensions=width, output_dimensions=width, layers=[width])
        self.last = torch.nn.Linear(2 * width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.cat([self.layers(each(x)) for each in self.embeddings], dim=-1))


def predictor(net: torch.nn.Module, dim: int) -> Any:
    def predict(x: Array) -> Array:
        with torch.no_grad():
            points = LabelTensor(torch.as_tensor(x, dtype=torch.float32), list("xy"[:dim]))
            return net(points).as_subclass(torch.Tensor).numpy()

    return predict


class Looking(Callback):
    """Hands each epoch to the watch."""

    def __init__(self, watch: Watch, predict: Any) -> None:
        self.watch, self.predict = watch, predict

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        trainer.should_stop = self.watch.step(self.predict)


class Timing(Callback):
    """Moments at which the first epoch and the last have ended."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.moments.append(time.perf_counter())


def trainer(problem: SpatialProblem, net: Any, epochs: int, callback: Callback) -> Trainer:
    return Trainer(
        PhysicsInformedSingleModelSolver(problem=problem, model=net),
        max_epochs=epochs,
        accelerator="cpu",
        enable_model_summary=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        logger=False,
        callbacks=[callback],
    )


def reach(name: str, budget: float) -> dict[str, Any]:
    watch = Watch(PROBLEMS[name], budget)
    net = MultiscaleFourierNet(PROBLEMS[name].dim)
    predict = predictor(net, PROBLEMS[name].dim)
    trainer(pina_problem(name, *GRID[name], "grid"), net, NEVER, Looking(watch, predict)).train()
    return watch.report()


def step(name: str, iterations: int) -> dict[str, Any]:
    facts, timing = PROBLEMS[name], Timing()
    began = time.perf_counter()
    net = FeedForward(input_dimensions=facts.dim, output_dimensions=1, layers=list(HIDDEN))
    problem = pina_problem(name, facts.num_domain, facts.num_boundary, "random")
    trainer(problem, net, iterations + 10, timing).train()
    return {
        "first_step": timing.moments[0] - began,
        "per_1000": (timing.moments[-1] - timing.moments[9]) / iterations * 1000,
    }


def main(cell: dict[str, Any]) -> dict[str, Any]:
    one_core()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    seed_everything(cell["seed"], verbose=False)
    if cell["table"] == "reach":
        return reach(cell["problem"], cell["budget"])
    return step(cell["problem"], cell["iterations"])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
