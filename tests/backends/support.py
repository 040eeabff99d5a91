"""What the checks share: small problems, and reading networks out."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import deepxde as dde
import numpy as np

import deepxde_repnet
from deepxde_repnet.theory import reference

BACKEND = dde.backend.backend_name
NETWORKS = {"FNN": deepxde_repnet.RepFNN, "PFNN": deepxde_repnet.RepPFNN}


def fresh() -> None:
    """Seeds, and the graph where there is one, as in a new process."""
    dde.grad.clear()
    if BACKEND == "tensorflow.compat.v1":
        dde.backend.tf.reset_default_graph()
    dde.config.set_random_seed(0)


def plain(*tensors: Any) -> Any:
    """Tensors as such: where functions are differentiated they come as (tensor, function)."""
    found = [t[0] if isinstance(t, tuple) else t for t in tensors]
    return found[0] if len(found) == 1 else found


def float_type() -> Any:
    return dde.config.real(np)


def points(n: int, lower: Sequence[float], upper: Sequence[float], seed: int = 0) -> np.ndarray:
    """Random points of a box, in the current float type."""
    x = np.random.default_rng(seed).uniform(lower, upper, (n, len(lower)))
    return x.astype(float_type())


def start(model: Any) -> None:
    """Initialise variables where DeepXDE does it only at the start of training."""
    if BACKEND == "tensorflow.compat.v1":
        model.sess.run(dde.backend.tf.global_variables_initializer())


def network(dim: int = 2, outputs: int = 1, **options: Any) -> Any:
    options.setdefault("seed", 1)
    return dde.nn.RepFNN([dim, 16, 16, outputs], "tanh", "Glorot uniform", **options)


def call(net: Any, x: np.ndarray) -> np.ndarray:
    """Evaluate a network outside of any model, as far as the backend can."""
    if BACKEND == "tensorflow.compat.v1":
        net.build()
        raise AssertionError("a network that is not calibrated was built")
    if BACKEND == "jax":
        y = net.apply(net.init(dde.backend.jax.random.PRNGKey(0), x), x)
    else:
        y = net(dde.backend.as_tensor(x))
    return dde.backend.to_numpy(y)


def weights(model: Any) -> Any:
    """The network's parameters, in NumPy."""
    return model.net.to_numpy(*([model.sess] if BACKEND == "tensorflow.compat.v1" else []))


def n_outputs(net: Any) -> int:
    last = net.given.layer_sizes[-1]
    return sum(last) if isinstance(last, tuple) else last


def fields(model: Any, x: np.ndarray, *, second: bool = True) -> reference.Fields:
    """Output, gradient and Hessian as DeepXDE gives them: ``predict`` with an operator."""
    n, dim, m = len(x), x.shape[1], n_outputs(model.net)
    pairs = [(j, k) for j in range(dim) for k in range(j, dim)] if second else []

    def operator(x: Any, y: Any) -> list[Any]:
        jacobian, hessian = dde.grad.jacobian, dde.grad.hessian
        first = [jacobian(y, x, i=i, j=j) for i in range(m) for j in range(dim)]
        seconds = [hessian(y, x, component=i, i=j, j=k) for i in range(m) for j, k in pairs]
        return [plain(t) for t in [y, *first, *seconds]]

    dde.grad.clear()
    value, *rest = (np.asarray(a, dtype=float) for a in model.predict(x, operator=operator))
    dde.grad.clear()
    gradient = np.concatenate(rest[: m * dim], axis=1).reshape(n, m, dim)
    hessian = np.zeros((n, m, dim, dim))
    for position, column in enumerate(rest[m * dim :]):
        i, (j, k) = position // len(pairs), pairs[position % len(pairs)]
        hessian[:, i, j, k] = hessian[:, i, k, j] = column[:, 0]
    return reference.Fields(value, gradient, hessian)


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float, what: str) -> None:
    """Equal within a tolerance relative to the largest entry."""
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    size = np.abs(expected).max()
    difference = np.abs(found - expected).max()
    assert difference <= tolerance * size, (
        f"{what}: differs by {difference / size:.1e} of its largest value, {tolerance:.0e} allowed"
    )


def assert_fields_close(
    found: reference.Fields, expected: reference.Fields, tolerance: float, *, second: bool = True
) -> None:
    assert_close(found.value, expected.value, tolerance, "values")
    assert_close(found.gradient, expected.gradient, tolerance, "first derivatives")
    if second:
        assert_close(found.hessian, expected.hessian, tolerance, "second derivatives")


@contextlib.contextmanager
def printed() -> Iterator[io.StringIO]:
    """What is printed inside."""
    buffer = io.StringIO()
    with contextlib.redirect_stdout(buffer):
        yield buffer


@contextlib.contextmanager
def warned(*parts: str) -> Iterator[None]:
    """Exactly one UserWarning of ours is given inside, and its text holds these parts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    ours = [str(w.message) for w in caught if "FNN" in str(w.message) or "Rep" in str(w.message)]
    assert len(ours) == 1, f"expected one warning, got {ours}"
    for part in parts:
        assert part in ours[0], f"{part!r} is not in: {ours[0]}"


@contextlib.contextmanager
def raises(kind: type[Exception], *parts: str) -> Iterator[None]:
    """An error of this kind is raised inside, and its text holds these parts."""
    try:
        yield
    except kind as error:
        for part in parts:
            assert part in str(error), f"{part!r} is not in: {error}"
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


def compiled(data: Any, net: Any, optimizer: str = "adam", **options: Any) -> tuple[Any, str]:
    """A compiled model ready for prediction, and the line in which the network said its choice."""
    model = dde.Model(data, net)
    if optimizer != "L-BFGS":
        options.setdefault("lr", 1e-3)
    with printed() as out:
        model.compile(optimizer, **options)
    start(model)
    return model, _announced(out)


def calibrated(data: Any, net: Any, **options: Any) -> str:
    """What ``Model.compile`` says, with the backend's own part left out: it takes the time."""
    model = dde.Model(data, net)
    setattr(model, f"_compile_{BACKEND.replace('.', '_')}", lambda *_: None)
    with printed() as out:
        model.compile("adam", lr=1e-3, **options)
    return _announced(out)


def _announced(out: io.StringIO) -> str:
    said = [line for line in out.getvalue().splitlines() if line.startswith(("Rep", "Fourier"))]
    assert len(said) <= 1, said
    _last[:] = said
    return said[0] if said else ""


#: What the last network said that was compiled here.
_last: list[str] = []


def wavenumber_said() -> np.ndarray:
    """The wavenumber in what the last network said, one for each coordinate or one for all."""
    found = re.search(r"wavenumber \(?([-0-9.e+, ]+)\)? rad per unit length", _last[0])
    assert found is not None, _last
    return np.array([float(part) for part in found[1].split(",")])


def train(model: Any, iterations: int | None = None, **options: Any) -> Any:
    """Train, with the losses kept at the start and at the end."""
    options.setdefault("display_every", 1000)
    return model.train(iterations=iterations, **options)


# -------------------------------------------------------------------------------------------------
# Problems


def sine_product(k: Sequence[float], x: Any, sin: Callable[[Any], Any] = np.sin) -> Any:
    """Product over the axes of sin(k_j x_j)."""
    result = sin(k[0] * x[:, 0:1])
    for j in range(1, len(k)):
        result = result * sin(k[j] * x[:, j : j + 1])
    return result


def poisson(k: Sequence[float], geometry: Any, n: int = 256, bcs: Any = (), **options: Any) -> Any:
    """Δu = f with the solution Π sin(k_j x_j); without conditions unless they are given."""

    def pde(x: Any, y: Any) -> Any:
        laplacian = sum(plain(dde.grad.hessian(y, x, i=j, j=j)) for j in range(len(k)))
        return laplacian + sum(c**2 for c in k) * sine_product(k, x, dde.backend.sin)

    return dde.data.PDE(geometry, pde, list(bcs), num_domain=n, **options)


def helmholtz(
    k: float = 4 * np.pi, n: int = 128, sign: float = 1, source: float | None = None, **options: Any
) -> Any:
    """-Δu - k²u = f on the unit square with the solution sin(kx) sin(ky).

    Args:
        sign: Before k²; with -1 nothing oscillates by itself.
        source: Wavenumber of f, k unless given; the solution is then another.
    """
    waves = (source or k, source or k)

    def pde(x: Any, y: Any) -> Any:
        laplacian = plain(dde.grad.hessian(y, x, i=0, j=0)) + plain(
            dde.grad.hessian(y, x, i=1, j=1)
        )
        force = k**2 * sine_product(waves, x, dde.backend.sin)
        return -laplacian - sign * k**2 * plain(y) - force

    return dde.data.PDE(dde.geometry.Rectangle([0, 0], [1, 1]), pde, [], num_domain=n, **options)


def hard_boundary(x: Any, y: Any) -> Any:
    """Zero on the boundary of the unit square."""
    return x[:, 0:1] * (1 - x[:, 0:1]) * x[:, 1:2] * (1 - x[:, 1:2]) * y


def features(x: Any) -> Any:
    """Two features of one coordinate: sin x and x²."""
    return dde.backend.concat([dde.backend.sin(x), x**2], 1)


def with_unknown(residual: Callable[[Any, Any, Any], Any], value: float) -> tuple[Any, Any]:
    """The PDE ``residual(x, y, unknown)`` in the backend's form, and the unknown."""
    unknown = dde.Variable(value)

    def pde(x: Any, y: Any) -> Any:
        return residual(x, y, unknown)

    def pde_of_jax(x: Any, y: Any, unknowns: Any = (value,)) -> Any:
        return residual(x, y, unknowns[0])

    return (pde_of_jax if BACKEND == "jax" else pde), unknown


def fit(x: np.ndarray, y: np.ndarray) -> Any:
    return dde.data.DataSet(X_train=x, y_train=y, X_test=x, y_test=y)
