"""What instruments record along training: dataclasses of NumPy arrays, and their files.

Two kinds of file hold a record, and `load` reads both without pickle:

- ``record.save("name.npz")`` writes NumPy's own ``.npz``, when there is a record.
- A `Log` grows by one row during training, so that a process that ends early loses nothing but the
  row it was writing.

A log is a header and rows. The header is ``MAGIC``, the length and the CRC-32 of what follows (two
little-endian 32-bit integers), and a ``.npz`` with everything that does not change and the type of
a row as JSON. A row is the CRC-32 of its bytes and these bytes, of fixed length. The first row that
is cut off or does not have its checksum ends the record; what follows it is not read.
"""

from __future__ import annotations

import io
import json
import os
import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complex128]
FilePath = str | os.PathLike[str]

MAGIC = b"REPNET-RECORD-1\n"
_FRAME = struct.Struct("<II")
_CHECK = struct.Struct("<I")


@dataclass(frozen=True)
class Record:
    """What every record holds.

    Attributes:
        steps: Training steps done at each of T times, (T,), increasing.
        seconds: Seconds of training until then, (T,), without those that this recorder took.
        cost: Seconds that the recorder had taken before that, (T,). The first measurement, when
            some backends compile, is in the second entry.
    """

    steps: IntArray
    seconds: FloatArray
    cost: FloatArray

    def save(self, path: FilePath) -> None:
        """Write it to a ``.npz`` file, which `load` reads.

        Raises:
            TypeError: The path is none.
            OSError: The file cannot be written.
        """
        check_path(path)
        with open(path, "wb") as file:
            np.savez(file, **_arrays(self.__dict__), kind=np.array(type(self).__name__))


@dataclass(frozen=True)
class SpectrumRecord(Record):
    """Amplitudes of waves along training; see `deepxde_repnet.modes` for what they are.

    Attributes:
        amplitudes: c, (T, M), complex: the solution's, or the residual's.
        wavenumbers: k, (M, d), in radians per unit of the coordinates.
        bandwidth: Number of neighbouring modes that the window spreads a wave over, in power.
        quantity: ``"solution"`` or ``"residual"``.
        reference: c of what the solution should be, (M,), or None where it is not known. Zero of a
            residual.
    """

    amplitudes: ComplexArray
    wavenumbers: FloatArray
    bandwidth: float
    quantity: str
    reference: ComplexArray | None = None

    @property
    def error(self) -> ComplexArray:
        """c of the error, (T, M).

        Raises:
            ValueError: There is no reference.
        """
        if self.reference is None:
            raise ValueError(
                "this record has no reference, so it does not know the error; give the recorder "
                "reference=..., a function of points or values at its points."
            )
        return self.amplitudes - self.reference


@dataclass(frozen=True)
class FirstLayerRecord(Record):
    """State of a RepNet's first layer ``z_i = slope_i · (x - partition_i)`` along training.

    Attributes:
        slopes: (T, n, d), per unit of the coordinates; of a FourierFNN its wavenumbers, in radians
            per unit.
        partition: The partition points, (T, n, d), in the coordinates. Neuron i switches on the
            plane through its partition point that its slope is normal to. (T, 0, d) of a
            FourierFNN, which has none.
        lower: Lower corner of the domain, (d,).
        upper: Upper corner, (d,).
    """

    slopes: FloatArray
    partition: FloatArray
    lower: FloatArray
    upper: FloatArray

    @property
    def moved(self) -> FloatArray:
        """How far each partition point is from where it was at first, (T, n), in coordinates."""
        return np.asarray(np.linalg.norm(self.partition - self.partition[0], axis=2))

    @property
    def steepness(self) -> FloatArray:
        """Length of each slope, (T, n), per unit of the coordinates."""
        return np.asarray(np.linalg.norm(self.slopes, axis=2))


_KINDS: dict[str, type[Record]] = {
    kind.__name__: kind for kind in (SpectrumRecord, FirstLayerRecord)
}


def load(path: FilePath) -> Any:
    """Read a record, from a ``.npz`` of `Record.save` or from the log of a recorder.

    Of a log that ends within a row, as after a crash, the rows before it are given.

    Returns:
        A `SpectrumRecord` or a `FirstLayerRecord`.

    Raises:
        ValueError: The file is neither.
        TypeError: The path is none.
        FileNotFoundError: There is no such file.
    """
    check_path(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}.")
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) == MAGIC:
            kind, constants, rows, _ = _read(file, path)
            return assemble(kind, constants, rows)
        file.seek(0)
        try:
            arrays = dict(np.load(file, allow_pickle=False))
            return _make(_KINDS[str(arrays.pop("kind"))], arrays)
        except Exception:  # whatever other content can bring about in NumPy
            raise ValueError(
                f"{os.fspath(path)} is no record: neither a file of a recorder nor of save()."
            ) from None


def check_path(path: Any) -> None:
    """
    Raises:
        TypeError: If it is not the path of a file.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise TypeError(f"{path!r} must be the path of a file, such as 'spectrum.log'.")


def assemble(kind: type[Record], constants: Mapping[str, Any], rows: NDArray[np.void]) -> Any:
    """A record of the rows, a structured array of one entry per time, and what is constant."""
    return _make(
        kind, {**constants, **{name: rows[name].copy() for name in rows.dtype.names or ()}}
    )


class Log:
    """A record's file, open for rows to be appended.

    A row is handed to the operating system at once: it is there if this process dies, though not
    if the machine does before the system has written it.

    Args:
        path: Where to write.
        kind: Class of the record.
        constants: What does not change along training, by name.
        row_type: Type of a row, with a field for each array that grows.
        after: Rows of a file that is there already are kept if they are of no more steps than
            this, and the recording is continued. With 0 a new file is begun, and the old one, if
            any, gets ``.old`` added to its name, in the place of one that has it.

    Raises:
        ValueError: The file that is there cannot be continued: it is none, or not of this.
    """

    def __init__(
        self,
        path: FilePath,
        kind: type[Record],
        constants: Mapping[str, Any],
        row_type: np.dtype[np.void],
        *,
        after: int = 0,
    ) -> None:
        self.path = Path(path)
        self.rows = np.empty(0, row_type)
        constants = _arrays(constants)
        if after > 0 and self.path.exists():
            end = self._continue(kind, constants, row_type, after)
        else:
            end = self._begin(kind, constants, row_type)
        self._file = open(self.path, "r+b")  # noqa: SIM115
        self._file.truncate(end)
        self._file.seek(end)

    def _begin(
        self, kind: type[Record], constants: Mapping[str, Any], row_type: np.dtype[np.void]
    ) -> int:
        """Write the header of a new file; the position where it ends."""
        if self.path.exists():
            os.replace(self.path, f"{self.path}.old")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        row = json.dumps(_describe(row_type))
        np.savez(buffer, **constants, kind=np.array(kind.__name__), row=np.array(row))
        header = buffer.getvalue()
        # In one piece: a file without a whole header could not be told from one that is broken.
        temporary = Path(f"{self.path}.new")
        temporary.write_bytes(MAGIC + _FRAME.pack(len(header), zlib.crc32(header)) + header)
        os.replace(temporary, self.path)
        return self.path.stat().st_size

    def _continue(
        self,
        kind: type[Record],
        constants: Mapping[str, Any],
        row_type: np.dtype[np.void],
        after: int,
    ) -> int:
        """Take over the rows that are kept; the position where they end."""
        with open(self.path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError(
                    f"{self.path} is not a recorder's file and is left as it is; name another one."
                )
            old_kind, old_constants, rows, start = _read(file, self.path)
        old = _arrays(old_constants)
        same = (
            old_kind is kind
            and rows.dtype == row_type
            and old.keys() == constants.keys()
            and all(np.array_equal(old[name], constants[name]) for name in old)
        )
        if not same:
            raise ValueError(
                f"{self.path} holds another recording (other points, wavenumbers, reference or "
                f"network), so training cannot go on in it at step {after}; name another file."
            )
        self.rows = rows[rows["steps"] <= after]
        return start + len(self.rows) * (_CHECK.size + row_type.itemsize)

    def append(self, row: NDArray[np.void]) -> None:
        """Add a row, an array of the row's type with one entry."""
        data = row.tobytes()
        self._file.write(_CHECK.pack(zlib.crc32(data)) + data)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _read(
    file: BinaryIO, path: FilePath
) -> tuple[type[Record], dict[str, Any], NDArray[np.void], int]:
    """Kind, constants, rows, and where the rows start, of a log read up to after its magic."""
    frame = file.read(_FRAME.size)
    length, check = _FRAME.unpack(frame) if len(frame) == _FRAME.size else (0, 0)
    header = file.read(length)
    if not header or len(header) < length or zlib.crc32(header) != check:
        raise ValueError(f"{os.fspath(path)} is a recorder's file with a damaged header.")
    try:
        with np.load(io.BytesIO(header), allow_pickle=False) as archive:
            constants: dict[str, Any] = dict(archive)
        kind = _KINDS[str(constants.pop("kind"))]
        described = json.loads(str(constants.pop("row")))
        row_type = np.dtype([(name, form, tuple(shape)) for name, form, shape in described])
    except Exception:  # whatever other content can bring about
        raise ValueError(f"{os.fspath(path)} is a recorder's file of another kind.") from None
    there = {*constants, *(row_type.names or ())}
    missing = {f.name for f in fields(kind) if f.default is MISSING} - there
    if missing:
        raise ValueError(f"{os.fspath(path)} lacks {', '.join(sorted(missing))} of its records.")
    start = len(MAGIC) + _FRAME.size + length
    body = file.read()
    framed = np.dtype([("check", "<u4"), ("row", row_type)])
    whole = np.frombuffer(body[: len(body) // framed.itemsize * framed.itemsize], framed)
    good = 0
    for row in whole:
        if zlib.crc32(row["row"].tobytes()) != row["check"]:
            break
        good += 1
    lost = len(body) - good * framed.itemsize
    if lost > framed.itemsize:
        warnings.warn(
            f"{os.fspath(path)} is damaged after {good} rows; the last {lost} bytes are not read.",
            stacklevel=3,
        )
    return kind, constants, np.array(whole["row"][:good], dtype=row_type), start


def _describe(row_type: np.dtype[np.void]) -> list[tuple[str, str, tuple[int, ...]]]:
    assert row_type.fields is not None
    return [(name, kind[0].base.str, kind[0].shape) for name, kind in row_type.fields.items()]


def _arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in values.items() if value is not None}


def _make(kind: type[Record], arrays: Mapping[str, Any]) -> Record:
    """A record of arrays by name; where a field is a number or a text, it is that again."""
    values = {
        field.name: _plain(np.asarray(arrays[field.name]), str(field.type))
        for field in fields(kind)
        if arrays.get(field.name) is not None
    }
    return kind(**values)


def _plain(array: NDArray[Any], annotation: str) -> Any:
    return array.item() if annotation in ("float", "str") else array
