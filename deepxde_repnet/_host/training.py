"""A training from outside: its optimizer, iterations, losses, and what it leaves behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import deepxde as dde
import numpy as np
from deepxde.optimizers.config import LBFGS_options

from .core import (
    as_list,
    backend_name,
    condition_name,
    conditions,
    geometry,
    in_time,
    layers,
    tf,
)
from .state import condition_points_now, only_points_drawn

# Whether the backend compiles a graph, whose constants are those of the first evaluation.
_traces = backend_name not in ("pytorch", "paddle")


def compiled_loss_weights(model: Any) -> list[float] | None:
    """The weights that a model was compiled with, if any."""
    weights = getattr(model, "loss_weights", None)
    return None if weights is None else [float(w) for w in np.asarray(weights).reshape(-1)]


def set_output_layer(model: Any, outputs: list[tuple[np.ndarray, float]]) -> None:
    """Set the coefficients and the bias of each output of a compiled model's network."""
    if backend_name == "jax":
        _set_output_layer_jax(model, outputs)
        return
    torch = dde.backend.torch
    last = layers(model.net)[-1]
    rows = [
        (layer, i)
        for layer in (last if isinstance(last, torch.nn.ModuleList) else [last])
        for i in range(layer.out_features)
    ]
    with torch.no_grad():
        for (layer, i), (kernel, bias) in zip(rows, outputs, strict=True):
            layer.weight[i].copy_(torch.as_tensor(kernel))
            layer.bias[i].fill_(bias)


def _set_output_layer_jax(model: Any, outputs: list[tuple[np.ndarray, float]]) -> None:
    # Flax names the layers of a list by their index, and those of a list of lists by both.
    tree = dict(model.net.params["params"])
    name = f"denses_{len(model.net.layer_sizes) - 2}"
    names = [name] if name in tree else [f"{name}_{j}" for j in range(len(outputs))]
    remaining = iter(outputs)
    for name in (n for n in names if n in tree):
        count = len(tree[name]["bias"])
        kernels, biases = zip(*[next(remaining) for _ in range(count)], strict=True)
        new = {"kernel": np.stack(kernels, axis=1), "bias": np.array(biases)}
        tree[name] = {
            key: dde.backend.as_tensor(values, dtype=tree[name][key].dtype)
            for key, values in new.items()
        }
    model.net.params = {"params": tree}
    model.params = [model.net.params, *model.params[1:]]  # what training goes on from


def compile_once(model: Any) -> None:
    """Compile a model that is not, without which DeepXDE cannot predict; it may be done anew."""
    if not is_compiled(model):
        model.compile("adam", lr=1e-3, verbose=0)


def is_compiled(model: Any) -> bool:
    """Whether ``Model.compile`` has been called."""
    return model.outputs is not None


def is_lbfgs(optimizer: Any) -> bool:
    """Whether this is the name of L-BFGS, which takes its iterations from DeepXDE's options."""
    return optimizer in ("L-BFGS", "L-BFGS-B")


def loops_lbfgs(model: Any) -> bool:
    """Whether training is one of DeepXDE's own loops around L-BFGS."""
    return backend_name != "jax" and is_lbfgs(model.opt_name)


def lbfgs_options() -> dict[str, Any]:
    """The options that ``dde.optimizers.set_LBFGS_options`` sets, not a copy."""
    options: dict[str, Any] = LBFGS_options
    return options


def optimizer_name(model: Any) -> str:
    """The optimizer that a model was compiled with, in words."""
    name = model.opt_name
    return name if isinstance(name, str) else type(name).__name__


def optimizer(model: Any) -> Any:
    """The optimizer that a compiled model trains with.

    On TensorFlow 2 DeepXDE keeps it nowhere but in the closure of its training step.
    """
    if backend_name != "tensorflow":
        return model.opt
    step = getattr(model.train_step, "python_function", model.train_step)
    cells = dict(zip(step.__code__.co_freevars, step.__closure__ or (), strict=True))
    return cells["opt"].cell_contents


def planned_iterations(model: Any, arguments: dict[str, Any]) -> int | None:
    """Iterations that a call of ``Model.train`` with these arguments will take at most."""
    if is_lbfgs(model.opt_name):
        at_once = int(LBFGS_options.get("iter_per_step", 1))
        return at_once * -(-int(LBFGS_options["maxiter"]) // at_once)
    given = arguments["iterations"]
    given = arguments.get("epochs") if given is None else given
    return None if given is None else int(given)


def limit_iterations(arguments: dict[str, Any], limit: int) -> None:
    """Have a call of ``Model.train`` take no more than so many iterations."""
    for name in ("iterations", "epochs"):
        if arguments.get(name) is not None:
            arguments[name] = min(arguments[name], limit)


@contextlib.contextmanager
def lbfgs_iterations(iterations: int | None = None, at_once: int | None = None) -> Iterator[None]:
    """L-BFGS with another number of iterations, and a look up from it once in so many.

    It has to hold for ``Model.compile`` and for ``Model.train``: which of the two reads the options
    depends on the backend. DeepXDE looks up on PyTorch and Paddle only.
    """
    before = dict(LBFGS_options)
    if iterations is not None:
        # A short line search more than they need, or the last one would look like convergence.
        LBFGS_options.update(maxiter=iterations, maxfun=int(1.25 * iterations) + 25)
    if "iter_per_step" in LBFGS_options:
        step = min(at_once or LBFGS_options["iter_per_step"], LBFGS_options["maxiter"])
        LBFGS_options.update(iter_per_step=step, fun_per_step=int(1.25 * step) + 25)
    try:
        yield
    finally:
        LBFGS_options.update(before)


# PyTorch's L-BFGS: DeepXDE calls it for up to 1000 iterations at once, and callbacks only between
# such passes. On the other backends it is one call.
def lbfgs_steps(model: Any) -> int:
    """Iterations of PyTorch's L-BFGS so far, which DeepXDE takes for those of the last train."""
    state = model.opt.state_dict()["state"]
    return int(state[0]["n_iter"]) if state else 0


def limit_lbfgs_pass(model: Any, length: int) -> None:
    """Let the next pass of PyTorch's L-BFGS have no more than ``length`` iterations, at least two.

    DeepXDE takes a pass of one iteration for convergence, and so none may be planned.
    """
    left = lbfgs_options()["maxiter"] - lbfgs_steps(model)
    model.opt.param_groups[0]["max_iter"] = left if 0 < left < length + 2 else max(length, 2)


def steps_taken(model: Any) -> int:
    """Iterations of a model so far, by its own count or, in the middle of L-BFGS, by that one's.

    It may be called from another thread while the model trains. With TensorFlow DeepXDE hands the
    whole of L-BFGS over at once, and nothing is known before its end.
    """
    if model.opt_name == "L-BFGS" and backend_name in ("pytorch", "paddle"):
        state = model.opt.state
        if backend_name == "pytorch":
            state = next(iter(dict(state).values()), {})
        return int(state.get("n_iter", 0))
    return int(model.train_state.step)


@dataclass(frozen=True)
class Standing:
    """How a model stood when DeepXDE last evaluated it.

    Attributes:
        step: Iteration at which that was; None before the first time.
        train, test: Parts of the two losses, weighted as compiled.
        metrics: Values of the compiled metrics.
    """

    step: int | None
    train: list[float]
    test: list[float]
    metrics: list[float]


def standing(model: Any) -> Standing:
    """What DeepXDE knew of a model's losses and metrics when it last evaluated them."""
    state, history = model.train_state, model.losshistory
    return Standing(
        int(history.steps[-1]) if history.steps else None,
        _numbers(state.loss_train),
        _numbers(state.loss_test),
        _numbers(state.metrics_test),
    )


def loss_history(model: Any) -> tuple[list[int], list[float]]:
    """(iterations, training losses summed over their parts) that DeepXDE has recorded."""
    history = model.losshistory
    return [int(s) for s in history.steps], [float(np.sum(part)) for part in history.loss_train]


def recorded_losses(model: Any) -> tuple[list[int], list[Any], list[Any]]:
    """What DeepXDE has recorded, not copies: iterations, and terms of training and test losses."""
    history = model.losshistory
    return history.steps, history.loss_train, history.loss_test


def training_inputs(model: Any) -> Any:
    """All inputs that a model trains on at present; once they are others, another object."""
    inputs = getattr(model.data, "train_x", None)
    return model.train_state.X_train if inputs is None else inputs


@dataclass(frozen=True)
class Inputs:
    """Where a loss is taken.

    Attributes:
        points: Different points, (N, d); where there are equations those inside, which have to
            resolve the solution, and not those of conditions.
        functions: Number of input functions if the points are those of an operator's outputs, and
            the test is at the same ones.
    """

    points: np.ndarray
    functions: int | None = None


def trained_and_tested(model: Any) -> tuple[Inputs, Inputs] | None:
    """Where the two losses are taken; None where the test is not a test of its own.

    That is where it is at points that are trained on, or that were the first ones (DeepXDE's own
    choice without ``num_test``); and once the points of conditions have been drawn anew, which it
    then takes the wrong values at.
    """
    data, tested = model.data, model.train_state.X_test
    trained = training_inputs(model)
    if getattr(data, "num_test", 0) is None or not _same_conditions(data, tested):
        return None
    if isinstance(trained, (tuple, list)):
        return _operator_inputs(trained, tested)
    equations = getattr(data, "train_x_all", None)
    count = sum(int(n) for n in getattr(data, "num_bcs", None) or [])
    found = trained if equations is None else equations, tested[count:]
    train, test = (np.unique(x, axis=0) for x in found)
    if train.ndim != 2 or 0 in (len(train), len(test)) or _among(test, train):
        return None
    if equations is not None:
        train = _inside(geometry(data), train)
    return Inputs(train.astype(float)), Inputs(test.astype(float))


def _inside(geom: Any, points: np.ndarray) -> np.ndarray:
    """The points that are neither on the boundary nor at the initial time, if there are any."""
    beside = geom.on_boundary(points)
    if in_time(geom):
        beside = beside | geom.on_initial(points)
    return points if beside.all() else points[~beside]


def _operator_inputs(trained: Any, tested: Any) -> tuple[Inputs, Inputs] | None:
    if len(trained) != 2 or len(tested) != 2:
        return None
    parts = zip(trained, tested, strict=True)
    functions, points = (
        [np.unique(np.reshape(x, (len(x), -1)), axis=0) for x in part] for part in parts
    )
    train, test = points
    if not _among(test, train):
        return Inputs(train), Inputs(test)
    number = len(functions[0])
    return None if _among(*functions[::-1]) else (Inputs(train, number), Inputs(test))


def _among(some: np.ndarray, others: np.ndarray) -> bool:
    """Whether all rows are among others."""
    if some.shape[1:] != others.shape[1:]:
        return False
    return {row.tobytes() for row in some} <= {row.tobytes() for row in others}


def draws_points_anew(model: Any) -> bool:
    """Whether one of DeepXDE's callbacks replaces the points from time to time."""
    return any(isinstance(c, dde.callbacks.PDEPointResampler) for c in callbacks(model))


def losses(model: Any) -> np.ndarray:
    """Every term of the training loss, as it is now, at the current training points."""
    state = model.train_state
    terms = model._outputs_losses(True, state.X_train, state.y_train, state.train_aux_vars)[1]
    return np.atleast_1d(np.asarray(terms, dtype=float))


def test_losses(model: Any) -> np.ndarray | None:
    """Every term of the test loss, as it is now, without weights where these can change.

    None where the loss at hand says nothing about the problem: where the points of a problem are
    not kept, where it draws more than points, and once the points of conditions have been drawn
    anew. DeepXDE's test points begin with the first ones, and it takes the values of conditions at
    the new ones then.
    """
    data = model.data
    if geometry(data) is not None and not only_points_drawn(data):
        return None
    batch = tuple(data.test())
    if not _same_conditions(data, batch[0]):
        return None
    inputs, targets, auxiliary = batch if len(batch) == 3 else (*batch, None)
    weights = model.loss_weights
    if not _traces:
        model.loss_weights = None
    try:
        terms = model._outputs_losses(False, inputs, targets, auxiliary)[1]
    finally:
        model.loss_weights = weights
    return np.atleast_1d(np.asarray(terms, dtype=float))


def _same_conditions(data: Any, tested: Any) -> bool:
    """Whether test points begin with the points that conditions have now."""
    points = condition_points_now(data)
    return points is None or np.array_equal(tested[: len(points)], points)


def traced_loss_weights(model: Any) -> list[float] | None:
    """The weights that are constants of the backend's graph, and so part of ``test_losses``."""
    return compiled_loss_weights(model) if _traces else None


@contextlib.contextmanager
def recorded_terms(model: Any) -> Iterator[list[Any]]:
    """The weighted terms of the training loss that is evaluated inside, each a tensor of its own.

    DeepXDE stacks them, and a gradient through the stack multiplies that of every other term by
    zero, which is NaN where it is infinite. A penalty on the parameters is not among them.
    """
    data, terms = model.data, list[Any]()
    before = vars(data).get("losses_train")
    own = data.losses_train

    def recording(*args: Any, **kwargs: Any) -> Any:
        found = own(*args, **kwargs)
        terms[:] = _weighted(model, as_list(found))
        return found

    data.losses_train = recording
    try:
        yield terms
    finally:
        del data.losses_train
        if before is not None:
            data.losses_train = before


def term_tensors(model: Any) -> list[Any]:
    """The weighted terms of the training loss in the graph of tensorflow.compat.v1."""
    stack = model.outputs_losses_train[1]
    if model.loss_weights is not None:
        stack = stack.op.inputs[0]  # DeepXDE has multiplied what it had stacked
    return _weighted(model, list(stack.op.inputs))


def _weighted(model: Any, terms: list[Any]) -> list[Any]:
    weights = compiled_loss_weights(model)
    if weights is None:
        return terms
    if len(weights) == 1:
        weights = weights * len(terms)
    # A penalty on the parameters may have a weight of its own, the last.
    return [weight * term for weight, term in zip(weights, terms, strict=False)]


def loss_names(model: Any, count: int) -> list[str]:
    """Names of the terms of the loss: equations, then conditions, then regularization."""
    given = conditions(model.data)
    extra = int(getattr(model.net, "regularizer", None) is not None and backend_name != "paddle")
    if backend_name == "pytorch" and extra and model.net.regularizer[0] != "l1":
        extra = 0  # weight decay of the optimizer
    n_equations = count - len(given) - extra
    kind = "PDE" if hasattr(model.data, "pde") else "target"
    names = [kind if n_equations == 1 else f"{kind} {i + 1}" for i in range(n_equations)]
    names += [condition_name(i, c) for i, c in enumerate(given, start=1)]
    return [*names, *["regularization"] * extra][:count]


def _numbers(values: Any) -> list[float]:
    return [] if values is None else [float(v) for v in np.ravel(values)]


def step(model: Any) -> int:
    """Number of training steps done, over all calls of ``Model.train``."""
    return int(model.train_state.step)


def session(model: Any) -> Any:
    """The model's session under tensorflow.compat.v1, else None."""
    return getattr(model, "sess", None)


def synchronize(model: Any) -> None:
    """Wait until the steps asked for are done: on an accelerator, and with JAX, they lag behind."""
    if backend_name == "jax":
        dde.backend.jax.block_until_ready(model.params)
    elif backend_name == "pytorch" and dde.backend.torch.cuda.is_available():
        dde.backend.torch.cuda.synchronize()
    elif backend_name == "paddle" and dde.backend.paddle.device.is_compiled_with_cuda():
        dde.backend.paddle.device.synchronize()
    elif backend_name == "tensorflow" and tf().config.list_physical_devices("GPU"):
        tf().test.experimental.sync_devices()


def callbacks(model: Any) -> list[Any]:
    """The callbacks of the training that runs, or of the last one."""
    return list(model.callbacks.callbacks) if model.callbacks is not None else []


def unknowns(model: Any) -> list[float]:
    """Present values of a model's external trainable variables, entry by entry."""
    variables = list(getattr(model, "external_trainable_variables", None) or [])
    if not variables:
        return []
    if backend_name == "tensorflow.compat.v1":
        arrays = model.sess.run(variables)
    else:
        held = [v.value if backend_name == "jax" else v for v in variables]
        arrays = [dde.backend.to_numpy(v) for v in held]
    return [float(value) for array in arrays for value in np.ravel(array)]
