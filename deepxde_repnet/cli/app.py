"""The commands and their options. What they do is imported when it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from .backend import PACKAGES, use
from .bundled import PROBLEMS, check_backend, find, folder, is_script
from .output import FAILED, INTERRUPTED, Failure, Output, WrongUsage, print_error, sheet

EXIT_CODES = "Exit codes: 0 fine, 1 the run failed, 2 wrong usage, 130 interrupted."
app = typer.Typer(
    name="deepxde-repnet",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)
#: What comes after the script is the script's, as with ``python SCRIPT``.
FOR_A_SCRIPT = {"allow_interspersed_args": False, "ignore_unknown_options": True}


def _names(incomplete: str) -> list[str]:
    return [name for name in PROBLEMS if name.startswith(incomplete)]


def _names_or_files(incomplete: str) -> list[str]:
    place = Path(incomplete or ".")
    base = place if incomplete.endswith("/") or place.is_dir() else place.parent
    files = [p for p in sorted(base.glob("*")) if p.suffix == ".py" or p.is_dir()]
    found = [f"{p}/" if p.is_dir() else str(p) for p in files if not p.name.startswith(".")]
    return _names(incomplete) + [name for name in found if name.startswith(incomplete)]


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"deepxde-repnet {version('deepxde_repnet')}")
        raise typer.Exit()


def _given_backend(value: str | None) -> str | None:
    if value is not None and value not in PACKAGES:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(PACKAGES)}.")
    return value


Name = Annotated[str, typer.Argument(help="A bundled problem.", autocompletion=_names)]
Target = Annotated[
    str,
    typer.Argument(
        metavar="NAME|SCRIPT",
        help="A bundled problem, or the path of a DeepXDE script.",
        autocompletion=_names_or_files,
    ),
]
Script = Annotated[str, typer.Argument(metavar="SCRIPT", help="Path of a DeepXDE script.")]
Arguments = Annotated[
    list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the script.")
]
Backend = Annotated[
    str | None,
    typer.Option(
        help="DeepXDE's backend; otherwise DDE_BACKEND, otherwise what is installed.",
        callback=_given_backend,
        autocompletion=lambda: list(PACKAGES),
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and errors.")]
Json = Annotated[bool, typer.Option("--json", help="The result as one JSON document.")]
Iterations = Annotated[int | None, typer.Option(min=1, metavar="N")]


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """RepNet for DeepXDE: try it on your own script, compare, look."""


@app.command("list")
def list_(quiet: Quiet = False, as_json: Json = False) -> None:
    """The bundled problems: equation, dimension, kind."""
    grid = sheet("name", "equation", "dimension", "kind", "solve")
    for name, problem in PROBLEMS.items():
        how = "only" if problem.training is None else "also" if problem.solving else ""
        grid.add_row(name, problem.equation, problem.dimension, problem.kind, how)
    data = {
        name: {
            "equation": p.equation,
            "dimension": p.dimension,
            "kind": p.kind,
            "training": p.training,
            "solving": p.solving,
        }
        for name, p in PROBLEMS.items()
    }
    Output(quiet, as_json).result({"problems": data}, grid)


@app.command()
def show(
    name: Name,
    solve: Annotated[bool, typer.Option(help="The script that solves without training.")] = False,
) -> None:
    """The script of a bundled problem, as it is."""
    problem = find(name)
    if solve and problem.solving is None:
        raise WrongUsage(f"{name} has no script that solves it without training.")
    script = problem.solving if solve else problem.script
    text = (folder() / str(script)).read_text("utf-8")
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.syntax import Syntax

        Console().print(Syntax(text, "python", background_color="default"))
    else:
        sys.stdout.buffer.write(text.encode("utf-8"))


@app.command()
def run(
    name: Name,
    net: Annotated[str, typer.Option(help="FNN or RepFNN.")] = "RepFNN",
    layers: Annotated[str | None, typer.Option(help="Hidden layers: 64,64,64 or 64x3.")] = None,
    activation: Annotated[str | None, typer.Option(help="tanh, sin, relu, ...")] = None,
    wavenumber: Annotated[
        str | None, typer.Option(help="Radians per unit of length; 50, or 50,5 by axis.")
    ] = None,
    slope_scale: Annotated[
        str | None, typer.Option(help="In normalised units; 2.5, or 2.5,5 by axis.")
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of each stage of the training.")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="adam or L-BFGS for every stage, or solve.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    float_type: Annotated[
        str | None, typer.Option("--float", help="float32 or float64.", metavar="TYPE")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for metrics, figures and model.")
    ] = None,
    backend: Backend = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run a bundled problem."""
    from .networks import Network, axes, widths
    from .run import Request
    from .run import run as run_problem

    network = Network(
        net,
        widths(layers),
        activation,
        axes("--wavenumber", wavenumber),
        axes("--slope-scale", slope_scale),
    )
    request = Request(name, network, iterations, optimizer, seed, _float(float_type), out)
    output = Output(quiet, as_json)
    use(backend)
    result, table = run_problem(request, output)
    output.result(result, table)
    if result["status"] == "interrupted":
        output.warn("deepxde-repnet: interrupted; what stands here is how far it came.")
        raise typer.Exit(INTERRUPTED)
    if result["status"] != "done":
        output.warn(
            "deepxde-repnet: the loss or the error is not finite. A smaller --wavenumber, or "
            "--float float64, often helps."
        )
        raise typer.Exit(FAILED)


@app.command(context_settings=FOR_A_SCRIPT)
def swap(
    script: Script,
    arguments: Arguments = None,
    compare: Annotated[bool, typer.Option("--compare", help="Run it both ways.")] = False,
    iterations: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most N in each model.train.")
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print the edit that makes the swap permanent.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Make that edit.")] = False,
    figures: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for what plt.show would show."),
    ] = None,
    backend: Backend = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Run your own script with RepFNN for dde.nn.FNN.

    The options come before SCRIPT; what comes after it is the script's. Its exit code is passed on.
    """
    from . import swap as swapping
    from .script import checked

    checked(script)
    given = list(arguments or [])
    output = Output(quiet, as_json)
    if as_json and not (compare or diff or write):
        raise WrongUsage("--json is for swap --compare, --diff and --write; else the script talks.")
    if diff or write:
        if compare or iterations or given:
            raise WrongUsage("--diff and --write run nothing; leave out what is for running.")
        _edit(script, diff, write, output)
        return
    swapping.warn_of_late_options(given, output)
    use(backend)
    place = figures or swapping.figures_folder(script)
    execute = swapping.compare_two if compare else swapping.swap
    raise typer.Exit(execute(script, given, iterations, place, output))


def _edit(script: str, diff: bool, write: bool, output: Output) -> None:
    from .rewrite import edits

    found = edits(script)
    home = os.path.dirname(script) or "."
    named = {str(edit.path): edit.diff(os.path.relpath(edit.path, home)) for edit in found}
    if output.as_json:
        output.result({"diff": named, "written": write})
    elif diff:
        sys.stdout.write("".join(named.values()))
        sys.stdout.flush()
    if write:
        for edit in found:
            edit.write()
            output.say(f"deepxde-repnet: {edit.path} is changed.")


@app.command()
def compare(
    target: Target,
    arguments: Arguments = None,
    nets: Annotated[
        str, typer.Option(help="Networks with commas between; FNN:sin has another activation.")
    ] = "FNN,RepFNN",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0, 1, ... of each network.")] = 3,
    jobs: Annotated[int, typer.Option(min=1, help="Runs side by side.")] = 1,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run on the workers of this Dask scheduler instead."),
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of each training; at most, for scripts.")
    ] = None,
    float_type: Annotated[
        str | None, typer.Option("--float", help="float32 or float64 (bundled).", metavar="TYPE")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder of results; NAME-compare.")
    ] = None,
    redo: Annotated[bool, typer.Option("--redo", help="Run again what has been run.")] = False,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="A script's runs work here, not in copies of this folder; one job."
        ),
    ] = False,
    backend: Backend = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Several networks and seeds: one table, one figure.

    A run that is there is not repeated: the same command goes on where it stopped. A script's own
    options come after two dashes: compare SCRIPT --seeds 5 -- --lr 0.1
    """
    from . import compare as comparing
    from .script import checked

    script = is_script(target)
    if script:
        checked(target)
    if in_place and (jobs > 1 or cluster):
        raise WrongUsage("--in-place has all runs in this folder, so one at a time: --jobs 1.")
    if script and float_type:
        raise WrongUsage("--float is for bundled problems; a script sets its own.")
    wanted = [net.strip() for net in nets.split(",") if net.strip()]
    todo = comparing.jobs_of(
        target, list(arguments or []), wanted, range(seeds), iterations, _float(float_type)
    )
    choice = use(backend)
    if not script:
        check_backend(target, find(target).script, choice.name)
    elif not in_place:
        comparing.check_size()
    place = out or Path(f"{Path(target).stem}-compare")
    output = Output(quiet, as_json)
    code = comparing.compare(todo, choice.name, place, jobs, redo, in_place, output, cluster)
    raise typer.Exit(code)


@app.command()
def explain(
    target: Target,
    arguments: Arguments = None,
    wavenumber: Annotated[
        str | None, typer.Option(help="As for run; bundled problems only.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File of the picture; NAME-spectrum.png.")
    ] = None,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="Draw none.")] = False,
    backend: Backend = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """What calibration finds: domain, wavenumber, scale, magnitudes, warnings; and a picture.

    Nothing is trained; a script is run up to its first training. Its own options come after two
    dashes: explain SCRIPT -- --lr 0.1
    """
    from . import explain as explaining
    from .networks import Network, axes
    from .script import checked

    output = Output(quiet, as_json)
    script = is_script(target)
    if script and wavenumber:
        raise WrongUsage("--wavenumber is for bundled problems; give it to RepFNN in the script.")
    if script:
        checked(target)
        use(backend)
        model, said, caught = explaining.of_script(target, list(arguments or []), output)
    else:
        if arguments:
            raise WrongUsage(f"{target} takes no arguments, and {' '.join(arguments)} is given.")
        find(target)
        use(backend)
        network = Network(wavenumber=axes("--wavenumber", wavenumber))
        model, said, caught = explaining.of_problem(target, network)
    drawn = None if no_picture else picture or Path(f"{Path(target).stem}-spectrum.png")
    explaining.explain(target, model, said, caught, drawn, output)


@app.command()
def doctor(backend: Backend = None, quiet: Quiet = False, as_json: Json = False) -> None:
    """Versions, backends, devices, settings, and a short training on each backend."""
    from .doctor import doctor as examine

    raise typer.Exit(examine(backend, Output(quiet, as_json)))


def _float(value: str | None) -> str | None:
    if value not in (None, "float32", "float64"):
        raise WrongUsage(f"--float {value!r} is not known; write float32 or float64.")
    return value


def guarded(call: Callable[[], Any]) -> int:
    """Run the command; its failures become one message and an exit code."""
    try:
        call()
        return 0
    except Failure as failure:
        print_error(str(failure))
        return failure.code
    except OSError as error:  # a full disk, a name that is too long, a file that nobody may read
        print_error(f"{error}.")
        return FAILED
    except KeyboardInterrupt:
        print_error("interrupted.")
        return INTERRUPTED


def main() -> None:
    """Entry point of ``deepxde-repnet`` and of ``python -m deepxde_repnet``."""
    sys.exit(guarded(lambda: app(prog_name="deepxde-repnet")))
