"""Records are saved and loaded whole; a file that a crash has cut off gives what was whole."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from deepxde_repnet import records
from deepxde_repnet.records import FirstLayerRecord, Log, SpectrumRecord

ROW = np.dtype(
    [("steps", "<i8"), ("seconds", "<f8"), ("cost", "<f8"), ("amplitudes", "<c16", (3,))]
)
CONSTANTS = {
    "wavenumbers": np.arange(3.0)[:, None],
    "bandwidth": 1.5,
    "quantity": "solution",
    "reference": np.array([1, 2j, 3]),
}


def row(step):
    entry = np.zeros(1, ROW)
    entry["steps"], entry["seconds"], entry["amplitudes"] = step, 0.1 * step, step * (1 + 1j)
    return entry


def written(path, steps, after=0, constants=CONSTANTS):
    log = Log(path, SpectrumRecord, constants, ROW, after=after)
    for step in steps:
        log.append(row(step))
    log.close()


def spectrum(n_times=4, reference=True):
    rng = np.random.default_rng(0)
    return SpectrumRecord(
        steps=np.arange(n_times) * 10,
        seconds=np.arange(n_times) / 7,
        cost=np.zeros(n_times),
        amplitudes=rng.standard_normal((n_times, 3)) + 1j,
        wavenumbers=rng.standard_normal((3, 2)),
        bandwidth=1.5,
        quantity="solution",
        reference=np.arange(3) * 1j if reference else None,
    )


def assert_same(found, expected):
    assert type(found) is type(expected)
    for field in dataclasses.fields(expected):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        assert type(a) is type(b)
        assert np.array_equal(a, b)


def test_npz_and_back(tmp_path):
    layer = FirstLayerRecord(
        steps=np.array([0, 5]),
        seconds=np.zeros(2),
        cost=np.zeros(2),
        slopes=np.array([[[3.0, 4.0]], [[0.0, 1.0]]]),
        partition=np.array([[[0.0, 0.0]], [[0.3, 0.4]]]),
        lower=np.zeros(2),
        upper=np.ones(2),
    )
    for record in (spectrum(), spectrum(reference=False), layer):
        record.save(tmp_path / "record.npz")
        assert_same(records.load(tmp_path / "record.npz"), record)
    np.testing.assert_allclose(layer.moved, [[0], [0.5]])
    np.testing.assert_allclose(layer.steepness, [[5], [1]])


def test_error_is_the_difference_from_the_reference():
    record = spectrum()
    np.testing.assert_allclose(record.error + record.reference, record.amplitudes)
    with pytest.raises(ValueError, match="reference=..."):
        _ = spectrum(reference=False).error


def test_log_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "deeper" / "log.rec"
    written(path, [0, 10, 20])
    record = records.load(path)
    assert record.steps.tolist() == [0, 10, 20]
    np.testing.assert_array_equal(record.amplitudes[:, 1], np.array([0, 10, 20]) * (1 + 1j))
    assert record.quantity == "solution" and record.bandwidth == 1.5
    np.testing.assert_array_equal(record.reference, CONSTANTS["reference"])


def test_log_cut_off_at_any_byte_of_its_last_row(tmp_path):
    path = tmp_path / "log.rec"
    written(path, [0, 10, 20])
    whole = path.read_bytes()
    size = ROW.itemsize + 4
    for cut in range(1, size + 1):
        path.write_bytes(whole[:-cut])
        assert records.load(path).steps.tolist() == [0, 10]
    # A last row that has its length and not its bytes, as a machine that died may leave it.
    path.write_bytes(whole[:-8] + bytes(8))
    assert records.load(path).steps.tolist() == [0, 10]


def test_log_damaged_in_the_middle_says_so(tmp_path):
    path = tmp_path / "log.rec"
    written(path, [0, 10, 20, 30])
    data = bytearray(path.read_bytes())
    data[-2 * ROW.itemsize] ^= 1  # in the third row of four
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="damaged after 2 rows"):
        assert records.load(path).steps.tolist() == [0, 10]


def test_log_with_a_damaged_header_is_refused(tmp_path):
    path = tmp_path / "log.rec"
    written(path, [0])
    data = path.read_bytes()
    for broken in (data[: len(records.MAGIC) + 3], data[:100], data[:60] + b"?" + data[61:]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="damaged header"):
            records.load(path)


def read_damaged(path):
    """What is read with a byte changed, every byte in one of three ways, or cut off at any; and
    how often it is refused."""
    content = path.read_bytes()
    found, refused = [], 0
    for i in range(len(content)):
        changed = bytearray(content)
        changed[i] ^= (0x01, 0x20, 0xFF)[i % 3]
        for damaged in (changed, content[:i]):
            path.write_bytes(damaged)
            try:
                found.append(records.load(path))
            except ValueError:
                refused += 1
    return found, refused


@pytest.mark.filterwarnings("ignore:.*is damaged after")
def test_every_byte_of_a_log_changed_and_every_truncation(tmp_path):
    """Refused, or rows that were written are what is read: nothing else."""
    path = tmp_path / "log.rec"
    written(path, [0, 10, 20])
    whole, size = records.load(path), path.stat().st_size
    several, refused = read_damaged(path)
    for found in several:
        n = len(found.steps)
        assert n <= 3
        kept = {name: getattr(whole, name)[:n] for name in ("steps", "seconds", "cost")}
        kept["amplitudes"] = whole.amplitudes[:n]
        assert_same(found, dataclasses.replace(whole, **kept))
    header = size - 3 * (ROW.itemsize + 4)
    assert refused == 2 * header  # a change of each byte, and all truncations within


def test_every_byte_of_a_saved_record_changed_and_every_truncation(tmp_path):
    path = tmp_path / "record.npz"
    record = spectrum(n_times=2)
    record.save(path)
    size = path.stat().st_size
    several, refused = read_damaged(path)
    for found in several:
        assert_same(found, record)
    assert refused > size


@pytest.mark.parametrize("content", [b"", b"neither", b"PK\x03\x04 nor this"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no record"):
        records.load(path)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="is no record"):
        records.load(tmp_path / "other.npz")


def test_log_is_continued_from_a_step(tmp_path):
    """Rows of steps that are done again go, and so does what a crash has cut off."""
    path = tmp_path / "log.rec"
    written(path, [0, 10, 20, 30])
    with open(path, "ab") as file:
        file.write(b"torn")
    written(path, [25], after=20)
    assert records.load(path).steps.tolist() == [0, 10, 20, 25]


def test_log_of_another_recording_is_not_continued(tmp_path):
    path = tmp_path / "log.rec"
    written(path, [0, 10])
    other = {**CONSTANTS, "wavenumbers": np.ones((3, 1))}
    with pytest.raises(ValueError, match="another recording"):
        written(path, [20], after=20, constants=other)
    assert records.load(path).steps.tolist() == [0, 10]
    path.write_bytes(b"a text of the user's")
    with pytest.raises(ValueError, match="left as it is"):
        written(path, [20], after=20)
    assert path.read_bytes() == b"a text of the user's"


def test_log_begun_anew_keeps_the_old_one_beside_it(tmp_path):
    path = tmp_path / "log.rec"
    written(path, [0, 10])
    written(path, [0])
    assert records.load(path).steps.tolist() == [0]
    assert records.load(tmp_path / "log.rec.old").steps.tolist() == [0, 10]


KILLED = """
import os, signal, sys
import numpy as np
sys.path.insert(0, "deepxde_repnet")  # by itself: it needs NumPy only
import records

types = [("steps", "<i8"), ("seconds", "<f8"), ("cost", "<f8")]
row = np.zeros(1, types + [(name, "<f8", (2, 1)) for name in ("slopes", "partition")])
box = {"lower": [0.0], "upper": [1.0]}
log = records.Log(sys.argv[1], records.FirstLayerRecord, box, row.dtype)
for step in range(3):
    row["steps"] = step
    log.append(row)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_log_of_a_process_that_is_killed(tmp_path):
    """What was appended is there although the process had no chance to close anything."""
    path = tmp_path / "log.rec"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    record = records.load(path)
    assert type(record) is FirstLayerRecord and record.upper.tolist() == [1.0]
    assert record.steps.tolist() == [0, 1, 2]
