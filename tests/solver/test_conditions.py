"""solve(): what conditions give and where they hold."""

import deepxde as dde
import numpy as np
import pytest
import torch

import deepxde_repnet
from deepxde_repnet import _host
from deepxde_repnet._host.normals import has_normal

LINE = dde.geometry.Interval(0, 1)
SQUARE = dde.geometry.Rectangle([0, 0], [1, 1])
STRIP = dde.geometry.GeometryXTime(LINE, dde.geometry.TimeDomain(0, 1))
SOME = np.random.default_rng(0).uniform(0.1, 0.9, (9, 2))


def laplace(x, u):
    return dde.grad.hessian(u, x, i=0, j=0) + dde.grad.hessian(u, x, i=1, j=1)


def anywhere(x, on):
    return on


def left(x, on):
    return on and np.isclose(x[0], 0)


def right(x, on):
    return on and np.isclose(x[0], 1)


def flat(x):
    """What a script returns by mistake: (N,)."""
    return np.cos(x[:, 1])


WITH_WRONG_SHAPES = {
    "dirichlet": (lambda: dde.icbc.DirichletBC(SQUARE, flat, left), r"f\(x\)\[:, None\]"),
    "neumann": (lambda: dde.icbc.NeumannBC(SQUARE, flat, left), r"f\(x\)\[:, None\]"),
    "robin": (lambda: dde.icbc.RobinBC(SQUARE, lambda x, y: y[:, 0], left), r"\[:, None\]"),
    "initial": (lambda: dde.icbc.IC(STRIP, flat, lambda x, on: on), r"f\(x\)\[:, None\]"),
    "several columns": (lambda: dde.icbc.DirichletBC(SQUARE, lambda x: x, left), "N by 1"),
    "a row": (lambda: dde.icbc.NeumannBC(SQUARE, lambda x: flat(x)[None], left), r"\[:, None\]"),
    "point set": (lambda: dde.icbc.PointSetBC(SOME, flat(SOME)), r"values\[:, None\]"),
    "values of two": (lambda: dde.icbc.PointSetBC(SOME, SOME), r"values must be a column"),
    "operator": (
        lambda: dde.icbc.OperatorBC(SQUARE, lambda x, y, X: y - x[:, 0], left),
        r"y\[:, 0:1\]",
    ),
    "operator at points": (
        lambda: dde.icbc.PointSetOperatorBC(SOME, flat(SOME)[:, None], lambda x, y, X: y[:, 0]),
        r"y\[:, 0:1\]",
    ),
    "interface": (
        lambda: dde.icbc.Interface2DBC(SQUARE, flat, left, right),
        r"f\(x\)\[:, None\]",
    ),
}


@pytest.mark.parametrize("name", WITH_WRONG_SHAPES)
def test_a_condition_that_is_no_column_is_named(name):
    make, mend = WITH_WRONG_SHAPES[name]
    condition = make()
    if name == "initial":
        conditions = [dde.icbc.DirichletBC(STRIP, lambda x: 0, anywhere), condition]
        data = dde.data.TimePDE(STRIP, laplace, conditions, 50, 20, num_initial=20)
    else:
        conditions = [dde.icbc.DirichletBC(SQUARE, lambda x: 0, anywhere), condition]
        data = dde.data.PDE(SQUARE, laplace, conditions, 50, 20)
    named = rf"condition 2 \({type(condition).__name__}\)"
    with pytest.raises(ValueError, match=rf"{named}.*{mend}"):
        deepxde_repnet.solve(data, verbose=0)


def test_two_ends_of_an_interval_are_a_table_too():
    condition = dde.icbc.DirichletBC(LINE, lambda x: x[:, 0], anywhere)
    data = dde.data.PDE(LINE, lambda x, u: dde.grad.hessian(u, x), condition, 20, 2)
    with pytest.raises(ValueError, match=r"shape \(2, 2\) at 2 points.*column, \(2, 1\)"):
        deepxde_repnet.solve(data, verbose=0)


@pytest.mark.parametrize(
    "pde",
    [
        lambda x, u: laplace(x, u) - x[:, 0],
        lambda x, u: laplace(x, u).T,
        lambda x, u: laplace(x, u).mean(),
    ],
)
def test_an_equation_that_is_no_column_is_named(pde):
    data = dde.data.PDE(SQUARE, pde, dde.icbc.DirichletBC(SQUARE, lambda x: 0, anywhere), 50, 20)
    with pytest.raises(ValueError, match=r"PDE gives a residual of shape .*y\[:, 0:1\]"):
        deepxde_repnet.solve(data, verbose=0)


def test_what_fails_by_itself_is_named():
    condition = dde.icbc.DirichletBC(SQUARE, lambda x: np.ones((3, 1)), left)
    data = dde.data.PDE(SQUARE, laplace, condition, 50, 20)
    with pytest.raises(ValueError, match=r"with one, condition 1 \(DirichletBC\) said: Runtime"):
        deepxde_repnet.solve(data, verbose=0)


def test_residuals_without_columns_and_of_all_outputs_are_right():
    def pde(x, u):
        # (N,), and of both outputs at once
        first = dde.grad.hessian(u, x, component=0)[:, 0] + torch.sin(np.pi * x[:, 0]) * np.pi**2
        return [first, u - torch.sin(np.pi * x)]

    condition = dde.icbc.OperatorBC(LINE, lambda x, y, X: y[:, 0], anywhere)
    points = np.linspace(0.1, 0.9, 5)[:, None]
    both = dde.icbc.PointSetBC(points, np.sin(np.pi * points), component=[0, 1])
    data = dde.data.PDE(LINE, pde, [condition, both], 20, 2)
    solution = deepxde_repnet.solve(data, tol=1e-6, verbose=0)
    assert solution.converged
    x = np.linspace(0, 1, 50)[:, None]
    np.testing.assert_allclose(solution.predict(x)[:, 0], np.sin(np.pi * x)[:, 0], atol=1e-5)
    assert np.isin(["PDE", "condition 1 (OperatorBC)"], list(solution.equations)).all()
    assert _host.real(np) == np.float32


def at_corners(points, corners=((0, 0), (0, 1), (1, 0), (1, 1))):
    return np.any([np.isclose(points, corner).all(axis=1) for corner in corners], axis=0)


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize(
    "condition",
    [
        dde.icbc.DirichletBC(LINE, lambda x: 0, anywhere),
        dde.icbc.OperatorBC(LINE, lambda x, y, X: y, lambda x, on: True),
    ],
)
def test_excluded_points_belong_to_no_condition(condition, even):
    excluded = [np.array([0.0])]
    data = dde.data.PDE(LINE, laplace, condition, 20, 2, exclusions=excluded)
    with _host.seeded(0):
        points = _host.condition_points(data, condition, 50, even)
    assert len(points) and not np.isclose(points, 0).any() and np.isclose(points, 1).any()


def test_excluded_points_belong_to_no_pair():
    condition = dde.icbc.Interface2DBC(SQUARE, lambda x: np.zeros((len(x), 1)), left, right)
    for excluded, lost in ([], 0), ([[0.0, 0.5]], 1), ([[0.0, 0.5], [1.0, 0.5], [1.0, 0.75]], 2):
        data = dde.data.PDE(SQUARE, laplace, [], 20, 20, exclusions=np.array(excluded))
        points = _host.condition_points(data, condition, 16, even=True)
        first, second = np.split(points, 2)
        # Of 16 pairs that at the corners has no normals.
        assert len(first) == 15 - lost
        np.testing.assert_allclose(first[:, 1], second[:, 1])
        assert not any(np.isclose(points, one).all(axis=1).any() for one in excluded)


def test_excluded_points_belong_to_no_periodic_pair():
    condition = dde.icbc.PeriodicBC(LINE, 0, left)
    for end in (0.0, 1.0):
        excluded = [np.array([end])]
        data = dde.data.PDE(LINE, laplace, [], 20, 2, exclusions=excluded)
        assert len(_host.condition_points(data, condition, 16, even=True)) == 0


def test_a_singular_point_of_a_condition_can_be_excluded():
    def pole(x):
        with np.errstate(all="ignore"):
            return np.where(x[:, :1] < 1, x[:, :1], np.inf)

    def pde(x, u):
        return dde.grad.hessian(u, x)

    conditions = [
        dde.icbc.DirichletBC(LINE, pole, anywhere),
        dde.icbc.PointSetBC(np.array([[0.5]]), np.array([[0.5]])),
    ]
    data = dde.data.PDE(LINE, pde, conditions, 20, 2, exclusions=[np.array([1.0])])
    solution = deepxde_repnet.solve(data, verbose=0)
    np.testing.assert_allclose(solution.predict(np.array([[0.25]])), 0.25, atol=1e-5)


L_SHAPE = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
TRIANGLE = [(0, 0), (1, 0.125), (0.25, 1)]
DISC = dde.geometry.Disk([1, 1], 0.5)
CORNERS = {
    "square": (SQUARE, [(0, 0), (1, 0), (0, 1), (1, 1)]),
    "triangle": (dde.geometry.Triangle(*TRIANGLE), TRIANGLE),
    "polygon": (dde.geometry.Polygon(L_SHAPE), L_SHAPE),
    "union": (SQUARE | DISC, [(0, 0), (1, 0), (1, 0.5), (0.5, 1)]),
    "difference": (SQUARE - DISC, [(0, 0), (1, 0), (1, 0.5), (0.5, 1)]),
    "intersection": (SQUARE & DISC, [(1, 1), (1, 0.5), (0.5, 1)]),
    "cuboid": (dde.geometry.Cuboid([0, 0, 0], [1, 2, 3]), [(0, 0, 1.1), (1, 0.3, 3), (1, 2, 3)]),
    "in time": (
        dde.geometry.GeometryXTime(SQUARE, dde.geometry.TimeDomain(0, 1)),
        [(0, 0, 0.3), (1, 0, 0), (0, 1, 1)],
    ),
    "smooth": (dde.geometry.StarShaped([0, 0], 1, [0.2, 0.1], [0.1, 0.1]), []),
    "ball": (dde.geometry.Sphere([0, 5, 0], 2), []),
    "interval": (LINE, []),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners_and_edges_have_no_normal_and_all_else_has(name):
    geometry, corners = CORNERS[name]
    with _host.seeded(0):
        points = geometry.random_boundary_points(100).astype(float)
    away = [np.abs(points - np.array(c)).max(axis=1) > 0.01 for c in corners]
    points = points[np.all(away, axis=0)] if away else points
    assert has_normal(geometry, points).all()
    if corners:
        found = has_normal(geometry, np.vstack([np.array(corners, float), points]))
        np.testing.assert_array_equal(found, np.arange(len(found)) >= len(corners))


def test_a_cloud_of_points_keeps_them_all():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]], dtype=np.float32)
    cloud = dde.geometry.PointCloud(points, points[:2], np.array([[-1.0, 0.0], [1.0, 0.0]]))
    assert has_normal(cloud, points[:2].astype(float)).all()


@pytest.mark.parametrize(
    ("geometry", "sides"),
    [
        (SQUARE, lambda x, on: on and (np.isclose(x[0], 0) or np.isclose(x[0], 1))),
        (dde.geometry.Polygon(L_SHAPE), lambda x, on: on and not np.isclose(x[1], 0)),
    ],
)
def test_corners_do_not_stand_in_the_way_of_normal_derivatives(geometry, sides):
    def exact(x):
        return np.cos(np.pi * x[:, 0:1]) * np.cosh(np.pi * x[:, 1:2]) / np.cosh(np.pi)

    def slope(x):
        wave = np.pi * np.sin(np.pi * x[:, 0:1]) * np.cosh(np.pi * x[:, 1:2])
        rise = np.pi * np.cos(np.pi * x[:, 0:1]) * np.sinh(np.pi * x[:, 1:2])
        with np.errstate(all="ignore"):
            normal = geometry.boundary_normal(x)
        return (np.hstack([-wave, rise]) * normal).sum(1, keepdims=True) / np.cosh(np.pi)

    others = dde.icbc.DirichletBC(geometry, exact, lambda x, on: on and not sides(x, on))
    if geometry is SQUARE:
        slope = lambda x: np.zeros((len(x), 1))  # noqa: E731
    conditions = [dde.icbc.NeumannBC(geometry, slope, sides), others]
    data = dde.data.PDE(geometry, laplace, conditions, 100, 40)
    solution = deepxde_repnet.solve(data, tol=1e-7, max_features=600, verbose=0)
    assert solution.converged, str(solution)
    with _host.seeded(1):
        x = geometry.random_points(300).astype(float)
    assert np.abs(solution._values(x) - exact(x)).max() < 1e-6 * np.abs(exact(x)).max() * 10


def test_pairs_with_a_corner_are_left_out():
    condition = dde.icbc.Interface2DBC(SQUARE, lambda x: np.zeros((len(x), 1)), left, right)
    data = dde.data.PDE(SQUARE, laplace, condition, 20, 20, train_distribution="uniform")
    points = _host.condition_points(data, condition, 16, even=True)
    assert len(points) >= 28 and not at_corners(points).any()


def test_the_scripts_corners_are_left_out_too():
    condition = dde.icbc.NeumannBC(SQUARE, lambda x: np.zeros((len(x), 1)), anywhere)
    value = dde.icbc.DirichletBC(SQUARE, lambda x: 0, anywhere)
    data = dde.data.PDE(SQUARE, laplace, [condition, value], 20, 40, train_distribution="uniform")
    _, slopes, values = _host.script_points(data)
    assert at_corners(values).sum() >= 4 and len(slopes) == 36 and not at_corners(slopes).any()


def at_zero(x, on):
    return np.isclose(x[0], 0)


@pytest.mark.parametrize("anchored", [True, False])
def test_a_condition_at_a_point_inside(anchored):
    """u' = -u / 100 with u(0) = 1, where 0 is an anchor or one of the evenly spaced points."""
    geometry = dde.geometry.Interval(-300, 300)

    def pde(x, u):
        return dde.grad.jacobian(u, x) + u / 100

    condition = dde.icbc.DirichletBC(geometry, lambda x: np.ones((len(x), 1)), at_zero)
    if anchored:
        data = dde.data.PDE(geometry, pde, condition, 50, 2, anchors=np.zeros((1, 1)))
    else:
        data = dde.data.PDE(geometry, pde, condition, 49, 2, train_distribution="uniform")
    solution = deepxde_repnet.solve(data, tol=1e-6, verbose=0)
    assert solution.converged and solution.equations["condition 1 (DirichletBC)"] == 1
    x = np.linspace(-100, 100, 30)[:, None]
    np.testing.assert_allclose(solution.predict(x), np.exp(-x / 100), rtol=1e-4)


def test_anchors_belong_to_a_condition_beside_the_boundary():
    condition = dde.icbc.DirichletBC(LINE, lambda x: 0, lambda x, on: on or np.isclose(x[0], 0.25))
    data = dde.data.PDE(LINE, laplace, condition, 20, 2, anchors=np.array([[0.25], [0.5]]))
    points = _host.condition_points(data, condition, 20, even=True)
    np.testing.assert_allclose(points, [[0], [0.25], [1]])


def test_a_condition_inside_has_points_there():
    condition = dde.icbc.DirichletBC(SQUARE, lambda x: 0, lambda x, on: x[0] < 0.5)
    data = dde.data.PDE(SQUARE, laplace, condition, 20, 20)
    with _host.seeded(0):
        points = _host.condition_points(data, condition, 50, even=True)
    on = SQUARE.on_boundary(points)
    assert (points[:, 0] < 0.5).all() and on.sum() > 20 and (~on).sum() > 20


def test_a_point_inside_that_is_excluded_is_none():
    condition = dde.icbc.DirichletBC(LINE, lambda x: 0, lambda x, on: np.isclose(x[0], 0.25))
    at = np.array([[0.25]])
    data = dde.data.PDE(LINE, laplace, condition, 20, 2, anchors=at, exclusions=at)
    assert len(_host.condition_points(data, condition, 20, even=True)) == 0
