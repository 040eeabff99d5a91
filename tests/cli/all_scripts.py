"""One DeepXDE script that runs all others as the main program, each in a folder of its own.

For ``swap``, which then needs one process for all; ``benchmarks/swap_scripts.py`` gives each its
own. It writes which networks the models of each have, and its exit code, to ``outcome.json``.
"""

import contextlib
import io
import json
import os
import runpy
import sys

import deepxde as dde

names, calls = json.loads(sys.argv[1]), {}
home = os.getcwd()
models = []
original = dde.Model.__init__


def remember(self, data, net):
    models.append(type(net).__name__)
    original(self, data, net)


dde.Model.__init__ = remember
for name, arguments in names.items():
    models.clear()
    os.chdir(os.path.join(home, name.removesuffix(".py")))
    sys.argv = [name, *arguments]
    sys.path[0] = os.getcwd()
    code = 0
    try:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            runpy.run_path(name, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except Exception as error:
        code = f"{type(error).__name__}: {error}"
    calls[name] = {"code": code, "networks": list(models), "said": said.getvalue()[-200:]}
    dde.config.set_default_float("float32")
os.chdir(home)
with open("outcome.json", "w") as file:
    json.dump(calls, file)
