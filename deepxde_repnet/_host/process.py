"""DeepXDE's settings for the whole process."""

from __future__ import annotations

import sys
from typing import Any

import deepxde as dde

from .core import backend_name


def replace_networks(classes: dict[str, type]) -> None:
    """Have everyone who asks DeepXDE for these networks get the given classes.

    They are put wherever DeepXDE shows them. Its own operator networks keep what they are built of:
    they have imported it already.
    """
    folder = "deepxde.nn." + backend_name.replace(".", "_")
    for name in ("deepxde.nn", folder, folder + ".fnn"):
        module = sys.modules.get(name)
        for attribute, cls in classes.items():
            if module is not None and hasattr(module, attribute):
                setattr(module, attribute, cls)


def hold_seed(seed: int) -> None:
    """Set every random seed, and have the same set where a script asks for one of its own."""
    original = dde.config.set_random_seed

    def set_random_seed(_: int) -> None:
        original(seed)

    set_random_seed(seed)
    dde.config.set_random_seed = set_random_seed


def set_seed(seed: int) -> None:
    """Set the seeds of Python, NumPy and the backend."""
    dde.config.set_random_seed(seed)


def set_float(name: str) -> None:
    """Set DeepXDE's float type, by its name."""
    dde.config.set_default_float(name)


def float_name() -> str:
    """DeepXDE's float type, as ``dde.config.set_default_float`` takes it."""
    return "mixed" if dde.config.mixed else str(dde.config.default_float())


def version() -> str:
    """DeepXDE's version."""
    return str(dde.__version__)


def settings() -> dict[str, str]:
    """DeepXDE's version, backend, float type and kind of automatic differentiation."""
    return {
        "deepxde": str(dde.__version__),
        "backend": backend_name,
        "float": f"float{dde.config.real.precision}",
        "autodiff": str(dde.config.autodiff),
    }


def devices() -> list[str]:
    """The devices that the backend would use, in its own words; the first is its default."""
    if backend_name == "pytorch":
        cuda = dde.backend.torch.cuda
        found = [cuda.get_device_name(i) for i in range(cuda.device_count())]
    elif backend_name == "jax":
        found = [str(device) for device in dde.backend.jax.devices()]
    elif backend_name == "paddle":
        device = dde.backend.paddle.device
        found = [str(d) for d in device.get_available_device() if not str(d).startswith("cpu")]
    else:
        config = dde.backend.tf.config.experimental
        found = [device.name for device in config.list_physical_devices("GPU")]
    return found or ["CPU"]


def random_seeds() -> dict[str, Any]:
    """The seeds that DeepXDE keeps, beside the states of the generators."""
    return {
        name: getattr(dde.config, name)
        for name in ("random_seed", "jax_random_seed")
        if hasattr(dde.config, name)
    }


def set_random_seeds(seeds: dict[str, Any]) -> None:
    """Set what ``random_seeds`` gave."""
    for name, value in seeds.items():
        setattr(dde.config, name, value)


def set_rank(model: Any, rank: int) -> None:
    """Leave printing, saving and DeepXDE's figures to the process with rank 0."""
    dde.config.rank = rank
    if rank > 0:
        model.save = lambda save_path, *_, **__: f"{save_path}-{model.train_state.iteration}.pt"
        dde.saveplot = lambda *_, **__: None
