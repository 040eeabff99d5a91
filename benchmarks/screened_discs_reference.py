"""Finite elements for ``examples/solve/screened_discs_2d.py``, which has no exact solution.

    pip install scikit-fem
    python benchmarks/screened_discs_reference.py

Quadratic triangles with curved (isoparametric) edges on the discs. A mesh made for them is refined
by halving, each time with the new boundary points moved onto the circles. Two things are shown: how
far the solution of each mesh is from that of the finest, and, with the same code, the error of each
mesh for another right-hand side and boundary values whose exact solution is known, which would find
a mistake that all meshes share. Points, values and these figures go to
``examples/solve/screened_discs_2d.npz``.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import Delaunay

os.environ.setdefault("DDE_BACKEND", "pytorch")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.solve import screened_discs_2d  # noqa: E402

try:
    import skfem
    from skfem.helpers import dot, grad
except ImportError:
    sys.exit("This needs scikit-fem: pip install scikit-fem")

logging.getLogger("skfem").setLevel(logging.ERROR)  # it tells of every array that it copies
CENTERS = np.array([center for center, _ in screened_discs_2d.DISCS])
RADII = np.array([radius for _, radius in screened_discs_2d.DISCS])
FILE = ROOT / "examples" / "solve" / "screened_discs_2d.npz"
Function = Callable[[np.ndarray], np.ndarray]  # of points (N, 2)


def distances(p: np.ndarray) -> np.ndarray:
    """From points (N, 2) to each circle (N, 4), negative inside."""
    return np.linalg.norm(p[:, None] - CENTERS, axis=2) - RADII


def on_square(p: np.ndarray) -> np.ndarray:
    return np.isclose(np.abs(p).max(axis=1), 1, rtol=0, atol=1e-9)


def first_mesh(h: float) -> skfem.MeshTri:
    """Triangles with sides of about h: a hexagonal lattice, and points along every boundary."""
    side = np.linspace(-1, 1, round(2 / h) + 1)[:-1]
    ones = np.ones_like(side)
    edges = [(side, -ones), (ones, side), (-side, ones), (-ones, -side)]
    boundary = [np.stack(edge, axis=1) for edge in edges]
    for center, radius in zip(CENTERS, RADII, strict=True):
        # On small circles more closely, so that the first triangles follow them.
        n = max(round(2 * np.pi * radius / h), 24)
        angle = 2 * np.pi * np.arange(n) / n
        boundary.append(center + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    rows = np.arange(-1, 1, h * np.sqrt(3) / 2)
    columns = np.arange(-1 - h, 1 + h, h)
    lattice = np.concatenate(
        [np.stack([columns + h / 2 * (i % 2), 0 * columns + y], axis=1) for i, y in enumerate(rows)]
    )
    # Further from the boundary than half an edge, so that Delaunay keeps the edges.
    keep = (np.abs(lattice).max(axis=1) < 1 - 0.6 * h) & (distances(lattice) > 0.6 * h).all(axis=1)
    p = np.concatenate([*boundary, lattice[keep]])
    t = Delaunay(p).simplices
    t = t[(distances(p[t].mean(axis=1)) > 0).all(axis=1)]
    return skfem.MeshTri(p.T, t.T)


def onto_circles(p: np.ndarray) -> np.ndarray:
    """Move boundary points (N, 2) onto the nearest circle; those of the square stay."""
    nearest = np.abs(distances(p)).argmin(axis=1)
    ray = p - CENTERS[nearest]
    ray *= (RADII[nearest] / np.linalg.norm(ray, axis=1))[:, None]
    return np.where(on_square(p)[:, None], p, CENTERS[nearest] + ray)


def halved(mesh: skfem.MeshTri) -> skfem.MeshTri:
    mesh = mesh.refined()
    p, nodes = mesh.p.copy(), mesh.boundary_nodes()
    p[:, nodes] = onto_circles(p[:, nodes].T).T
    return skfem.MeshTri(p, mesh.t)


class Curved(skfem.MeshTri2):
    """Triangles with quadratic edges on the circles, and the triangle in which a point lies."""

    def element_finder(self, mapping=None):
        # The same one as with straight edges: those bend into the triangle, away from the disc.
        finder = skfem.MeshTri(self.doflocs[:, : self.t.max() + 1], self.t).element_finder()

        def find(x, y):
            # scikit-fem compares all points with all triangles near one of them.
            parts = range(0, len(x), 50)
            return np.concatenate([finder(x[i : i + 50], y[i : i + 50]) for i in parts])

        return find


def curved(mesh: skfem.MeshTri) -> Curved:
    """The same triangles with quadratic edges on the circles."""
    bent = Curved.from_mesh(mesh)
    points = bent.doflocs.copy()
    middles = skfem.Basis(bent, skfem.ElementTriP2()).dofs.facet_dofs[0, bent.boundary_facets()]
    points[:, middles] = onto_circles(points[:, middles].T).T
    return Curved(points, bent.t)


@skfem.BilinearForm
def operator(u, v, _):
    return dot(grad(u), grad(v)) + 64 * u * v


def solve(mesh: skfem.MeshTri, source: Function, boundary: Function, x: np.ndarray) -> np.ndarray:
    """Values (N, 1) at points x (N, 2) of the solution of -Δu + 64u = source."""
    basis = skfem.Basis(curved(mesh), skfem.ElementTriP2(), intorder=6)

    @skfem.LinearForm
    def load(v, w):
        p = w.x.reshape(2, -1).T
        return source(p).reshape(w.x.shape[1:]) * v

    nodes = basis.get_dofs().all()
    values = basis.zeros()
    values[nodes] = boundary(basis.doflocs[:, nodes].T)[:, 0]
    system = skfem.condense(operator.assemble(basis), load.assemble(basis), x=values, D=nodes)
    return (basis.probes(x.T) @ skfem.solve(*system))[:, None]


def scattered(num: int, seed: int = 0) -> np.ndarray:
    """Random points (num, 2) of the domain."""
    x = np.random.default_rng(seed).uniform(-1, 1, (4 * num, 2))
    return x[screened_discs_2d.geometry().inside(x)][:num]


def problem_source(p: np.ndarray) -> np.ndarray:
    return screened_discs_2d.source(p, np.sin)


def problem_boundary(p: np.ndarray) -> np.ndarray:
    return np.where(on_square(p), 0.2, 1.0)[:, None]


def known(p: np.ndarray) -> np.ndarray:
    """A solution that oscillates as the source of the problem does, for other boundary values."""
    return np.sin(np.pi * p[:, 0:1] + 0.3) * np.sin(4 * np.pi * p[:, 1:2] + 0.5)


def known_source(p: np.ndarray) -> np.ndarray:
    return (17 * np.pi**2 + 64) * known(p)


def compute(h: float, levels: int, num_points: int) -> dict[str, np.ndarray]:
    """Values at scattered points, and how the meshes compare."""
    x = scattered(num_points)
    mesh, found, triangles, known_errors = first_mesh(h), [], [], []
    for level in range(levels):
        if level:
            mesh = halved(mesh)
        triangles.append(mesh.nelements)
        found.append(solve(mesh, problem_source, problem_boundary, x))
        exact = known(x)
        off = solve(mesh, known_source, known, x) - exact
        known_errors.append(np.linalg.norm(off) / np.linalg.norm(exact))
    u = found[-1]
    changes = [np.linalg.norm(coarse - u) / np.linalg.norm(u) for coarse in found[:-1]]
    return {
        "x": x,
        "u": u,
        "triangles": np.array(triangles),
        "relative_to_finest": np.array(changes),
        "error_for_known_solution": np.array(known_errors),
    }


def report(results: dict[str, np.ndarray]) -> None:
    print(f"{'triangles':>10}{'to the finest':>18}{'known solution':>18}   relative L2")
    changes = [f"{change:.1e}" for change in results["relative_to_finest"]] + ["-"]
    errors = [f"{error:.1e}" for error in results["error_for_known_solution"]]
    for n, change, error in zip(results["triangles"], changes, errors, strict=True):
        print(f"{n:>10}{change:>18}{error:>18}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=0.05, help="sides of the first triangles")
    parser.add_argument("--levels", type=int, default=4, help="meshes, the finest is kept")
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--output", type=Path, default=FILE)
    arguments = parser.parse_args()
    results = compute(arguments.size, arguments.levels, arguments.points)
    report(results)
    np.savez_compressed(arguments.output, **results)
    print(f"{len(results['u'])} values in {arguments.output.name}")


if __name__ == "__main__":
    main()
