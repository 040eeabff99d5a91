"""The edit that makes a swap permanent: ``FNN`` becomes ``RepFNN`` where it is DeepXDE's.

The file is parsed to find the places and then changed at their positions, so that all else stays
as it is, byte for byte: comments, layout, encoding and ends of lines.
"""

from __future__ import annotations

import ast
import difflib
import io
import os
import re
import stat
import tempfile
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .output import Failure

NEW = {"FNN": "RepFNN", "PFNN": "RepPFNN"}
IMPORT = "import deepxde_repnet  # noqa: F401: puts {} into deepxde.nn"
#: Modules that have DeepXDE's networks as attributes; ``maps`` is their old name.
NETWORKS = re.compile(
    r"deepxde\.(nn|maps)(\.(pytorch|tensorflow|tensorflow_compat_v1|jax|paddle))?"
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")


@dataclass(frozen=True)
class Edit:
    """A file and what it becomes."""

    path: Path
    before: bytes
    after: bytes
    encoding: str

    def diff(self, name: str) -> str:
        """Unified diff, as ``patch`` and ``git apply`` read it."""
        old, new = (
            text.decode(self.encoding).splitlines(keepends=True)
            for text in (self.before, self.after)
        )
        lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
        shown = []
        for line in lines:
            shown.append(line if line.endswith(("\n", "\r")) else line + "\n")
            if not line.endswith(("\n", "\r")):
                shown.append("\\ No newline at end of file\n")
        return "".join(shown)

    def write(self) -> None:
        """Put the file's new content in its place, all at once, with the same permissions."""
        target = self.path.resolve()
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.after)
            os.chmod(name, stat.S_IMODE(target.stat().st_mode))
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise


def edits(script: str) -> list[Edit]:
    """The edits of a script and of the modules beside it that it imports.

    Raises:
        Failure: A file cannot be read as Python, or there is nothing to change.
    """
    found = [edit for path in _with_local_imports(Path(script)) if (edit := edit_of(path))]
    if not found:
        raise Failure(
            f"neither {script} nor a module beside it that it imports names dde.nn.FNN or "
            "dde.nn.PFNN, so there is nothing to change. A name that is put together while the "
            "script runs is not found."
        )
    return found


def edit_of(path: Path) -> Edit | None:
    """The edit of one file, or None where nothing is to be changed."""
    before = path.read_bytes()
    tree, encoding = _parsed(path, before)
    text = before.decode(encoding)
    if text.encode(encoding) != before:
        raise Failure(f"{path} does not come back the same from {encoding}; convert it to UTF-8.")
    lines = _lines(text)
    changes = list(_changes(tree, lines))
    if not changes:
        return None
    names = sorted({new.split(" ")[0].strip("'\"") for _, _, new in changes})
    if not _imports_us(tree, before=min(row for row, _, _ in changes) + 1):
        changes += _import_lines(tree, lines, " and ".join(names))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    flat = [(starts[row] + a, starts[row] + b, new) for row, (a, b), new in changes]
    for begin, end, new in sorted(flat, reverse=True):
        text = text[:begin] + new + text[end:]
    return Edit(path, before, text.encode(encoding), encoding)


def _parsed(path: Path, source: bytes) -> tuple[ast.Module, str]:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return ast.parse(source, filename=str(path)), encoding
    except (SyntaxError, ValueError) as error:
        raise Failure(f"{path} is not Python that this Python reads: {error}") from None


def _lines(text: str) -> list[str]:
    """The lines as Python counts them, with their ends."""
    return [line for line in _LINE.findall(text) if line] or [""]


Change = tuple[int, tuple[int, int], str]


def _changes(tree: ast.Module, lines: list[str]) -> Iterator[Change]:
    """(row from 0, (first, last + 1) column in characters, new text) of each name to change."""
    modules = _module_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            if node.module and _shows_networks(node.module):
                for alias in node.names:
                    if alias.name in NEW:
                        new = NEW[alias.name]
                        row, column = alias.lineno - 1, alias.col_offset
                        start = _characters(lines[row], column)
                        text = new if alias.asname else f"{new} as {alias.name}"
                        yield row, (start, start + len(alias.name)), text
        elif isinstance(node, ast.Attribute) and node.attr in NEW:
            if _shows_networks(_dotted(node.value, modules)):
                assert node.end_lineno is not None and node.end_col_offset is not None
                row = node.end_lineno - 1
                end = _characters(lines[row], node.end_col_offset)
                yield row, (end - len(node.attr), end), NEW[node.attr]
        elif isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            if name == "getattr" and len(node.args) >= 2:
                owner, wanted = node.args[:2]
                if (
                    isinstance(wanted, ast.Constant)
                    and wanted.value in NEW
                    and wanted.lineno == wanted.end_lineno
                    and _shows_networks(_dotted(owner, modules))
                ):
                    row = wanted.lineno - 1
                    start = _characters(lines[row], wanted.col_offset)
                    end = _characters(lines[row], wanted.end_col_offset or 0)
                    literal = lines[row][start:end]
                    at = start + literal.index(str(wanted.value))
                    yield row, (at, at + len(str(wanted.value))), NEW[str(wanted.value)]


def _characters(line: str, utf8_offset: int) -> int:
    """A column that ``ast`` counts in bytes of UTF-8, in characters; a byte order mark is none."""
    mark = line.startswith("\ufeff")
    shown = line[1:] if mark else line
    return len(shown.encode("utf-8")[:utf8_offset].decode("utf-8")) + mark


def _shows_networks(name: str) -> bool:
    return NETWORKS.fullmatch(name.removesuffix(".fnn")) is not None


def _module_names(tree: ast.Module) -> dict[str, str]:
    """Name in the file -> dotted module of DeepXDE that it stands for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "deepxde":
                    names[alias.asname or "deepxde"] = alias.name if alias.asname else "deepxde"
        elif isinstance(node, ast.ImportFrom) and _imports_deepxde(node):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    # Names given later to what is known: nn = dde.nn.
    assigned = [
        (target.id, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    while new := {n: d for n, v in assigned if n not in names and (d := _dotted(v, names))}:
        names |= new
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    """What an expression is of DeepXDE, dotted, or ""."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _imports_us(tree: ast.Module, before: int) -> bool:
    """Whether the file imports this package above a line."""
    return any(
        name.split(".")[0] == "deepxde_repnet"
        for node in tree.body
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else []
        )
        if node.lineno < before
    )


def _import_lines(tree: ast.Module, lines: list[str], names: str) -> list[Change]:
    """Our import, beside the first of DeepXDE's that every run reaches, else beside all of them."""
    everywhere = [node for node in ast.walk(tree) if _imports_deepxde(node)]
    at_top = [node for node in tree.body if _imports_deepxde(node)]
    return [_import_line(node, lines, names) for node in at_top[:1] or everywhere]


def _imports_deepxde(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] == "deepxde" for alias in node.names)
    return (
        isinstance(node, ast.ImportFrom)
        and not node.level
        and (node.module or "").split(".")[0] == "deepxde"
    )


def _import_line(node: ast.AST, lines: list[str], names: str) -> Change:
    assert isinstance(node, (ast.Import, ast.ImportFrom))
    assert node.end_lineno is not None and node.end_col_offset is not None
    first = lines[node.lineno - 1]
    start = _characters(first, node.col_offset)
    indent = first[:start].lstrip("\ufeff")
    last = lines[node.end_lineno - 1]
    rest = last[_characters(last, node.end_col_offset) :].strip()
    ending = re.search(r"(\r\n|\r|\n)$", last) or re.search(r"(\r\n|\r|\n)$", lines[0])
    end = ending.group() if ending else "\n"
    if indent.strip() or (rest and not rest.startswith("#")):
        # Other statements share the line.
        return node.lineno - 1, (start, start), "import deepxde_repnet; "
    if isinstance(node, ast.ImportFrom):  # which may ask for the names that our import adds
        text = f"{IMPORT.format(names)}{end}{indent}"
        return node.lineno - 1, (start, start), text
    text = f"{indent}{IMPORT.format(names)}"
    whole = len(last)
    if last.endswith(("\n", "\r")):
        return node.end_lineno - 1, (whole, whole), text + end
    return node.end_lineno - 1, (whole, whole), end + text


def _with_local_imports(script: Path) -> Iterable[Path]:
    """The script, and the files beside it that it imports, each once."""
    root = Path(os.path.realpath(script)).parent
    seen: dict[Path, Path] = {}
    waiting = [script]
    while waiting:
        path = waiting.pop(0)
        key = path.resolve()
        if key in seen:
            continue
        seen[key] = path
        tree, _ = _parsed(path, path.read_bytes())
        waiting += [p for name in _imported(tree, path, root) for p in _files(root, name)]
    return seen.values()


def _imported(tree: ast.Module, path: Path, root: Path) -> Iterator[str]:
    """Dotted names of the modules that a file may import, relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ""
            if node.level:
                resolved = path.resolve().parent
                for _ in range(node.level - 1):
                    resolved = resolved.parent
                if not resolved.is_relative_to(root.resolve()):
                    continue
                package = ".".join(resolved.relative_to(root.resolve()).parts)
            base = ".".join(part for part in (package, node.module or "") if part)
            if base:
                yield base
            yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def _files(root: Path, name: str) -> list[Path]:
    """The files below the script's folder that importing a name would run."""
    parts = name.split(".")
    found = []
    for i in range(1, len(parts) + 1):
        place = root.joinpath(*parts[:i])
        for candidate in (place.with_name(place.name + ".py"), place / "__init__.py"):
            if candidate.is_file():
                found.append(candidate)
    return found
