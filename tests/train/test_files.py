"""The file of a checkpoint: what is damaged is not loaded, and what is written is whole."""

from __future__ import annotations

import errno
import io
import os
import pickle
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from deepxde_repnet.train import _files
from deepxde_repnet.train._files import Damaged, Lock, from_bytes, listed, newest, to_bytes, write

TREE = {
    "name": "a",
    "none": None,
    "loss": [1.5, float("inf"), True, np.float32(0.1), (1, 2)],
    "arrays": [np.arange(6.0).reshape(2, 3), np.zeros((0, 2), np.float32), np.array(3)],
    "history": [np.ones(3, np.float32), np.zeros(3, np.float32)],
    "numbered": {0: {"exp_avg": np.ones(2)}, 1: {}},
}


def same(a, b):
    assert type(a) is type(b), (a, b)
    if isinstance(b, dict):
        assert list(a) == list(b)
        for key in b:
            same(a[key], b[key])
    elif isinstance(b, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(b, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


def test_what_is_written_is_read():
    same(from_bytes(to_bytes(TREE)), TREE)


def test_arrays_can_be_changed():
    from_bytes(to_bytes({"a": np.zeros(3)}))["a"][0] = 1


def test_numpy_reads_it():
    with np.load(io.BytesIO(to_bytes(TREE)), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["0"], TREE["arrays"][0])


def test_every_byte_changed_and_every_truncation():
    content = to_bytes(TREE)
    for i in range(len(content)):
        for change in (0x01, 0x20, 0xFF):
            damaged = bytearray(content)
            damaged[i] ^= change
            with pytest.raises(Damaged):
                from_bytes(bytes(damaged))
        with pytest.raises(Damaged):
            from_bytes(content[:i])
        with pytest.raises(Damaged):
            from_bytes(content[i + 1 :])
    with pytest.raises(Damaged):
        from_bytes(content + b"\0")


def sealed(body: bytes) -> bytes:
    import hashlib

    body += _files._SEAL_TEXT.format(_files.FORMAT).encode()
    return body + hashlib.sha256(body).hexdigest().encode()


def test_nothing_is_executed():
    """A sealed archive with a pickle in it is refused before it is looked at."""

    class Bomb:
        def __reduce__(self):
            return os.mkdir, ("/nonexistent/bomb",)

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("state.json", '{"$array": 0}')
        with archive.open("0.npy", "w") as member:
            np.lib.format.write_array(member, np.array([Bomb()]), allow_pickle=True)
        archive.comment = b"0" * _files._SEAL_LENGTH
    assert pickle.dumps(Bomb()) is not None
    with pytest.raises(Damaged, match="not one of numbers"):
        from_bytes(sealed(file.getvalue()[: -_files._SEAL_LENGTH]))


def test_no_memory_for_what_is_not_there():
    """An array that says it is larger than the file is refused; a compressed member, too."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("state.json", '{"$array": 0}')
        with archive.open("0.npy", "w") as member:
            np.lib.format.write_array_header_1_0(
                member, {"shape": (10**15,), "fortran_order": False, "descr": "<f8"}
            )
        archive.comment = b"0" * _files._SEAL_LENGTH
    with pytest.raises(Damaged, match="not that of a checkpoint"):
        from_bytes(sealed(file.getvalue()[: -_files._SEAL_LENGTH]))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("state.json", " " * 10**6)
        archive.comment = b"0" * _files._SEAL_LENGTH
    with pytest.raises(Damaged, match="compressed"):
        from_bytes(sealed(file.getvalue()[: -_files._SEAL_LENGTH]))


def test_what_is_not_a_number_is_not_written():
    with pytest.raises(TypeError, match=r"state\.a\[0\] is of type function"):
        to_bytes({"a": [lambda: 0]})
    with pytest.raises(TypeError, match="array of object"):
        to_bytes({"a": np.array([object()])})


def test_a_later_format_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(_files, "FORMAT", 2)
    write(tmp_path, 1, {}, 3)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="format 2.*reads format 1"):
        newest(tmp_path)


def test_the_last_ones_are_kept_by_number(tmp_path):
    for step in (10, 20, 30, 5):  # the last goes back, as after a rollback
        write(tmp_path, step, {"step": step}, 3)
    assert [p.name for p in listed(tmp_path)] == [
        "00000004-step-5.npz",
        "00000003-step-30.npz",
        "00000002-step-20.npz",
    ]
    assert newest(tmp_path)[1] == {"step": 5}
    assert sorted(os.listdir(tmp_path)) == sorted(p.name for p in listed(tmp_path))


def test_nothing_to_read(tmp_path):
    assert newest(tmp_path) is None
    assert newest(tmp_path / "none") is None


def test_a_damaged_one_is_passed_over(tmp_path):
    write(tmp_path, 1, {"step": 1}, 3)
    path = write(tmp_path, 2, {"step": 2}, 3)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(RuntimeWarning, match="step-2.npz.*cut short.*00000001-step-1.npz is taken"):
        assert newest(tmp_path)[1] == {"step": 1}
    listed(tmp_path)[1].write_bytes(b"")
    with pytest.raises(ValueError, match="no checkpoint in .* can be read"):
        newest(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, call):
    write(tmp_path, 1, {"step": 1}, 1)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, 2, {"step": 2}, 1)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["00000001-step-1.npz"]


def test_a_file_larger_than_the_system_lets_it_be(tmp_path):
    """The same with an error of the system itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError) as caught:
            write(tmp_path, 1, {"a": np.zeros(10**5)}, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []


def test_the_lock_ends_with_its_process(tmp_path):
    holder = (
        "import sys, time; from pathlib import Path; from deepxde_repnet.train._files import Lock; "
        "lock = Lock(Path(sys.argv[1])); print(lock.take(), flush=True); time.sleep(60)"
    )
    # Not through the package, whose framework takes seconds to import.
    alone = holder.replace(
        "from deepxde_repnet.train._files import Lock",
        "import importlib.util as u; s = u.spec_from_file_location('f', sys.argv[2]); "
        "m = u.module_from_spec(s); s.loader.exec_module(m); Lock = m.Lock",
    )
    other = subprocess.Popen(
        [sys.executable, "-c", alone, str(tmp_path), _files.__file__],
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout.readline() == "True\n"
        (tmp_path / ".00000001-step-1.npz.abc.tmp").touch()
        lock = Lock(tmp_path)
        assert not lock.take()
        assert lock.holder() == str(other.pid)
        assert list(tmp_path.glob(".*.tmp")), "another's file was taken away"
        other.kill()
        other.wait()
    assert lock.take() and lock.take()
    assert not list(tmp_path.glob(".*.tmp")), "what a killed process left is still there"
    assert not Lock(tmp_path).take()
    lock.give_up()
    again = Lock(tmp_path)
    assert again.take()
    again.give_up()
