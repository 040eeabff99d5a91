"""Recorders in DeepXDE's training: what they see, and that they change nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import deepxde as dde
import numpy as np

from deepxde_repnet import (
    FirstLayerRecorder,
    ResidualSpectrumRecorder,
    SpectrumRecorder,
    modes,
    records,
)

from .registry import check
from .support import BACKEND, assert_close, compiled, fresh, network, poisson, train, weights

K = 3 * np.pi
GRID = modes.Grid(0, 2, 32, window=None)


def problem() -> Any:
    return poisson([K], dde.geometry.Interval(0, 2), n=20)


def truth(x: np.ndarray) -> np.ndarray:
    return np.sin(K * x)


def recorders(**options: Any) -> list[Any]:
    return [
        SpectrumRecorder(GRID, truth, **options),
        ResidualSpectrumRecorder(GRID, **options),
        FirstLayerRecorder(**options),
    ]


class GraphSize(dde.callbacks.Callback):
    """Number of operations in the graph, where there is one."""

    def on_train_begin(self) -> None:
        self.begin = self.count()

    def on_train_end(self) -> None:
        self.end = self.count()

    def count(self) -> int:
        if BACKEND != "tensorflow.compat.v1":
            return 0
        return len(dde.backend.tf.get_default_graph().get_operations())


def trained(callbacks: list[Any], iterations: int = 6) -> Any:
    fresh()
    model, _ = compiled(problem(), network(1))
    train(model, iterations, callbacks=callbacks, verbose=0)
    return model


@check()
def check_recorders() -> None:
    """They see the network, leave it alone, and choose a period; their files hold the same."""
    plain = trained([])
    spectrum, residual, layer = (given := recorders(period=2))
    model = trained(given)
    assert model.losshistory.loss_train[-1].tolist() == plain.losshistory.loss_train[-1].tolist()

    for recorder in given:
        assert recorder.record.steps.tolist() == [0, 2, 4, 6]
    x = GRID.points.astype(np.float32)
    found = GRID.amplitudes(model.predict(x)[:, 0])
    assert_close(spectrum.record.amplitudes[-1], found, 1e-12, "solution")
    # The wave that is wanted is the third of the grid: the error of every other is itself.
    wanted = np.eye(len(found))[3]
    assert_close(spectrum.record.error[-1], found + 1j * wanted, 1e-12, "error")
    direct = np.asarray(model.predict(x, operator=model.data.pde), dtype=float)[:, 0]
    assert_close(residual.record.error[-1], GRID.amplitudes(direct), 1e-4, "residual")
    last, spec = weights(model)[0][0], model.net.spec
    assert np.array_equal(layer.record.partition[-1], 1 - last.shift)
    assert np.array_equal(layer.record.slopes[-1], last.slope(np.array(spec.slope_scale)))
    assert layer.record.moved[-1].min() > 0

    with tempfile.TemporaryDirectory() as folder:
        later, graph = recorders(verbose=0), GraphSize()
        for i, recorder in enumerate(later):
            recorder.file = Path(folder) / f"{i}.rec"
        train(model, 210, callbacks=[*later, graph], verbose=0)
        for recorder in later:
            assert recorder.period is not None
            steps = recorder.record.steps
            assert steps[0] == 6 and steps[-1] == 216
            assert (np.diff(steps) > 0).all()
            assert (np.diff(recorder.record.seconds) > 0).all()
            loaded = records.load(recorder.file)
            assert np.array_equal(loaded.steps, steps)
            assert np.array_equal(loaded.cost, recorder.record.cost)
    assert graph.end == graph.begin  # one that grows makes every later step slower
