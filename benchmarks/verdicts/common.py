"""Short names for what DeepXDE scripts write again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import deepxde as dde
import numpy as np
from scipy.integrate import solve_ivp

pi = np.pi
sin, cos, exp = dde.backend.sin, dde.backend.cos, dde.backend.exp


def d1(y: Any, x: Any, axis: int = 0, component: int = 0) -> Any:
    """First derivative of a component of y along an axis."""
    return dde.grad.jacobian(y, x, i=component, j=axis)


def d2(y: Any, x: Any, axis: int = 0, component: int = 0) -> Any:
    """Second derivative."""
    return dde.grad.hessian(y[:, component : component + 1], x, i=axis, j=axis)


def laplacian(y: Any, x: Any, component: int = 0) -> Any:
    """In two dimensions."""
    return d2(y, x, 0, component) + d2(y, x, 1, component)


def columns(x: Any) -> list[Any]:
    """Coordinates of points, or outputs at them, each (N, 1)."""
    return [x[:, j : j + 1] for j in range(x.shape[1])]


def part(f: Callable[[Any], Any], component: int) -> Callable[[Any], Any]:
    """One component of a solution."""
    return lambda x: f(x)[:, component : component + 1]


def square() -> Any:
    return dde.geometry.Rectangle([0, 0], [1, 1])


def space_time(left: float, right: float, end: float) -> Any:
    return dde.geometry.GeometryXTime(
        dde.geometry.Interval(left, right), dde.geometry.TimeDomain(0, end)
    )


def boundary(_: Any, on_boundary: bool) -> bool:
    """The filter of a condition on the whole boundary."""
    return on_boundary


def initial(_: Any, on_initial: bool) -> bool:
    return on_initial


def side(axis: int, value: float) -> Callable[[Any, bool], bool]:
    """The filter of a condition on one side."""
    return lambda x, on_boundary: on_boundary and bool(np.isclose(x[axis], value))


def at_start(x: Any, _: bool) -> bool:
    """The filter of a condition at t = 0 that is no initial condition to DeepXDE."""
    return bool(np.isclose(x[-1], 0))


def value(geom: Any, f: Any, where: Any = boundary, component: int = 0) -> Any:
    """A Dirichlet condition, by a function or a number."""
    return dde.icbc.DirichletBC(geom, f if callable(f) else lambda _: f, where, component=component)


def start(geom: Any, f: Any, component: int = 0) -> Any:
    """An initial condition, by a function or a number."""
    return dde.icbc.IC(geom, f if callable(f) else lambda _: f, initial, component=component)


def operator(geom: Any, residual: Callable[[Any, Any], Any], where: Any) -> Any:
    """residual(x, y) = 0 where the filter says so."""
    return dde.icbc.OperatorBC(geom, lambda x, y, _: residual(x, y), where)


def periodic(geom: Any, axis: int, orders: tuple[int, ...] = (0, 1)) -> list[Any]:
    """The same values, and derivatives, on both sides."""
    return [dde.icbc.PeriodicBC(geom, axis, boundary, derivative_order=n) for n in orders]


def observed(x: Any, f: Callable[[Any], Any], component: int = 0, noise: float = 0.0) -> Any:
    """Values of f at points; the noise is normal and relative to their root mean square."""
    points = np.asarray(x, dtype=float)
    values = part(f, component)(points)
    noisy = values + noise * np.sqrt(np.mean(values**2)) * np.random.standard_normal(values.shape)
    return dde.icbc.PointSetBC(points, noisy, component=component)


def line(left: float, right: float, count: int) -> np.ndarray:
    return np.linspace(left, right, count)[:, None]


def script(geom: Any, pde: Any, conditions: Any, **options: Any) -> Any:
    """``dde.data.PDE`` or ``TimePDE`` with numbers of points as in small scripts."""
    if isinstance(geom, dde.geometry.GeometryXTime):
        counts = {"num_domain": 400, "num_boundary": 80, "num_initial": 80}
        return dde.data.TimePDE(geom, pde, conditions, **(counts | options))
    counts = {"num_domain": 200, "num_boundary": 2 if geom.dim == 1 else 80}
    return dde.data.PDE(geom, pde, conditions, **(counts | options))


def trajectory(f: Callable[[float, Any], Any], first: Any, end: float, method: str = "DOP853"):
    """Solution of y' = f(t, y) from t = 0 on, as a function of points (N, 1)."""
    found = solve_ivp(f, (0, end), first, method, dense_output=True, rtol=1e-12, atol=1e-13)
    return lambda x: found.sol(np.asarray(x)[:, 0]).T
