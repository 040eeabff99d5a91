"""Lines of code that state a problem: what a user writes, counted the same way on both sides.

Counted are the lines with code of a definition and of all that it uses in its own file and in other
files of this repository. Blank lines, comments, docstrings and imports are not.
"""

from __future__ import annotations

import ast
import functools
import io
import tokenize
from collections.abc import Iterable
from pathlib import Path

LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> set[int]:
    """Numbers of the lines that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return lines


@functools.cache
def parsed(path: Path) -> tuple[list[ast.stmt], set[int]]:
    """The statements at the top of a file, and its lines of code."""
    text = path.read_text()
    return ast.parse(text).body, code_lines(text)


def kept_methods(node: ast.ClassDef, without: Iterable[str]) -> list[ast.stmt]:
    """The body less the methods named, but for those that what is left calls by ``self``."""
    left_out = {s.name: s for s in node.body if isinstance(s, ast.FunctionDef)}
    left_out = {name: method for name, method in left_out.items() if name in set(without)}
    kept = [s for s in node.body if getattr(s, "name", None) not in left_out]
    for statement in kept:  # grows as methods are called back in
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                called = left_out.pop(inner.attr, None) if inner.value.id == "self" else None
                if called:
                    kept.append(called)
    return kept


def span(node: ast.stmt) -> range:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    return range(first, node.end_lineno + 1)


def used(path: Path, name: str, without: Iterable[str] = ()) -> set[tuple[Path, int]]:
    """(file, line) of all that the definition of ``name`` in ``path`` consists of.

    without : methods of a class that do not count unless the others call them.
    """
    found: set[tuple[Path, int]] = set()
    seen: set[tuple[Path, str]] = set()
    waiting = [(path, name)]
    while waiting:
        here, wanted = waiting.pop()
        if (here, wanted) in seen:
            continue
        seen.add((here, wanted))
        body, code = parsed(here)
        for node in body:
            if isinstance(node, ast.ImportFrom) and node.module:
                source = here.parent.parent / (node.module.replace(".", "/") + ".py")
                if source.exists():
                    waiting += [(source, a.name) for a in node.names if a.name == wanted]
            elif wanted in names_of(node):
                parts: list[ast.stmt] = [node]
                if isinstance(node, ast.ClassDef):
                    parts = kept_methods(node, without)
                    found.add((here, node.lineno))
                for part in parts:
                    found.update((here, line) for line in span(part) if line in code)
                    within = list(ast.walk(part))
                    arguments = {n.arg for n in within if isinstance(n, ast.arg)}
                    names = {n.id for n in within if isinstance(n, ast.Name)}
                    waiting += [(here, n) for n in names - arguments]
    return found


def names_of(node: ast.stmt) -> set[str]:
    """What a statement at the top of a file defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {t.id for t in node.targets if isinstance(t, ast.Name)}
    return set()


def count(path: Path, name: str, without: Iterable[str] = ()) -> int:
    """Lines of the definition and of what it uses, and one more for the call that solves it."""
    return len(used(path, name, without)) + 1
