"""Do RepFNN and RepPFNN compute on a GPU what they compute on the CPU? (PyTorch)

    python benchmarks/gpu_check.py [--output docs/_tables/gpu_check.txt]

Each network is made from one seed in two processes, one on CUDA and one on the CPU, and compared
in float32 and in float64: values, first and second derivatives, and the loss after 20 steps of
Adam. Says plainly when there is no GPU, and exits with 0 then; exits with 1 where they differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CASES = [
    (name, parameterization, precision)
    for name in ("RepFNN", "RepPFNN")
    for parameterization in ("shift", "scaled", "log-scale")
    for precision in ("float32", "float64")
]
#: Largest relative difference that rounding explains; float32 without TF32.
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}


def compute(path: str) -> None:
    """Run every case on this process's default device and store the arrays."""
    import deepxde as dde
    import torch

    import deepxde_repnet
    from examples.pinn_forward import helmholtz_2d

    device = torch.get_default_device().type
    arrays = {}
    for name, parameterization, precision in CASES:
        dde.config.set_default_float(precision)
        dde.config.set_random_seed(0)
        sizes = [2, 64, 64, 1] if name == "RepFNN" else [2, [32, 32], [32, 32], 2]
        net = getattr(deepxde_repnet, name)(
            sizes, "tanh", "Glorot uniform", parameterization=parameterization, seed=1
        )
        net.apply_output_transform(helmholtz_2d.hard_boundary)
        model = dde.Model(helmholtz_2d.problem(per_axis=22), net)
        model.compile("adam", lr=1e-3, verbose=0)
        x = np.random.default_rng(2).random((200, 2)).astype(precision)
        key = f"{name} {parameterization} {precision}"

        def derivatives(x, y):
            first = dde.grad.jacobian(y, x, i=0)
            second = [dde.grad.hessian(y, x, component=0, i=i, j=1) for i in (0, 1)]
            return torch.cat([first, *second], dim=1)

        arrays[f"{key} values"] = model.predict(x)
        found = model.predict(x, operator=derivatives)
        arrays[f"{key} gradient"], arrays[f"{key} second derivatives"] = found[:, :2], found[:, 2:]
        model.train(iterations=20, verbose=0)
        arrays[f"{key} loss"] = np.atleast_1d(np.sum(model.train_state.loss_train))
        assert all(p.device.type == device for p in net.parameters()), "a parameter was left behind"
    label = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    np.savez(path, **arrays)
    print(json.dumps({"device": device, "label": label, "torch": torch.__version__}))


def run(hide_gpu: bool, path: str) -> dict:
    environment = os.environ | {"DDE_BACKEND": "pytorch", "PYTHONPATH": str(ROOT)}
    if hide_gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    command = [sys.executable, __file__, "--compute", path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"the networks failed to run:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file that the report is also written to")
    parser.add_argument("--compute", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.compute:
        compute(arguments.compute)
        return 0
    import torch

    if not torch.cuda.is_available():
        report(["No GPU here: PyTorch sees no CUDA device, so nothing was compared."], arguments)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        gpu_file, cpu_file = os.path.join(folder, "gpu.npz"), os.path.join(folder, "cpu.npz")
        gpu, cpu = run(False, gpu_file), run(True, cpu_file)
        on_gpu, on_cpu = np.load(gpu_file), np.load(cpu_file)
        lines = [f"{gpu['label']} against {cpu['label']}, PyTorch {gpu['torch']}", ""]
        failed = 0
        for key in on_cpu.files:
            a, b = on_gpu[key].astype(float), on_cpu[key].astype(float)
            difference = np.linalg.norm(a - b) / np.linalg.norm(b)
            right = difference <= TOLERANCE["float64" if "float64" in key else "float32"]
            failed += not right
            lines.append(f"{key:<48} {difference:8.1e}  {'ok' if right else 'DIFFERS'}")
    lines += ["", f"{len(on_cpu.files) - failed} of {len(on_cpu.files)} agree."]
    report(lines, arguments)
    return 1 if failed else 0


def report(lines: list[str], arguments: argparse.Namespace) -> None:
    print("\n".join(lines))
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
