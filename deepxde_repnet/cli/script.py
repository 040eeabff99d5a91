"""Running someone's script as ``python SCRIPT`` would, with DeepXDE prepared behind its back."""

from __future__ import annotations

import builtins
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .output import FAILED, INTERRUPTED, WrongUsage


def checked(path: str) -> str:
    """The path of a script that is there.

    Raises:
        WrongUsage: It is not, or it is a folder.
    """
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "is not there"
        raise WrongUsage(f"the script {path} {what}; give the path of a Python file.")
    return path


def execute(path: str, arguments: Sequence[str], prepare: Callable[[], None]) -> int:
    """Run a file as the main program, and call ``prepare`` as soon as it has imported DeepXDE.

    The script chooses the backend itself if it does so before its import, as in a plain run. What
    it raises is printed as Python prints it.

    Returns:
        Its exit code.
    """
    absolute = os.path.abspath(path)
    main = types.ModuleType("__main__")
    main.__dict__.update(
        __file__=absolute,
        __builtins__=builtins,
        __loader__=importlib.machinery.SourceFileLoader("__main__", absolute),
    )
    sys.modules["__main__"] = main
    sys.argv = [path, *arguments]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    try:
        with after_import("deepxde", prepare):
            with io.open_code(absolute) as file:
                source = file.read()
            exec(compile(source, absolute, "exec", dont_inherit=True), main.__dict__)
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        _print(error, absolute)
        return FAILED
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def _print(error: Exception, absolute: str) -> None:
    """The traceback from the script on, without what has called it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != absolute:
        frames = frames.tb_next
    sys.stdout.flush()
    traceback.print_exception(type(error), error, frames)


@contextlib.contextmanager
def after_import(name: str, then: Callable[[], None]) -> Iterator[None]:
    """Call a function once, right after a module has been imported for the first time."""
    if name in sys.modules:
        then()
        yield
        return
    finder = _Finder(name, then)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self.name, self.then = name, then

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.then)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any, then: Callable[[], None]) -> None:
        self.loader, self.then = loader, then

    def create_module(self, spec: Any) -> Any:
        return self.loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        # A module with its own loader afterwards: data files of a package are found through it.
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        self.then()


def save_figures(folder: Path, prefix: str) -> list[Path]:
    """Have matplotlib save the figures that it would show in a window, and go on.

    Returns:
        A list to which the files, as absolute paths, are added as they are written.
    """
    import matplotlib
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    saved: list[Path] = []
    folder = folder.absolute()  # the script may change the working directory

    def save(figure: Any) -> None:
        path = folder / f"{prefix}{len(saved) + 1}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=100)
        except OSError as error:  # no reason to end the script
            print(f"deepxde-repnet: a figure is not saved: {error}", file=sys.stderr)
        else:
            saved.append(path)

    def show(*_: Any, block: bool | None = None, **__: Any) -> None:
        for number in pyplot.get_fignums():
            save(pyplot.figure(number))
        if block is not False:  # the user would have closed them
            pyplot.close("all")

    def show_one(self: Any, *_: Any, **__: Any) -> None:
        save(self)

    pyplot.show = show
    Figure.show = show_one  # type: ignore[method-assign, assignment]
    # A script that names a backend with windows would need a display for it.
    matplotlib.use = lambda *_, **__: None
    pyplot.switch_backend("Agg")
    return saved
