"""The edit that makes a swap permanent."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from cli.catalogue import CASES, SCRIPTS, files
from cli.support import command

from deepxde_repnet.cli.output import Failure
from deepxde_repnet.cli.rewrite import edit_of, edits

OURS = "import deepxde_repnet  # noqa: F401: puts RepFNN into deepxde.nn"


def rewritten(tmp_path, source: bytes) -> bytes:
    path = tmp_path / "script.py"
    path.write_bytes(source)
    edit = edit_of(path)
    return source if edit is None else edit.after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import deepxde\nnet = deepxde.nn.FNN(a)\n",
            "import deepxde\n{}\nnet = deepxde.nn.RepFNN(a)\n",
        ),
        ("import deepxde as d\nN = d.nn.FNN", "import deepxde as d\n{}\nN = d.nn.RepFNN"),
        ("import deepxde as d", "import deepxde as d"),
        (
            "from deepxde.nn import FNN\nFNN(a)\n",
            "{}\nfrom deepxde.nn import RepFNN as FNN\nFNN(a)\n",
        ),
        ("from deepxde.nn import FNN as F\n", "{}\nfrom deepxde.nn import RepFNN as F\n"),
        ("from deepxde import nn\nnn.FNN\n", "{}\nfrom deepxde import nn\nnn.RepFNN\n"),
        ("import deepxde.nn as m\nk = m\nk.FNN\n", "import deepxde.nn as m\n{}\nk = m\nk.RepFNN\n"),
        (
            "import deepxde as d; x = d.maps.FNN\n",
            "import deepxde_repnet; import deepxde as d; x = d.maps.RepFNN\n",
        ),
        (
            "def f():\n\timport deepxde as d\n\treturn d.nn.FNN\n",
            "def f():\n\timport deepxde as d\n\t{}\n\treturn d.nn.RepFNN\n",
        ),
        (
            "import deepxde as d\nx = d . nn \\\n  . FNN # FNN\n",
            "import deepxde as d\n{}\nx = d . nn \\\n  . RepFNN # FNN\n",
        ),
        (
            "import deepxde as d\nN = getattr(d.nn, 'FNN')\n",
            "import deepxde as d\n{}\nN = getattr(d.nn, 'RepFNN')\n",
        ),
        ("import torch.nn as nn\nnn.FNN\n", "import torch.nn as nn\nnn.FNN\n"),
        ("import deepxde as d\nd.nn.DeepONet\nFNN = 'd.nn.FNN'\n", None),
        (
            "import deepxde_repnet\nimport deepxde as d\nd.nn.FNN",
            "import deepxde_repnet\nimport deepxde as d\nd.nn.RepFNN",
        ),
    ],
)
def test_edit(tmp_path, before, after):
    wanted = before if after is None else after.format(OURS)
    assert rewritten(tmp_path, before.encode()).decode() == wanted


@pytest.mark.parametrize(
    ("coding", "end"),
    [
        *((coding, end) for coding in ("utf-8", "utf-8-sig") for end in ("\r\n", "\r", "\n")),
        *(("latin-1", end) for end in ("\r\n", "\n")),  # Python reads no such file with "\r"
    ],
)
def test_all_else_stays_byte_for_byte(tmp_path, coding, end):
    """Ends of lines, encodings, tabs, form feeds, trailing blanks, and letters before the name."""
    declared = "latin-1" if coding == "latin-1" else "utf-8"
    lines = [
        f"# -*- coding: {declared} -*-",
        "import deepxde as dde",
        "",
        "\tif 0: pass".strip(),
        "ä = 'é\x0cé'; net = dde.nn.FNN(ä)   # ö, \tFNN  ",
        "text = '''FNN",
        "  dde.nn.FNN'''",
    ]
    before = end.join(lines).encode(coding)
    after = rewritten(tmp_path, before)
    expected = list(lines)
    expected[4] = lines[4].replace("dde.nn.FNN", "dde.nn.RepFNN", 1)
    expected.insert(2, OURS)
    assert after == end.join(expected).encode(coding)


def test_diff_applies_and_write_does_the_same(tmp_path):
    """Of a script whose network is made by a package beside it; twice changes nothing more."""
    patched, written = tmp_path / "patched", tmp_path / "written"
    for folder in (patched, written):
        shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (written / "parts" / "networks.py").chmod(0o750)
    diff = command("swap", "--diff", "with_package.py", folder=patched)
    assert diff.returncode == 0 and "+++ b/parts/networks.py" in diff.stdout
    assert files(patched) == files(SCRIPTS)
    subprocess.run(["git", "apply"], input=diff.stdout, text=True, cwd=patched, check=True)
    done = command("swap", "--write", "with_package.py", folder=written)
    assert done.returncode == 0 and "parts/networks.py is changed" in done.stderr
    assert files(written) == files(patched) != files(SCRIPTS)
    assert (written / "parts" / "networks.py").stat().st_mode & 0o777 == 0o750
    again = command("swap", "--write", "with_package.py", folder=written)
    assert again.returncode == 1 and "nothing to change" in again.stderr


def test_every_script_is_found(tmp_path):
    for name in CASES:
        found = edits(str(SCRIPTS / name))
        assert found and all(edit.before != edit.after for edit in found), name


def test_what_is_no_python_is_left_alone(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("def f(:\n")
    with pytest.raises(Failure, match="is not Python"):
        edits(str(path))
