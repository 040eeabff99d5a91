"""Solving a DeepXDE problem by least squares on RepNet features."""

from __future__ import annotations

import importlib
from typing import Any

from .solution import Solution


def solve(
    problem: Any,
    tol: float = 1e-6,
    *,
    external_trainable_variables: Any = None,
    loss_weights: Any = None,
    max_features: int | None = None,
    seed: int = 0,
    verbose: int = 1,
    parameters: str = "output",
    points: str = "own",
    wavenumber: Any = None,
    output_transform: Any = None,
    start: Any = None,
    seconds: float | None = None,
) -> Solution:
    """Solve a DeepXDE problem by linear least squares, or Gauss-Newton where it is not linear.

    The hidden layer of a RepNet is taken as fixed features of the coordinates; the output layer is
    found from the residuals of the equations and of all conditions, in float64, at points that are
    drawn from the problem's own geometry. The problem is not changed.

    It runs on PyTorch and on JAX. DeepXDE has no conditions on derivatives (Neumann, Robin, ...)
    with JAX, and so they cannot be solved with there.

    Args:
        problem: A ``dde.data.PDE`` or ``dde.data.TimePDE``: family (tanh or sin), slope scale
            along each axis and number of features are then chosen by the residual at points that
            are not fitted. Or a ``dde.Model`` whose network is a ``RepFNN`` or ``RepPFNN``: its
            last hidden layer gives the features, and its output layer is set to the solution. Of a
            model with another network only the output transform is taken, and features are chosen.
        tol: Relative residual at unseen points at which growing stops, if the error that is then
            to be expected is small too.
        external_trainable_variables: The ``dde.Variable`` or list of them that are unknown too,
            as in ``Model.compile``; they are set to what is found. With JAX their values come in
            the third argument of the pde, ``pde(x, y, unknowns)``. One that has left all bounds
            gets its first value back.
        loss_weights: One for each equation, then for each condition, as in ``Model.compile``; for
            a compiled model those it was compiled with. With none, given values (``PointSetBC``)
            are taken to be exact first; where they cannot all be met, and what is left of them
            looks like noise, they are weighed by it.
        max_features: Largest number of features to try, 4000 if not given; fewer where memory does
            not allow them. Not for the features of a model.
        seed: Of the features and of the points.
        verbose: 0 is silent; 1 shows on standard error how far a long solve has come.
        parameters: ``"output"`` keeps the hidden layers as they are. ``"all"``, which takes a
            model with a small network, goes on from there and moves all parameters by
            Levenberg-Marquardt, until the residual at unseen points is below ``tol`` or falls no
            more; the network then holds the parameters that made it smallest.
        points: ``"own"`` draws points from the geometry, for each condition by its own filter, as
            many as the features need. ``"data"`` fits exactly those of the script
            (``data.train_x``); the unseen points are drawn in either case.
        wavenumber: Of the solution, radians per unit of length, one number or one for each axis:
            where the search for the slope scale starts. None is that of the equations' sources and
            of the conditions' values, which a solution near resonance need not share.

    Returns:
        The solution; printed, it is its own report.

    Raises:
        ValueError: If the problem or the network is of a kind that cannot be solved in this way,
            an argument makes no sense, or memory does not allow it.
        NotImplementedError: On a backend other than PyTorch and JAX; on JAX where a condition takes
            a derivative.
    """
    # What it stands on exists for some backends only, and says so on the others.
    task = importlib.import_module(".task", __name__)
    found: Solution = task.run(
        problem,
        tol=tol,
        external_trainable_variables=external_trainable_variables,
        loss_weights=loss_weights,
        max_features=max_features,
        seed=seed,
        verbose=verbose,
        parameters=parameters,
        points=points,
        wavenumber=wavenumber,
        output_transform=output_transform,
        start=start,
        seconds=seconds,
    )
    return found


__all__ = ["Solution", "solve"]
