"""``run``: a bundled problem with a network, optimizer and budget of the user's choice."""

from __future__ import annotations

import contextlib
import io
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from rich.table import Table

from . import bundled
from .networks import Network
from .output import Output, WrongUsage, made, number, seconds, sheet, to_json

ADAM, LBFGS, SOLVE = "adam", "L-BFGS", "solve"
OPTIMIZERS = (ADAM, LBFGS, SOLVE)
#: Iterations of L-BFGS between looks at it, where DeepXDE takes 1000.
AT_ONCE = 100
#: Learning rate where ``--optimizer adam`` takes the place of L-BFGS.
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Request:
    """What is to be run; None leaves to the problem what is its own.

    Attributes:
        iterations: Of each stage of the training.
        optimizer: One of ``OPTIMIZERS``; the first two for every stage.
        out: Folder for metrics, figures and the model.
    """

    name: str
    network: Network = Network()
    iterations: int | None = None
    optimizer: str | None = None
    seed: int = 0
    float_type: str | None = None
    out: Path | None = None

    def __post_init__(self) -> None:
        problem = bundled.find(self.name)
        if self.optimizer not in (None, *OPTIMIZERS):
            raise WrongUsage(
                f"--optimizer {self.optimizer!r} is not known; write one of "
                f"{', '.join(OPTIMIZERS)}."
            )
        if self.optimizer == SOLVE and problem.solving is None:
            raise WrongUsage(f"{self.name} cannot be solved without training; leave out solve.")
        if self.optimizer not in (None, SOLVE) and problem.training is None:
            raise WrongUsage(f"{self.name} is solved without training; leave out --optimizer.")
        if self.solves and (self.network != Network() or self.iterations or self.float_type):
            raise WrongUsage(
                f"{self.name} is solved here, not trained: solve chooses its features itself, in "
                "float64. Leave out the options of networks and training."
            )

    @property
    def solves(self) -> bool:
        """Whether nothing is trained."""
        return self.optimizer == SOLVE or bundled.find(self.name).training is None


def run(request: Request, output: Output) -> tuple[dict[str, Any], Table]:
    """Run it; the result as data, and as a table.

    Raises:
        Failure: The problem does not run on this backend, or what it raises.
        WrongUsage: The folder for the results cannot be made.
    """
    from .. import _command

    with contextlib.redirect_stderr(io.StringIO()):  # DeepXDE's banner
        _command.load()
    from .. import _host

    problem = bundled.find(request.name)
    script = problem.solving if request.solves else problem.training
    assert script is not None
    if request.optimizer != ADAM:
        bundled.check_backend(request.name, script, _host.backend_name)
    if request.out is not None:
        made(request.out)
    execute = _solve if request.solves else _train
    said = io.StringIO()
    with bundled.failing(request.name), _overheard(said, output):
        if request.float_type is not None:
            _host.set_float(request.float_type)
        _host.set_seed(request.seed)
        return execute(request, bundled.load(script), said, output)


def _common(request: Request) -> dict[str, Any]:
    from .. import _host

    problem = bundled.find(request.name)
    return {
        "problem": request.name,
        "equation": problem.equation,
        "kind": problem.kind,
        **_host.settings(),
        "seed": request.seed,
        "python": platform.python_version(),
        "deepxde_repnet": version("deepxde_repnet"),
    }


def _train(
    request: Request, module: ModuleType, said: io.StringIO, output: Output
) -> tuple[dict[str, Any], Table]:
    from .. import _host
    from .watch import watch

    of_operator = bundled.find(request.name).kind == "operator"
    build = request.network.constructor(of_operator)
    data, *unknowns = _as_tuple(module.problem())
    model = _host.Model(data, module.network(build))
    # The hooks that come later are the outer ones: the bar sees what the request has set.
    found = watch(bar=not output.quiet, at_once=AT_ONCE)
    _set_training(request)
    interrupted = False
    start = time.perf_counter()
    try:
        module.train(model, *unknowns)
    except KeyboardInterrupt:
        interrupted = True
    elapsed = time.perf_counter() - start
    entry = found.entry(model)
    loss = sum(entry.loss_train) if entry.loss_train else math.nan
    error = float(module.error(model, *unknowns)) if model.outputs is not None else math.nan
    finite = math.isfinite(loss) and math.isfinite(error)
    data_found = _common(request) | {
        "status": "interrupted" if interrupted else "done" if finite else "diverged",
        "network": type(model.net).__name__,
        "parameters": entry.parameters,
        "calibration": _chosen(said.getvalue()),
        "stages": [
            dict(zip(("optimizer", "iterations", "seconds"), s, strict=True)) for s in entry.stages
        ],
        "iterations": sum(stage[1] for stage in entry.stages),
        "loss_train": entry.loss_train,
        "loss_test": entry.loss_test,
        "error": error,
        "seconds": elapsed,
        "history": {"iteration": entry.steps, "loss": entry.history},
    }
    if request.out is not None:
        data_found["files"] = _write(request, module, model, data, data_found)
    return data_found, _table(data_found)


def _solve(
    request: Request, module: ModuleType, said: io.StringIO, output: Output
) -> tuple[dict[str, Any], Table]:
    from .. import _host, solve

    _host.set_float("float64")
    data, *unknowns = _as_tuple(module.problem())
    start = time.perf_counter()
    found = solve(
        data,
        external_trainable_variables=unknowns or None,
        seed=request.seed,
        verbose=0 if output.quiet else 1,
    )
    elapsed = time.perf_counter() - start
    of = float(found.variables[0].value) if unknowns else found
    result = _common(request) | {
        "status": "done",
        "network": f"{found.family} features, solved",
        "parameters": int(found.unknowns),
        "slope_scale": list(found.slope_scale),
        "converged": bool(found.converged),
        "residual": float(found.residual_unseen),
        "error": float(module.error(of)),
        "seconds": elapsed,
    }
    if request.out is not None:
        result["files"] = _write(request, module, found.model, data, result)
    return result, _table(result)


def _set_training(request: Request) -> None:
    """Have every stage of a training take the optimizer and the iterations that are asked for."""
    from .. import _host

    def optimizer(given: Any) -> Any:
        return given if request.optimizer is None else request.optimizer

    @contextlib.contextmanager
    def compile(model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        wanted = optimizer(arguments["optimizer"])
        if _host.is_lbfgs(wanted):
            arguments.update(optimizer=wanted, lr=None, decay=None)
        elif wanted != arguments["optimizer"]:
            arguments.update(optimizer=wanted, lr=LEARNING_RATE, decay=None)
        with _host.lbfgs_iterations(request.iterations, AT_ONCE):
            yield

    @contextlib.contextmanager
    def train(model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        given = arguments["iterations"]
        count = request.iterations or given or int(_host.lbfgs_options()["maxiter"])
        lbfgs = _host.is_lbfgs(model.opt_name)
        arguments.update(iterations=None if lbfgs else count, verbose=0)
        # Often enough for the bar; each time costs two evaluations of the loss.
        arguments["display_every"] = min(arguments["display_every"], max(count // 20, 50))
        with _host.lbfgs_iterations(count if lbfgs else None, AT_ONCE):
            yield

    _host.around("compile", compile)
    _host.around("train", train)


@contextlib.contextmanager
def _overheard(said: io.StringIO, output: Output) -> Iterator[None]:
    """Keep what is printed, and pass on only the lines of this package's networks."""

    class Lines(io.TextIOBase):
        def __init__(self) -> None:
            self.rest = ""

        def write(self, text: str) -> int:
            said.write(text)
            *lines, self.rest = (self.rest + text).split("\n")
            for line in lines:
                if line.startswith(("RepFNN", "RepDeepONet")):
                    output.say(line)
            return len(text)

    with contextlib.redirect_stdout(Lines()):
        yield


def _chosen(said: str) -> str | None:
    """The line in which a network says what it has chosen."""
    lines = [s for s in said.splitlines() if s.startswith(("RepFNN:", "RepDeepONet"))]
    return lines[0] if lines else None


def _as_tuple(problem: Any) -> tuple[Any, ...]:
    return problem if isinstance(problem, tuple) else (problem,)


def _write(
    request: Request, module: ModuleType, model: Any, data: Any, result: dict[str, Any]
) -> dict[str, str]:
    """Metrics, figures and the model, into the folder that is asked for; their paths."""
    from . import figures

    out = request.out
    assert out is not None
    files: dict[str, str] = {}
    if "history" in result and result["history"]["loss"]:
        files["loss"] = str(figures.loss(result["history"], out / "loss.png"))
    drawn = _draw(module, model, data, out / "solution.png")
    if drawn is not None:
        files["solution"] = str(drawn)
    if model.outputs is not None:
        files["model"] = str(model.save(str(out / "model")))
    files["metrics"] = str(out / "metrics.json")
    Path(files["metrics"]).write_text(to_json(result | {"files": files}) + "\n", "utf-8")
    return files


def _draw(module: ModuleType, model: Any, data: Any, path: Path) -> Path | None:
    """The solution over its domain, in one or two dimensions, beside the exact one if known."""
    from .. import _host
    from . import figures

    geometry = _host.geometry(data)
    bounds = _host.bounding_box(geometry) if geometry is not None else None
    if bounds is None or len(bounds[0]) > 2:
        return None
    x = figures.grid(*bounds)
    predicted = np.asarray(model.predict(x), dtype=float)
    exact = getattr(module, "solution", None) or getattr(module, "function", None)
    truth = None if exact is None else np.asarray(exact(x), dtype=float)
    if hasattr(geometry, "inside"):
        outside = ~np.asarray(geometry.inside(x), dtype=bool)
        predicted[outside] = np.nan
        if truth is not None:
            truth[outside] = np.nan
    return figures.solution(x, predicted, truth, path)


def _table(result: dict[str, Any]) -> Table:
    title = f"{result['problem']}: {result['equation']}"
    grid = sheet("", result["network"], title=title)
    if result["status"] != "done":
        grid.add_row("status", result["status"])
    grid.add_row("relative error", number(result["error"]))
    if "residual" in result:
        grid.add_row("residual at unseen points", number(result["residual"]))
        grid.add_row("coefficients", str(result["parameters"]))
    else:
        grid.add_row(
            "training loss", number(sum(result["loss_train"]) if result["loss_train"] else None)
        )
        grid.add_row("parameters", str(result["parameters"] or "-"))
        for stage in result["stages"]:
            text = f"{stage['iterations']} iterations, {seconds(stage['seconds'])}"
            grid.add_row(stage["optimizer"], text)
    grid.add_row("time", seconds(result["seconds"]))
    grid.add_row("backend", f"{result['backend']}, {result['float']}, seed {result['seed']}")
    for name, path in result.get("files", {}).items():
        grid.add_row(name, path)
    return grid
