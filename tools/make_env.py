"""Build an environment of this project, or leave it alone if it is up to date.

    python tools/make_env.py demo .venv-demo     PyTorch and the package
    python tools/make_env.py test .venv          all five backends and the tools of the tests
    python tools/make_env.py lowest .venv-lowest     the same in the lowest versions allowed
    python tools/make_env.py newest .venv-newest     the same in the newest that pip finds
    python tools/make_env.py freeze .venv        write constraints.txt from what .venv holds

PyTorch is installed first, in a call of its own, by the version constraints.txt pins: the build
that pip finds for it, for CPU or CUDA, then stays, because nothing resolved later asks for another.
pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, ...) are obeyed. Standard library only, and, as
in stage.py, nothing newer than Python 3.6.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys

import stage

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONSTRAINTS = "constraints.txt"
# An environment is brought up to date when one of these has changed.
INPUTS = ("pyproject.toml", CONSTRAINTS, os.path.join("tools", "make_env.py"))
# What the versions are taken from; the newest are left to pip.
VERSIONS = {"lowest": os.path.join("tools", "lowest.txt"), "newest": None}

# Pythons that every pinned version has wheels for; the package itself supports all from OLDEST.
PINNED = ((3, 11), (3, 13))
OLDEST = (3, 10)

# GB on disk with PyTorch's build for CPU; its build for CUDA takes about CUDA more.
SPACE = {"demo": 2, "test": 5, "lowest": 9, "newest": 9}
CUDA = 6

WHAT = {
    "demo": ("the package", ["-e", ".[pytorch]", "matplotlib"]),
    "test": ("all backends and the tools", ["-e", ".[all,cluster,earthquake,docs,dev]"]),
}
WHAT["lowest"] = WHAT["newest"] = WHAT["test"]

# Not in constraints.txt: pip and wheel, this package, and the CPU twin of tensorflow, which writes
# over the same files and which nothing here asks for.
NOT_PINNED = {"pip", "wheel", "deepxde-repnet", "tensorflow-cpu"}

HEADER = f"""\
# The whole environment of the tests, exactly, as it last passed them; for Python \
{".".join(map(str, PINNED[0]))} to {".".join(map(str, PINNED[1]))}.
#
# `make test` installs with it (-c constraints.txt), so that a new release of a dependency cannot
# break the tests by itself. Users get the ranges in pyproject.toml instead. Local version labels
# are left out: torch==X is met by the builds of X for CPU, CUDA and ROCm alike.
#
# To regenerate: make distclean; delete every line but torch's, and give that the version wanted;
# make test; make constraints.

"""


def dotted(version):
    return ".".join(map(str, version))


def python_of(venv):
    return os.path.join(venv, "bin", "python")


def version_in(venv):
    """(major, minor) of the Python in ``venv``; None where there is none that runs."""
    code = "import pip, sys; print(*sys.version_info[:2])"
    try:
        found = subprocess.check_output([python_of(venv), "-c", code], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, found.split()))


def pin(name, versions):
    """``name==version``, as the file ``versions`` has it; without one, the name."""
    if versions is None:
        return name
    with open(versions) as lines:
        for line in lines:
            if line.startswith(name + "=="):
                return line.strip()
    return stage.stop(versions, f"it does not pin {name}", f"add a line {name}==VERSION.")


def fingerprint(kind):
    """Changes when the environment has to be brought up to date, or was moved."""
    digest = hashlib.sha256(os.fsencode(f"{kind} {ROOT}"))
    versions = VERSIONS.get(kind)
    for name in INPUTS + ((versions,) if versions else ()):
        with open(name, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def space(kind):
    return (
        f"{SPACE[kind]} GB, and {CUDA} GB more where pip picks the build of PyTorch for CUDA, as "
        "it does on Linux unless its settings offer one for CPU"
    )


def advice(kind):
    """A function from what pip printed to what to do about its failure."""

    def what_to_do(printed):
        def said(*patterns):
            return any(re.search(pattern, printed, re.IGNORECASE) for pattern in patterns)

        if said("no space left on device", "disk quota exceeded"):
            return (
                f"free some disk space and run make again. This environment takes {space(kind)}. "
                "If only the temporary folder is full, set TMPDIR to another."
            )
        if said("certificate.verify.failed", "SSLError"):
            return (
                "pip does not trust the certificate it was shown, as happens behind some "
                "companies' proxies. Point PIP_CERT at the right certificates and run make again."
            )
        if said(
            "failed to establish a new connection",
            "NewConnectionError",
            "name resolution",
            "name or service not known",
            "network is unreachable",
            "connection (refused|reset|aborted|broken|timed out)",
            "timed out",
            "ProxyError",
            "IncompleteRead",
        ):
            return (
                "pip cannot reach its package index. Check the network (behind a proxy, "
                "HTTPS_PROXY; with a mirror, PIP_INDEX_URL) and run make again: it goes on where "
                "it stopped."
            )
        if said("ResolutionImpossible", "conflicting dependencies"):
            return (
                "the ranges in pyproject.toml and the pins in constraints.txt contradict each "
                "other. The lines above name the package: correct one of the two."
            )
        if said("no matching distribution", "could not find a version"):
            return (
                "there is no such version of the package named above for Python "
                f"{dotted(sys.version_info[:2])} on {platform.system()} {platform.machine()}. Try "
                f"another Python (make {kind} PYTHON=python3.11), or correct constraints.txt."
            )
        if said("permission denied"):
            return "make this folder writable, or work in a copy of it, and run make again."
        return "read the lines above, or the whole log that they are from, and run make again."

    return what_to_do


def check(kind, venv):
    """Stop where this machine cannot do; else the version of the Python in ``venv``, or None."""
    mine = sys.version_info[:2]
    oldest, newest = (OLDEST, (4, 0)) if kind == "demo" else PINNED
    if not oldest <= mine <= newest:
        upto = " or newer" if kind == "demo" else f" to {dotted(newest)}"
        upto += ", for which constraints.txt has its pins" if kind == "test" else ""
        stage.stop(
            "Python",
            f"{sys.executable} is {dotted(mine)}; make {kind} needs {dotted(oldest)}{upto}",
            f"name another one: make {kind} PYTHON=python3.11",
        )
    there = version_in(venv)
    if there is None:
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            stage.stop(
                "Python",
                f"{sys.executable} cannot make environments: its venv module is not installed",
                "on Debian and Ubuntu, sudo apt install python3-venv "
                f"(or python{dotted(mine)}-venv); elsewhere, install Python with its ensurepip.",
            )
        free = shutil.disk_usage(os.path.dirname(os.path.abspath(venv))).free / 1e9
        if free < SPACE[kind]:
            stage.stop(
                "disk",
                f"{free:.1f} GB are free; {venv} takes {space(kind)}",
                "free some, or put the environment on another disk: make "
                f"{kind} {kind.upper() + '_' if kind != 'test' else ''}VENV=FOLDER",
            )
    elif there != mine:
        stage.stop(
            venv,
            f"it was made with Python {dotted(there)}, and {sys.executable} is {dotted(mine)}",
            f"remove {venv}, or go on with its Python: make {kind} PYTHON=python{dotted(there)}",
        )
    return there


def make(kind, venv):
    """Build the environment, in two installations, unless its stamp says that it is up to date."""
    there = check(kind, venv)
    stamp = os.path.join(venv, "up-to-date")
    wanted = fingerprint(kind)
    if there and os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == wanted:
                return
        os.remove(stamp)  # only an installation that gets through writes it again

    log = os.path.join(venv, "logs", "install.log")
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    }
    env.update(PYTHONNOUSERSITE="1", PIP_DISABLE_PIP_VERSION_CHECK="1")

    def do(name, *command):
        stage.run(f"{venv}: {name}", log, advice(kind), list(command), env)

    install = [python_of(venv), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    # Only the demo gets here with a Python that the pins are not for: the ranges have to do.
    pinned = PINNED[0] <= sys.version_info[:2] <= PINNED[1]

    versions = VERSIONS.get(kind, CONSTRAINTS)
    torch = pin("torch", versions)
    print(f"Building {venv}; what pip says is in {log}")
    if there is None:
        shutil.rmtree(venv, ignore_errors=True)
        do("create", sys.executable, "-m", "venv", venv)
    do(torch, *install, torch, "setuptools>=77")
    name, requirements = WHAT[kind]
    constraints = ["-c", versions] if pinned and versions else []
    do(name, *install, *constraints, "--no-build-isolation", *requirements)
    with open(stamp, "w") as file:
        file.write(wanted)


def freeze(venv):
    """Write constraints.txt from what is installed in ``venv``."""
    command = [python_of(venv), "-m", "pip", "freeze", "--all", "--exclude-editable"]
    pins = []
    for line in subprocess.check_output(command).decode().splitlines():
        found = re.match(r"([\w.-]+)==([^+]+)", line)
        if found and re.sub(r"[-_.]+", "-", found.group(1)).lower() not in NOT_PINNED:
            pins.append("{}=={}\n".format(*found.groups()))
    with open(CONSTRAINTS, "w") as out:
        out.writelines([HEADER, *sorted(pins, key=str.lower)])
    print(f"{CONSTRAINTS}: {len(pins)} pins")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in (*WHAT, "freeze"):
        sys.exit(__doc__)
    os.chdir(ROOT)
    if sys.argv[1] == "freeze":
        freeze(sys.argv[2])
    else:
        make(sys.argv[1], sys.argv[2])
