"""The command's part of ``entries``: arguments as a shell would give them."""

from __future__ import annotations

import atexit
import functools
import itertools
import json
import os
from typing import Any

from hypothesis import strategies as st

from .entries import Refused, entry
from .served import Server

#: Problems that one iteration takes least time of, and one that is only solved.
NAMES = ["poisson-1d-multiscale", "function-1d", "wave-1d", "diffusion-1d-inverse", "lshape-2d"]
#: Nobody's options: empty, not numbers, too large, of another alphabet, longer than a file's name.
ODD = [
    "",
    " ",
    "nan",
    "inf",
    "-1",
    "0",
    "1e400",
    "9" * 30,
    "1,,2",
    "1x",
    "é漢",
    "[red]",
    "%s",
    "--",
]
LONG = "x" * 300
words = st.one_of(
    st.sampled_from([*ODD, LONG, "a.py", "a.py/b", "file", "folder"]),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=4),
)
FILES = {"file": "not empty", "folder/inside": "", "bytes.py": "s = '\xe9'\n"}
#: Scripts, in one line each; what they end with is theirs.
LINES = [
    "import deepxde as dde",
    "import deepxde",
    "from deepxde.nn import FNN",
    "from deepxde import nn as networks",
    "import numpy as np",
    "net = dde.nn.FNN([1, 4, 1], 'tanh', 'Glorot uniform')",
    "net = FNN(layer_sizes=[1, 4, 1], activation='tanh', kernel_initializer='Glorot uniform')",
    "x = np.linspace(0, 1, 9, dtype='float32')[:, None]",
    "model = dde.Model(dde.data.DataSet(x, x, x, x), net)",
    "model.compile('adam', lr=1e-3)",
    "model.train(iterations=3)",
    "raise SystemExit(3)",
    "raise SystemExit('enough')",
    "1 / 0",
    "def f(:",
    "# dde.nn.FNN",
    "print('\u00e9')",
    "\f",
    "\ttry",
]
WHOLE = [LINES[k] for k in (0, 4, 5, 7, 8, 9, 10)]
scripts = st.one_of(
    st.lists(st.sampled_from(LINES), max_size=6), st.sampled_from([WHOLE, [*WHOLE, "1 / 0"]])
).map("\n".join)


def rarely(odd: st.SearchStrategy, valid: st.SearchStrategy, share: int) -> st.SearchStrategy:
    """One of ``share`` is odd. (``one_of`` would take equal strategies for one.)"""
    return st.integers(1, share).flatmap(lambda k: odd if k == share else valid)


def option(name: str, *valid: str) -> st.SearchStrategy[list[str]]:
    """Left out, with a value that makes sense, or with another; or twice."""
    given = rarely(words, st.sampled_from(valid), 6).map(lambda value: [name, value])
    return rarely(rarely(given.map(lambda o: o * 2), given, 6), st.just([]), 3)


def flags(*names: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([*names, "-q", "--json"]), max_size=2, unique=True)


def line(command: str, *parts: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    return st.tuples(*parts).map(lambda found: [command, *itertools.chain(*found)])


def name(*more: str) -> st.SearchStrategy[list[str]]:
    return rarely(words, st.sampled_from([*NAMES, *more]), 8).map(lambda word: [word])


BACKEND = option("--backend", "pytorch")
ITERATIONS = option("--iterations", "1", "20")


@functools.cache
def _server() -> Server:
    server = Server()
    atexit.register(server.close)
    return server


def check(arguments: list[str], script: str = "") -> None:
    """Call it; what every call must hold to."""
    files = FILES | {"a.py": script}
    done: dict[str, Any] = _server().call(arguments, files)
    code, said = done["code"], done["stderr"]
    told = f"{arguments} ended with {code}:\n{done['stdout'][-500:]}\n{said[-1500:]}"
    of_script = any(os.path.normpath(word) in files for word in arguments)
    assert code in (0, 1, 2, 130) or (code == 3 and of_script), told
    trace = said[said.find("Traceback (most recent") :] if "Traceback (most" in said else ""
    assert not trace or (of_script and "deepxde_repnet/cli" not in trace), told
    assert not done["beside"], told
    if code:
        # 3 is that of a script, which may end without a word.
        silent = code == 3 or (code == 130 and arguments[0] == "run")
        assert said.strip() or silent or not arguments, told  # without arguments it is the help
        raise Refused
    if "--json" in arguments and done["stdout"].startswith("{") and "--help" not in arguments:
        json.loads(done["stdout"], parse_constant=lambda constant: 1 / 0)


@entry(
    arguments=line(
        "run",
        name(),
        option("--net", "FNN", "RepFNN"),
        option("--layers", "4", "3x2", "5,6"),
        option("--activation", "tanh", "sin", "relu"),
        option("--wavenumber", "30", "3,4"),
        option("--slope-scale", "2.5", "2.5,5"),
        ITERATIONS,
        option("--optimizer", "adam", "L-BFGS", "solve"),
        option("--seed", "0", "7"),
        option("--float", "float32", "float64"),
        option("--out", "out", "folder", "out/in"),
        BACKEND,
        flags(),
    ),
    examples=8,
)
def of_command_run(arguments):
    check(arguments)


@entry(
    arguments=line(
        "swap",
        flags("--compare", "--diff", "--write"),
        ITERATIONS,
        option("--figures", "figures", "folder"),
        BACKEND,
        rarely(name("bytes.py"), st.just(["a.py"]), 4),
        rarely(st.lists(words, max_size=2), st.just([]), 3),
    ),
    script=scripts,
    examples=12,
)
def of_command_swap(arguments, script):
    check(arguments, script)


@entry(
    arguments=line(
        "compare",
        name("a.py", "./a.py", "bytes.py"),
        option("--nets", "FNN", "FNN:sin,RepFNN", "RepFNN"),
        option("--seeds", "1", "2"),
        option("--jobs", "1", "2"),
        option("--cluster", "tcp://127.0.0.1:1"),
        ITERATIONS,
        option("--float", "float32", "float64"),
        option("--out", "out", "folder", "out/in"),
        BACKEND,
        flags("--redo", "--in-place"),
    ),
    examples=6,
)
def of_command_compare(arguments):
    check(arguments)


@entry(
    arguments=line(
        "explain",
        name("a.py", "./a.py", "bytes.py"),
        option("--wavenumber", "30", "3,4"),
        option("--picture", "picture.png", "folder/picture.pdf"),
        BACKEND,
        flags("--no-picture"),
    ),
    script=scripts,
    examples=12,
)
def of_command_explain(arguments, script):
    check(arguments, script)


@entry(
    arguments=st.one_of(
        line("show", name(), flags("--solve", "--help")),
        line("list", flags("--help"), st.lists(words, max_size=1)),
        line("doctor", BACKEND, flags("--help"), st.lists(words, max_size=1)),
        st.lists(words, max_size=3),
    ),
    examples=12,
)
def of_command_other(arguments):
    check(arguments)
