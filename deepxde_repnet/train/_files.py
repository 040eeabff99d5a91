"""The file of a checkpoint, and the folder that holds the last few of them.

A file is an uncompressed NumPy archive, which ``np.load`` reads: one member for each array and a
member ``state.json`` with everything else and the arrays' places in it. Its last 64 bytes, inside
the archive's comment, are the SHA-256 of all bytes before them. Nothing in it is ever executed: no
pickle, arrays of numbers only.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
_SEAL = re.compile(rb"deepxde_repnet checkpoint, format (\d{4}), sha256 ([0-9a-f]{64})\Z")
_SEAL_TEXT = "deepxde_repnet checkpoint, format {:04d}, sha256 "
_SEAL_LENGTH = len(_SEAL_TEXT.format(FORMAT)) + 64
_NAME = re.compile(r"(\d{8})-step-(\d+)\.npz")
_STATE = "state.json"


class Damaged(ValueError):
    """A file that is not a whole checkpoint; the message names it and says what is wrong."""


# -------------------------------------------------------------------------------------------------
# A tree of plain values as bytes


def to_bytes(tree: Any) -> bytes:
    """A sealed file of a tree of dicts, lists, tuples, numbers, texts, None and arrays.

    Raises:
        TypeError: If something else is in the tree; the message says where.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_pack(tree, arrays, "state"), separators=(",", ":"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_STATE), text)
        for i, array in enumerate(arrays):
            with archive.open(zipfile.ZipInfo(f"{i}.npy"), "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        archive.comment = _SEAL_TEXT.format(FORMAT).encode() + b"0" * 64
    body = file.getvalue()[:-64]
    return body + hashlib.sha256(body).hexdigest().encode()


def from_bytes(content: bytes) -> Any:
    """The tree in a file's bytes.

    Raises:
        Damaged: If one byte is not what was written.
        ValueError: If the file is whole but of a later format.
    """
    seal = _SEAL.search(content[-_SEAL_LENGTH:])
    if seal is None:
        raise Damaged("it does not end as a checkpoint does (it may have been cut short)")
    if hashlib.sha256(content[:-64]).hexdigest().encode() != seal[2]:
        raise Damaged("its checksum does not agree with its content")
    if int(seal[1]) != FORMAT:
        raise ValueError(
            f"it has format {int(seal[1])}, and this version of deepxde_repnet reads format "
            f"{FORMAT}; use the version that wrote it."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if any(m.compress_type != zipfile.ZIP_STORED for m in members):
                raise Damaged("it holds compressed members, which a checkpoint does not")
            state = json.loads(archive.read(_STATE))
            arrays = [_array(archive.read(f"{i}.npy")) for i in range(len(members) - 1)]
        return _unpack(state, arrays)
    except Damaged:
        raise
    except Exception as error:  # whatever a sealed file with other content can bring about
        raise Damaged(f"its content is not that of a checkpoint ({error!r})") from None


def _array(content: bytes) -> np.ndarray:
    """An array of numbers; its size is known from the file before memory is taken for it."""
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise Damaged("it holds an array of another NumPy format")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran or dtype.kind not in "biufc":
        raise Damaged("it holds an array that is not one of numbers")
    # A bytearray's own memory: the array can be written to.
    return np.frombuffer(bytearray(content[file.tell() :]), dtype).reshape(shape)


def _pack(value: Any, arrays: list[np.ndarray], where: str) -> Any:
    if (
        value is None
        or isinstance(value, (bool, int, float, str))
        and type(value).__module__ == ("builtins")
    ):
        return value
    if isinstance(value, np.generic):
        return {"$number": value.dtype.name, "value": _pack(value.item(), arrays, where)}
    if isinstance(value, np.ndarray):
        return {"$array": _add(value, arrays, where)}
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _pack(v, arrays, f"{where}.{key}") for key, v in value.items()}
        pairs = [[k, _pack(v, arrays, f"{where}[{k!r}]")] for k, v in value.items()]
        return {"$dict": pairs}
    if isinstance(value, tuple):
        return {"$tuple": _pack(list(value), arrays, where)}
    if isinstance(value, list):
        if _stackable(value):
            return {"$stack": _add(np.stack(value), arrays, where)}
        return [_pack(v, arrays, f"{where}[{i}]") for i, v in enumerate(value)]
    raise TypeError(
        f"{where} is of type {type(value).__name__}, and a checkpoint holds only numbers, texts "
        "and arrays of numbers, so that nothing can be executed when it is read."
    )


def _stackable(values: list[Any]) -> bool:
    """Whether one array can hold all: members of their own are slow when they are many."""
    first = values[0] if len(values) > 1 else None
    return isinstance(first, np.ndarray) and all(
        isinstance(v, np.ndarray) and v.shape == first.shape and v.dtype == first.dtype
        for v in values
    )


def _add(array: np.ndarray, arrays: list[np.ndarray], where: str) -> int:
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{where} is an array of {array.dtype}; a checkpoint holds only numbers.")
    # Not np.ascontiguousarray, which makes (1,) of ().
    arrays.append(np.array(array, order="C"))
    return len(arrays) - 1


def _unpack(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_unpack(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return arrays[value["$array"]]
    if "$stack" in value:
        return list(arrays[value["$stack"]])
    if "$number" in value:
        return np.dtype(value["$number"]).type(value["value"])
    if "$tuple" in value:
        return tuple(_unpack(value["$tuple"], arrays))
    if "$dict" in value:
        return {key: _unpack(v, arrays) for key, v in value["$dict"]}
    return {key: _unpack(v, arrays) for key, v in value.items()}


# -------------------------------------------------------------------------------------------------
# The folder


def listed(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first: by their number, not by the clock."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(filter(_NAME.fullmatch, names), reverse=True)]


def newest(folder: Path) -> tuple[Path, Any] | None:
    """The newest whole checkpoint and its content; None where there is none at all.

    Raises:
        ValueError: If there are checkpoints and all of them are damaged, or one is of a later
            format.
    """
    problems = []
    for path in listed(folder):
        try:
            tree = from_bytes(path.read_bytes())
        except FileNotFoundError:
            continue  # another process has just let go of it
        except (Damaged, OSError) as error:
            problems.append(f"{path}: {error}")
            continue
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        for problem in problems:
            warnings.warn(
                f"a damaged checkpoint was passed over, {problem}. {path.name} is taken instead.",
                RuntimeWarning,
                stacklevel=3,
            )
        return path, tree
    if problems:
        raise ValueError(
            f"no checkpoint in {folder} can be read:\n  " + "\n  ".join(problems) + "\nMove them "
            "away to start anew."
        )
    return None


def write(folder: Path, step: int, tree: Any, keep: int) -> Path:
    """Write a checkpoint that is the newest, and let go of all but the last ``keep``.

    It is written under another name, flushed to the disk and renamed, so that a file of its name is
    whole whatever happens meanwhile. A write that fails leaves the older ones as they are.

    Raises:
        OSError: If the disk does not take it.
    """
    content = to_bytes(tree)
    older = listed(folder)
    number = 1 + (int(older[0].name[:8]) if older else 0)
    path = folder / f"{number:08d}-step-{step}.npz"
    # Not from a generator whose state is kept.
    temporary = folder / f".{path.name}.{os.urandom(6).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync(folder)
    for old in older[max(keep - 1, 0) :]:
        with contextlib.suppress(OSError):
            old.unlink()
    return path


def _sync(folder: Path) -> None:
    """Flush the folder itself, which holds the new name; not every system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Lock:
    """The right to write to a folder, which one process at a time has.

    It ends with the process, however that ends. Where the system has no such locks (Windows, some
    network file systems) everyone has it: files are whole in any case, since each is renamed into
    place, and only the runs would be mixed.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        self._file: Any = None

    def take(self) -> bool:
        """Whether this process has it now; the folder must exist.

        Raises:
            OSError: If the folder cannot be written to.
        """
        if self._file is not None:
            return True
        file = open(self._path, "a+")  # noqa: SIM115  (kept open)
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            except OSError:
                pass  # no locks here
        self._file = file
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        # What processes that were killed have left behind.
        for left in self._left():
            with contextlib.suppress(OSError):
                left.unlink()
        return True

    def holder(self) -> str:
        """The process that has it, as far as is known."""
        try:
            return self._path.read_text().strip() or "unknown"
        except OSError:
            return "unknown"

    def give_up(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _left(self) -> Iterator[Path]:
        return self._path.parent.glob(".*.npz.*.tmp")
