"""``explain``: what calibration finds for a problem, before anything is trained."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from . import bundled
from .networks import Network
from .output import Failure, Output, WrongUsage, sheet
from .script import execute

LINES = 16  # along each axis, over which a spectrum is averaged
SAMPLES = (64, 2048)  # on each of them: at least, at most
FINER = 4  # the spectrum is shown at so many times the wavenumbers that fit into the domain
POINTS = 400  # at which the initial network is measured


class _Found(BaseException):
    """Ends a script where its first training would begin; no ``except Exception`` catches it."""


def of_problem(name: str, network: Network) -> tuple[Any, str, list[str]]:
    """The compiled model of a bundled problem, what it printed, and the warnings.

    Raises:
        Failure: What the problem raises, such as for a wavenumber of another dimension.
    """
    from .. import _command

    problem = bundled.find(name)
    if problem.training is None:
        raise WrongUsage(f"{name} is solved without training, so no network is calibrated for it.")
    with contextlib.redirect_stderr(io.StringIO()):  # DeepXDE's banner
        _command.load()
    from .. import _host

    _host.set_seed(0)
    with bundled.failing(name):
        module = bundled.load(problem.training)
        made = module.problem()
        data, *unknowns = made if isinstance(made, tuple) else (made,)
        model = _host.Model(data, module.network(network.constructor(problem.kind == "operator")))
        ended = contextlib.suppress(_Found)
        with _stopped(), _host.without_optimizer(), _listening() as (said, caught), ended:
            module.train(model, *unknowns)
    return model, said.getvalue(), caught


def of_script(script: str, arguments: Sequence[str], output: Output) -> tuple[Any, str, list[str]]:
    """The same of the model that a script trains first; its networks are replaced.

    Raises:
        Failure: The script ends before it trains anything.
    """
    models: list[Any] = []

    def prepare() -> None:
        from .. import _command, _host

        _command.load()
        from .watch import replace_networks

        replace_networks()
        _host.around("train", _stop_at(models))

    os.environ["MPLBACKEND"] = "Agg"
    code = 0
    with _listening() as (said, caught), contextlib.suppress(_Found):
        code = execute(script, arguments, prepare)
    if not models:
        for line in said.getvalue().splitlines():
            print(line, file=sys.stderr)
        raise Failure(
            f"{script} ended with exit code {code} before it trained a dde.Model, so there is "
            "nothing to explain."
        )
    return models[0], said.getvalue(), caught


def _stop_at(models: list[Any]) -> Any:
    @contextlib.contextmanager
    def train(model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        models.append(model)
        raise _Found
        yield

    return train


@contextlib.contextmanager
def _stopped() -> Iterator[None]:
    from .. import _host

    original = _host.Model.train
    _host.around("train", _stop_at([]))
    try:
        yield
    finally:
        _host.Model.train = original


@contextlib.contextmanager
def _listening() -> Iterator[tuple[io.StringIO, list[str]]]:
    """What is printed, and this package's warnings; others go their usual way."""
    said, caught = io.StringIO(), []
    usual = warnings.showwarning

    def show(message: Any, *rest: Any, **options: Any) -> None:
        if str(message).startswith("Rep"):
            caught.append(str(message))
        else:
            usual(message, *rest, **options)

    with contextlib.redirect_stdout(said), warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield said, caught


def explain(
    name: str, model: Any, said: str, caught: list[str], picture: Path | None, output: Output
) -> None:
    """Show what is found for a compiled model, and draw the spectra.

    Raises:
        Failure: The model's network is not one of this package's.
    """
    from ..nets import RepNet, RepOperator

    net = model.net
    known = isinstance(net, (RepNet, RepOperator))
    spec = net.spec if known else None
    if spec is None or spec.domain is None:
        raise Failure(
            f"{name} trains a {type(net).__name__}, which swap does not replace; explain is for "
            "dde.nn.FNN and dde.nn.PFNN."
        )
    chosen = [s for s in said.splitlines() if s.startswith(type(net).__name__ + ":")]
    data: dict[str, Any] = {
        "name": name,
        "network": type(net).__name__,
        "layer_sizes": spec.layer_sizes,
        "chosen": chosen[0] if chosen else None,
        "domain": {"lower": spec.domain.lower, "upper": spec.domain.upper},
        "slope_scale": spec.slope_scale,
        "hidden_gain": spec.hidden_gain,
        "sines": spec.n_sines,
        "all_sines": spec.sines_in_place_of(net.given),
        "waves": len(spec.waves),
        "warnings": caught,
    }
    if isinstance(net, RepNet):
        data |= _of_data(model)
        data |= _of_network(model, caught)
        if picture is not None:
            data["picture"] = str(_draw(model, data, picture))
    output.result(data, _table(data))


def _of_data(model: Any) -> dict[str, Any]:
    """Wavenumbers of all parts of the problem, and what its points resolve."""
    from .. import _host
    from ..estimates import estimate_wavenumber
    from ..theory.spectrum import resolved_wavenumber

    x, y = _host.training_points(model.data)
    points = np.asarray(x, dtype=float)
    found: dict[str, Any] = {"points": len(points)}
    spread = np.ptp(points, axis=0) / 2
    if np.all(spread > 0):
        found["resolved"] = resolved_wavenumber(len(points), spread)
    variables = model.external_trainable_variables
    try:
        samples = _host.zero_residuals(model, np.asarray(x, _host.real(np)), y, variables)
    except Exception:  # a user's equations may fail for a network that is zero; compile warned
        return found | {"wavenumbers": []}
    dim = points.shape[1]
    found["wavenumbers"] = [
        {"of": s.name, "points": len(s.points), "k": estimate_wavenumber([s], dim).wavenumber}
        for s in samples
    ]
    found["wavenumber"] = estimate_wavenumber(samples, dim).wavenumber
    return found


def _of_network(model: Any, caught: list[str]) -> dict[str, Any]:
    """Output and slope of the initial network, predicted and as drawn, in normalised units.

    Warnings of the prediction are added to ``caught``.
    """
    from ..theory import magnitude, reference

    net, spec = model.net, model.net.spec
    weights = net.to_numpy(getattr(model, "sess", None))
    activation = spec.activation
    known = isinstance(activation, str) and activation.lower() in magnitude.SUPPORTED
    plain_sizes = all(isinstance(size, int) for size in spec.layer_sizes)
    found: dict[str, Any] = {}
    if known and plain_sizes:
        hidden = [_scale(level[0]) for level in weights[1:-1]]
        slope_scale = spec.slope_scale
        if spec.waves:
            slopes = weights[0][0].slope(np.array(spec.slope_scale))
            slope_scale = np.sqrt((slopes**2).mean(axis=0))
        with warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            predicted = magnitude.predict(
                activation.lower(),
                spec.layer_sizes,
                slope_scale=slope_scale,
                hidden_gain=float(np.mean(hidden)) if hidden else 1.0,
                output_scale=_scale(weights[-1][0]),
                sines=spec.n_sines / spec.layer_sizes[1],
            )
        caught += [str(doubt.message) for doubt in doubts]
        found["predicted"] = {"output": predicted.output_rms, "slope": predicted.slope_rms}
    if isinstance(activation, str):
        rng = np.random.default_rng(0)
        t = rng.uniform(-1, 1, (POINTS, spec.dim))
        x = spec.domain.center + spec.domain.half_width * t
        fields = reference.forward(spec, weights, x)
        slopes = fields.gradient * spec.domain.half_width
        squares = (slopes**2).sum(axis=2).mean(axis=0)
        found["drawn"] = {
            "output": float(np.sqrt((fields.value**2).mean())),
            "slope": float(np.sqrt(squares.mean())),
        }
    return found


def _scale(layer: Any) -> float:
    """Standard deviation of a layer's weights times the root of its inputs' number."""
    return float(np.sqrt((layer.kernel**2).mean() * layer.kernel.shape[0]))


def _draw(model: Any, data: dict[str, Any], path: Path) -> Path:
    """The spectra of the initial network and of the source along each axis."""
    from .. import _host
    from ..theory import reference
    from . import figures

    net, spec = model.net, model.net.spec
    weights = net.to_numpy(getattr(model, "sess", None))
    transformed = _host.input_transform(net) is not None
    points = np.asarray(_host.training_points(model.data)[0], dtype=float)
    lower, upper = (points.min(0), points.max(0)) if transformed else _corners(spec.domain)
    if not isinstance(spec.activation, str):
        raise Failure("the picture needs an activation that is given by its name; --no-picture.")

    def network(x: np.ndarray) -> np.ndarray:
        features = _host.transform_points(net, x) if transformed else x
        return reference.forward(spec, weights, features).value

    def source(x: np.ndarray) -> np.ndarray | None:
        try:
            return _host.line_residuals(model, x)
        except Exception as error:  # as above; or auxiliary variables, known at the points only
            why = f"the source is not drawn: {type(error).__name__}: {error}"
            if why not in data["warnings"]:
                data["warnings"].append(why)
            return None

    rng = np.random.default_rng(0)
    all_k: list[Any] = []
    ours: list[Any] = []
    theirs: list[Any] = []
    marks: list[dict[str, float]] = []
    named = {"wavenumber of the problem": "wavenumber", "resolved by the points": "resolved"}
    for j in range(min(len(lower), 3)):
        length = float(upper[j] - lower[j])
        shown = {label: float(data[key][j]) for label, key in named.items() if key in data}
        shown = {label: value for label, value in shown.items() if 0 < value < np.inf}
        highest = 1.5 * max([*shown.values(), 20 / length])
        count = int(np.clip(2 * highest * length / np.pi, *SAMPLES))
        lines = np.repeat(rng.uniform(lower, upper, (LINES, len(lower))), count, axis=0)
        lines[:, j] = np.tile(np.linspace(lower[j], upper[j], count), LINES)
        k = 2 * np.pi * np.arange(FINER * count // 2 + 1) / (FINER * length)
        kept = k <= highest
        all_k.append(k[kept])
        ours.append(_power(network(lines), count)[kept])
        values = source(lines)
        theirs.append(None if values is None else _power(values, count)[kept])
        marks.append(shown)
    known = None if any(power is None for power in theirs) else theirs
    kind = "source term" if hasattr(model.data, "pde") else "targets"
    return figures.initial_spectrum(all_k, ours, known, marks, kind, path)


def _corners(box: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.array(box.lower), np.array(box.upper)


def _power(values: np.ndarray, count: int) -> np.ndarray:
    """Mean power spectrum of lines of ``count`` samples each, scaled to a largest value of 1."""
    lines = np.nan_to_num(values).reshape(-1, count, values.shape[1])
    # A Hann window: the ends of a line do not meet.
    window = np.hanning(count)[None, :, None]
    centered = lines - lines.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centered * window, FINER * count, axis=1)
    power = (np.abs(spectrum) ** 2).mean(axis=(0, 2))
    largest = float(power.max())
    return power / largest if largest > 0 else power


def _table(data: dict[str, Any]) -> Table:
    name = Path(data["name"]).name
    title = f"{name}: {data['network']} {_sizes(data)}"
    grid = sheet("", "", title=title, heading=False)
    box = zip(data["domain"]["lower"], data["domain"]["upper"], strict=True)
    grid.add_row("domain", " x ".join(f"[{a:.4g}, {b:.4g}]" for a, b in box))
    for part in data.get("wavenumbers", []):
        grid.add_row(f"wavenumber: {part['of']}", f"{_show(part['k'])} ({part['points']} points)")
    if "resolved" in data:
        grid.add_row(
            "resolved by the points", f"{_show(data['resolved'])} ({data['points']} points)"
        )
    grid.add_row("slope scale", _show(data["slope_scale"]))
    grid.add_row("hidden gain", f"{data['hidden_gain']:.3g}")
    if data["all_sines"]:
        grid.add_row("sines", "all hidden layers")
    elif data["sines"]:
        waves = f", {data['waves']} waves of the targets" if data["waves"] else ""
        grid.add_row("sines", f"{data['sines']} neurons of the first layer{waves}")
    for key, label in (("predicted", "predicted at the start"), ("drawn", "as drawn")):
        if key in data:
            sizes = f"output {data[key]['output']:.2g}, slope {data[key]['slope']:.2g}"
            grid.add_row(label, sizes)
    grid.add_row("chosen by compile", (data["chosen"] or "given").partition(": ")[2] or "given")
    for text in data["warnings"] or ["none"]:
        grid.add_row("warnings", text)
    if "picture" in data:
        grid.add_row("picture", data["picture"])
    return grid


def _sizes(data: dict[str, Any]) -> str:
    sizes = data["layer_sizes"]
    return str([list(s) if isinstance(s, tuple) else s for s in sizes])


def _show(values: Any) -> str:
    """One number per axis; not one number for what nothing is known of."""
    shown = ["not known" if not np.isfinite(v) else f"{v:.4g}" for v in np.atleast_1d(values)]
    return shown[0] if len(set(shown)) == 1 else f"({', '.join(shown)})"
