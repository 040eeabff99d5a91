"""Features and pointwise differential operators on PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from .. import _host
from ..spec import Array
from .features import Axes, Features, Jet, tanh_polynomial, with_axis
from .linear import COUPLED, EQUAL_WEIGHTS, ROUND_OFF, Linear, NotPointwise

#: Whether y[:, 1] of one column is taken for its last, without an error.
CLAMPS = False


def asarray(values: Array) -> torch.Tensor:
    """A NumPy array in float64 on the default device."""
    return torch.tensor(np.asarray(values, dtype=float), device=torch.get_default_device())


def to_numpy(tensor: torch.Tensor) -> Array:
    """A tensor as a NumPy array."""
    return np.asarray(tensor.cpu().numpy())


def bytes_free() -> float | None:
    """Free memory of the default device; None where that is the processor's."""
    device = torch.get_default_device()
    return float(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else None


# Arrays like a given one: on its device, of its type.


def zeros(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    return like.new_zeros(shape)


def ones(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    return like.new_ones(shape)


def eye(n: int, m: int, like: torch.Tensor) -> torch.Tensor:
    return torch.eye(n, m, dtype=like.dtype, device=like.device)


allclose, cat, diagonal = torch.allclose, torch.cat, torch.diagonal
norm, where = torch.linalg.vector_norm, torch.where


def add_rows(target: torch.Tensor, rows: torch.Tensor, values: torch.Tensor) -> None:
    """Add values[p] to target[rows[p]], in place; rows may repeat."""
    target.index_add_(0, rows, values)


def triangle(matrix: torch.Tensor) -> torch.Tensor:
    """R of the QR decomposition; the matrix may be overwritten."""
    return torch.linalg.qr(matrix, mode="r")[1]


def gram(matrix: torch.Tensor) -> torch.Tensor:
    """``matrixᵀ @ matrix``."""
    if matrix.device.type == "cpu":
        values = matrix.numpy()
        return torch.from_numpy(values.T @ values)  # NumPy uses that it is symmetric
    return matrix.T @ matrix


def cholesky(matrix: torch.Tensor) -> torch.Tensor | None:
    """The upper triangle F of ``matrix = Fᵀ F``; None where it is not positive definite."""
    factor, failed = torch.linalg.cholesky_ex(matrix, upper=True)
    return None if failed else factor


def svd(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """U, s, Vᵀ of a square matrix."""
    left, sizes, right = torch.linalg.svd(matrix)
    return left, sizes, right


def solve_triangular(upper: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """X of ``upper @ X = right``."""
    return torch.linalg.solve_triangular(upper, right, upper=True)


def activation(identifier: Any) -> Callable[[torch.Tensor, int], torch.Tensor]:
    """(z, r) -> σ^(r)(z); in closed form for tanh and sin, else by automatic differentiation.

    Where z requires its gradient, that is σ^(r+1)(z) in the same form.
    """
    derivative = _derivatives(identifier)

    def evaluate(z: torch.Tensor, order: int) -> torch.Tensor:
        if not z.requires_grad:
            return derivative(z, order)
        result: torch.Tensor = _Activated.apply(z, derivative, order)
        return result

    return evaluate


def _derivatives(identifier: Any) -> Callable[[torch.Tensor, int], torch.Tensor]:
    name = identifier.lower() if isinstance(identifier, str) else None
    if name == "sin":
        return _sine
    if name == "tanh":
        return _tanh
    function = _host.activation(identifier)
    return lambda z, order: _differentiated(function, order)(z)


class _Activated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, derivative: Any, order: int) -> Any:
        ctx.save_for_backward(z)
        ctx.derivative, ctx.order = derivative, order
        return derivative(z.detach(), order)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        (z,) = ctx.saved_tensors
        # So that it can be differentiated once more.
        return gradient * _Activated.apply(z, ctx.derivative, ctx.order + 1), None, None


def _sine(z: torch.Tensor, order: int) -> torch.Tensor:
    value = torch.cos(z) if order % 2 else torch.sin(z)
    return -value if order % 4 in (2, 3) else value


def _tanh(z: torch.Tensor, order: int) -> torch.Tensor:
    """Derivatives of t = tanh z are polynomials P_r(t), with P_{r+1} = P_r' (1 - t²)."""
    t = torch.tanh(z)
    if order == 0:
        return t
    # 1 - t² cancels where |t| is near 1, and every derivative has that factor.
    e = torch.exp(-2 * z.abs())
    slope = 4 * e / (1 + e) ** 2
    value = torch.zeros_like(t)
    for coefficient in reversed(tanh_polynomial(order).coef):
        value = value * t + coefficient
    return slope * value


def _differentiated(function: Any, order: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """The derivative of an elementwise function, of any order."""

    def derivative(z: torch.Tensor) -> torch.Tensor:
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            values = function(z)
            for _ in range(order):
                values = _gradient(values, z)
        return values.detach()

    return derivative


def transformed(transform: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Jet:
    """The derivatives of an input transform at points x."""
    x = x.detach().requires_grad_()

    @cache
    def derivative(axes: Axes) -> torch.Tensor:
        if not axes:
            return transform(x)
        lower = derivative(axes[1:])
        columns = [_gradient(column, x)[:, axes[0]] for column in lower.unbind(1)]
        return torch.stack(columns, dim=1)

    def jet(axes: Axes) -> torch.Tensor:
        with torch.enable_grad():
            return derivative(axes).detach()

    return jet


def _gradient(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """d(sum of values)/dx, to be differentiated again; zero where nothing depends on x."""
    if not values.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(values.sum(), x, create_graph=True, allow_unused=True)
    return torch.zeros_like(x) if gradient is None else gradient


def applied(transform: Any, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """An output transform, not to be differentiated."""
    with torch.no_grad():
        result: torch.Tensor = transform(x, u)
    return result


class Field:
    """The network's output at points x as a tensor that DeepXDE can differentiate.

    The output and its derivatives are independent unknowns here. Each is a leaf of the graph, and
    differentiating one with respect to x, however that is done (``dde.grad``,
    ``torch.autograd.grad``, of the output or of anything computed from it), leads to the leaf of
    the next derivative. So a residual becomes a function of the leaves, by the user's own code.

    Args:
        x: Points, (N, d), a leaf that requires its gradient.
        value: axes -> the values of that derivative, (N, m).

    Attributes:
        leaves: By axes, what has been asked for.
    """

    def __init__(self, x: torch.Tensor, value: Callable[[Axes], torch.Tensor]) -> None:
        self.x, self._value = x, value
        self.leaves: dict[Axes, torch.Tensor] = {}
        # While coefficients are read off, nothing is to be differentiated along x.
        self.closed = False
        # The only axis along which anything is being differentiated, where that is known.
        self.direction: int | None = None

    def derivative(self, axes: Axes = ()) -> torch.Tensor:
        """The field or a derivative of it, (N, m)."""
        if axes not in self.leaves:
            self.leaves[axes] = self._value(axes).detach().requires_grad_()
        result: torch.Tensor = _Derivative.apply(self.x, self.leaves[axes], self, axes)
        return result

    def differentiated(self, axes: Axes, j: int) -> torch.Tensor:
        """A derivative of ``derivative(axes)``, along axis j."""
        return self.derivative(with_axis(axes, j))


class _Derivative(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, leaf: torch.Tensor, field: Field, axes: Axes) -> Any:
        ctx.field, ctx.axes = field, axes
        return leaf.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        field = ctx.field
        if field.closed:
            return None, gradient, None, None
        along = [
            (gradient * field.differentiated(ctx.axes, j)).sum(1)
            if field.direction in (None, j)
            else gradient.new_zeros(len(gradient))
            for j in range(field.x.shape[1])
        ]
        return torch.stack(along, dim=1), gradient, None, None


class Equations:
    """A problem's equations, to be linearised at several sets of points.

    Args:
        residuals: (points, x, u, variables) -> residuals, where x is ``points`` as a tensor.
        transform, variables: See ``linearise``.
    """

    def __init__(
        self,
        residuals: Callable[[Array, torch.Tensor, torch.Tensor, Any], list[torch.Tensor]],
        transform: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None,
        variables: tuple[torch.Tensor, ...],
    ) -> None:
        self._residuals, self._transform, self._variables = residuals, transform, variables

    def linearise(
        self, points: Array, x: torch.Tensor, value: Callable[[Axes], torch.Tensor]
    ) -> list[Linear]:
        """See the function ``linearise``."""
        residuals = lambda x, u: self._residuals(points, x, u, self._variables)  # noqa: E731
        return linearise(residuals, x, value, self._transform, self._variables)


def parameter_gradients(
    features: Features,
    x: torch.Tensor,
    slopes: Mapping[Axes, torch.Tensor],
    coefficients: Sequence[torch.Tensor],
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Gradients in the hidden layers of ``g(x) = Σ_A Σ_i c_A,i D_A u_i``, point by point.

    With ``u_i = h·β_i + b_i`` and ``D_B z = D_B h_in K`` (plus the bias where B is empty) in a
    layer of kernel K, one reverse pass from Σ_p g(x_p) to all ``D_B z`` gives their adjoints
    ``Z_B`` at every point, since no point depends on another. Then

        ∂g/∂K = Σ_B (D_B h_in)ᵀ Z_B,    ∂g/∂bias = Z_().

    Args:
        features: Their kernels and biases are the parameters.
        x: Points (N, d).
        slopes: c_A by axes, (N, m).
        coefficients: β_i of each output, (n,).

    Returns:
        For each hidden layer in the order of ``features.levels`` the gradients (N, inputs + 1, n),
        the bias's last, and for each output i the features ``Σ_A c_A,i D_A h`` themselves, (N, n).
    """
    inputs: dict[tuple[int, int], dict[Axes, torch.Tensor]] = {}
    ridges: dict[tuple[int, int], dict[Axes, torch.Tensor]] = {}

    def watch(level: int, branch: int, inner: Jet, z: Jet) -> Jet:
        here, there = inputs.setdefault((level, branch), {}), ridges.setdefault((level, branch), {})

        @cache
        def jet(axes: Axes) -> torch.Tensor | None:
            value, into = z(axes), inner(axes)
            if value is None or into is None:
                return None
            # One row for each point, also where all are the same: each has its own adjoint.
            value = value.expand(len(x), -1)
            if not value.requires_grad:
                value = value.clone().requires_grad_()
            here[axes], there[axes] = into.detach().expand(len(x), -1), value
            return value

        return jet

    with torch.enable_grad():
        evaluated = features.at(x, watch)
        combined = [
            evaluated.combine(branch, {axes: c[:, i : i + 1] for axes, c in slopes.items()})
            for i, branch in enumerate(features.branch_of_output)
        ]
        total = torch.stack([(h @ b).sum() for h, b in zip(combined, coefficients, strict=True)])
        flat = [(key, axes, z) for key, jets in ridges.items() for axes, z in jets.items()]
        adjoints = torch.autograd.grad(total.sum(), [z for *_, z in flat], allow_unused=True)
    found: dict[tuple[int, int], torch.Tensor] = {
        (level, branch): x.new_zeros((len(x), kernel.shape[0] + 1, kernel.shape[1]))
        for level, layers in enumerate(features.levels)
        for branch, (kernel, _) in enumerate(layers)
    }
    for (key, axes, _), adjoint in zip(flat, adjoints, strict=True):
        if adjoint is None:
            continue
        found[key][:, :-1].addcmul_(inputs[key][axes][:, :, None], adjoint[:, None, :])
        if not axes:
            found[key][:, -1] += adjoint
    return list(found.values()), [h.detach() for h in combined]


def linearise(
    residuals: Callable[[torch.Tensor, torch.Tensor], list[torch.Tensor]],
    x: torch.Tensor,
    value: Callable[[Axes], torch.Tensor],
    transform: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    variables: tuple[torch.Tensor, ...] = (),
) -> list[Linear]:
    """Residuals and their derivatives in the field, its x-derivatives and other unknowns.

    Args:
        residuals: (x, u) -> residuals, each (R,) or (R, k); u is (N, m).
        x: Points (N, d).
        value: axes -> current values of the field's derivative, (N, m).
        transform: The network's output transform, or None.
        variables: Other unknowns, scalars or arrays.

    Returns:
        One for each column of each residual.

    Raises:
        NotPointwise: If a row of a residual depends on several points, other than a row for each
            pair of points that no other row depends on (periodic conditions).
    """
    x = x.detach().clone().requires_grad_()
    field = Field(x, value)
    u = field.derivative()
    if transform is not None:
        u = transform(x, u)
    found = residuals(x, u)
    if any(r.ndim == 2 and r.shape[1] == 0 for r in found):
        raise ValueError("a residual has no columns: it takes an output that is not there.")
    field.closed = True
    columns = [c for r in found for c in (r.reshape(len(r), -1).unbind(1) if r.ndim else [r[None]])]
    return [_linearised(c, field, variables) for c in columns]


def _linearised(column: torch.Tensor, field: Field, variables: Any) -> Linear:
    count = sum(v.numel() for v in variables)
    n_rows, n_points = len(column), len(field.x)
    empty = column.new_zeros((n_rows, count))
    if not column.requires_grad:
        return Linear(column.detach(), {}, None, empty)
    leaves = dict(field.leaves)

    def pulled(weights: torch.Tensor) -> dict[Axes, torch.Tensor]:
        gradients = torch.autograd.grad(
            column, list(leaves.values()), weights, retain_graph=True, allow_unused=True
        )
        return {a: g for a, g in zip(leaves, gradients, strict=True) if g is not None}

    ones = torch.ones_like(column)
    slopes = {a: g for a, g in pulled(ones).items() if bool((g != 0).any())}
    # A row that depends on one point only, and a point that matters to one row only, answer any
    # weights of the rows with the weight of that row.
    generator = torch.Generator(device=column.device).manual_seed(0)
    probe = 0.5 + torch.rand(n_rows, generator=generator, dtype=column.dtype, device=column.device)
    probed = pulled(probe)
    rows = None
    if n_rows != n_points:
        numbered = pulled(torch.arange(1, n_rows + 1).to(column))
        rows = _rows(slopes, numbered, n_points, n_rows)
    weights = probe if rows is None else probe[rows]
    # Also where the slope is zero: the sum over all rows is, of differences between points.
    expected = {
        axes: weights[:, None] * slopes[axes] if axes in slopes else torch.zeros_like(answer)
        for axes, answer in probed.items()
    }
    if not _agree(probed, expected, slopes, {}):
        # Where the terms of a slope cancel, near a solution, their round-off is all that there is.
        noise: dict[Axes, float] = {}
        for weight in EQUAL_WEIGHTS:
            for axes, answer in pulled(weight * ones).items():
                error = answer / weight - slopes.get(axes, 0.0)
                noise[axes] = max(noise.get(axes, 0.0), float(error.nan_to_num().abs().max()))
        if not _agree(probed, expected, slopes, noise):
            raise NotPointwise
    return Linear(column.detach(), slopes, rows, _in_variables(column, variables, empty))


def _agree(
    probed: dict[Axes, torch.Tensor],
    expected: dict[Axes, torch.Tensor],
    slopes: dict[Axes, torch.Tensor],
    noise: dict[Axes, float],
) -> bool:
    """Whether rows answer weights as rows of one point do; ``noise`` is round-off by axes."""
    for axes, answer in probed.items():
        # NaN is told elsewhere, with the equation's name.
        size = float(slopes[axes].nan_to_num().abs().max()) if axes in slopes else 0.0
        least = 1e-12 * size + ROUND_OFF * noise.get(axes, 0.0)
        if not torch.allclose(answer, expected[axes], rtol=COUPLED, atol=least, equal_nan=True):
            return False
    return True


def _rows(
    slopes: dict[Axes, torch.Tensor],
    numbered: dict[Axes, torch.Tensor],
    n_points: int,
    n_rows: int,
) -> torch.Tensor:
    """Row of each point, from the answers to the weights 1, 2, ..., R; 0 where it has none."""
    rows = torch.zeros(n_points, dtype=torch.long)
    for axes, slope in slopes.items():
        for one, number in zip(slope.T, numbered[axes].T, strict=True):
            found = (number / one).cpu()
            # Of a slope that is round-off, the quotient is no row's number.
            there = (found - found.round()).abs() < 1e-3
            rows[there] = found[there].round().long() - 1
    return (
        rows.clamp(min=0, max=n_rows - 1).to(next(iter(slopes.values())).device) if slopes else rows
    )


def _in_variables(column: torch.Tensor, variables: Any, empty: torch.Tensor) -> torch.Tensor:
    """dr/dθ for all rows, by differentiating the product vᵀ dr/dθ in v."""
    if not variables:
        return empty
    v = torch.ones_like(column).requires_grad_()
    products = torch.autograd.grad(
        column, variables, v, create_graph=True, retain_graph=True, allow_unused=True
    )
    columns = []
    for variable, product in zip(variables, products, strict=True):
        for k in range(variable.numel()):
            entry = None if product is None else product.reshape(-1)[k]
            if entry is None or not entry.requires_grad:
                columns.append(torch.zeros_like(column))
            else:
                (g,) = torch.autograd.grad(entry, v, retain_graph=True, allow_unused=True)
                columns.append(torch.zeros_like(column) if g is None else g.detach())
    return torch.stack(columns, dim=1)
