"""Instruments: DeepXDE callbacks that record what a network learns when, at little cost.

A recorder measures at the start of ``Model.train``, then every ``period`` steps, and at its end.
Without a ``period`` it times its first measurements and the first training steps, and takes the
shortest period of the series 1, 2, 5, 10, 20, 50, ... with which measuring takes at most 0.4 % of
the training time, so that three recorders stay below 2 %; it says which in one line, and lengthens
it where that turns out to be too short.

Recording changes nothing in a training: no random number is drawn, and no parameter is touched.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _host
from ..nets import RepNet
from ..records import FirstLayerRecord, Log, Record, SpectrumRecord, assemble, check_path
from ..spec import as_array, as_count, as_float, as_verbosity
from ..theory.initialize import Fourier, Rep
from ..theory.modes import Grid, Modes

#: Share of the training time that a period is chosen for, and that makes it longer.
_SHARE, _TOO_MUCH = 0.004, 0.006
#: A period that was not given is judged after so many records, and after so many it gets longer.
_FEW, _MANY = 5, 1000
#: Training steps are timed for so long (seconds), after the first few, and over so many of them.
_TIMED_SECONDS, _TIMED_STEPS, _FIRST_STEPS = 0.1, (5, 200), 2
#: Points of the grid over the geometry, where no modes are given, by its dimension.
_SHAPES = {1: 512, 2: 48}


@dataclass
class _Stretch:
    """Sums over the time that one period has been in use: all of it, with what is rare and slow."""

    records: int = 0
    cost: float = 0.0
    trained: float = 0.0
    steps: int = 0

    def add(self, cost: float, trained: float, steps: int) -> None:
        self.records += 1
        self.cost += cost
        self.trained += trained
        self.steps += steps


class Recorder(_host.Callback):
    """What the recorders share: when to measure, keeping time, and files.

    A subclass says what it records: ``_begin`` and ``_measure``.
    """

    _kind: type[Record]

    def __init__(
        self,
        period: int | None = None,
        file: str | os.PathLike[str] | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        step = None if period is None else as_float(period)
        if step is not None and not (1 <= step < math.inf and step == int(step)):
            raise ValueError(
                f"period={period!r} must be a positive number of training steps, or None to have "
                "it chosen from what a measurement and a step cost."
            )
        if file is not None:
            check_path(file)
        self.file, self.verbose = file, as_verbosity(verbose)
        self._given = None if step is None else int(step)
        self._clear()

    def _clear(self) -> None:
        self._row_type: np.dtype[np.void] | None = None
        self._constants: dict[str, Any] = {}
        self._rows: list[np.ndarray] = []
        self._log: Log | None = None
        self._period: int | None = self._given
        self._seconds = self._cost = 0.0
        self._costs: deque[float] = deque(maxlen=9)
        self._stretch = _Stretch()

    def init(self) -> None:
        """DeepXDE calls this when the callback meets a new model: the record starts anew."""
        self._close()
        self._clear()

    # What a subclass says ---------------------------------------------------------------------

    def _begin(self) -> dict[str, Any]:
        """Get ready for the model; what is constant in the record, by name."""
        raise NotImplementedError

    def _measure(self) -> dict[str, np.ndarray]:
        """The arrays that grow, by name, as they are now."""
        raise NotImplementedError

    # What a user sees -------------------------------------------------------------------------

    @property
    def period(self) -> int | None:
        """Training steps from one record to the next; None until it is chosen."""
        return self._period

    @property
    def seconds_per_record(self) -> float:
        """What a measurement costs: the median of the last nine, in seconds; NaN before any."""
        return statistics.median(self._costs) if self._costs else float("nan")

    @property
    def record(self) -> Any:
        """What has been recorded so far.

        Raises:
            RuntimeError: Nothing has.
        """
        if not self._rows:
            raise RuntimeError(
                f"this {type(self).__name__} has recorded nothing yet; give it to "
                "model.train(..., callbacks=[...]) first."
            )
        return assemble(self._kind, self._constants, np.concatenate(self._rows))

    # Callback ---------------------------------------------------------------------------------

    def on_train_begin(self) -> None:
        if not _host.is_first_rank():
            return
        start = time.perf_counter()
        step = _host.step(self.model)
        _host.synchronize(self.model)
        if self._row_type is None:
            self._constants = self._begin()
            self._open(self._measure(), step)
        self._keep(step)
        if self._given is None:
            self._costs.clear()
            self._costs.append(min(self._timed_row(step) for _ in range(2)))
            self._period = None
        self._steps_seen = 0
        self._timed_from: tuple[int, float] | None = None
        self._due = step + 1 if self._period is None else _next(step, self._period)
        self._resume(start, step)

    def on_epoch_end(self) -> None:
        if not _host.is_first_rank():
            return
        step = _host.step(self.model)
        if self._period is None:
            self._time_steps(step)
        elif step >= self._due:
            self._record_now(step)

    def on_train_end(self) -> None:
        if not _host.is_first_rank():
            return
        step = _host.step(self.model)
        if step != self._last_step:
            self._record_now(step)
        self._close()

    # ------------------------------------------------------------------------------------------

    def _record_now(self, step: int) -> None:
        _host.synchronize(self.model)
        start = time.perf_counter()
        trained = start - self._resumed
        self._seconds += trained
        self._keep(step)
        cost = time.perf_counter() - start
        self._costs.append(cost)
        self._stretch.add(cost, trained, step - self._last_step)
        if self._period is not None:
            if self._given is None:
                self._lengthen()
            self._due = _next(step, self._period)
        self._resume(start, step)

    def _resume(self, start: float, step: int) -> None:
        """Training goes on; what came since ``start`` was the recorder's."""
        now = time.perf_counter()
        self._cost += now - start
        self._resumed, self._last_step = now, step

    def _time_steps(self, step: int) -> None:
        """Time the first training steps, and choose the period from that."""
        self._steps_seen += 1
        if self._steps_seen < _FIRST_STEPS:
            return
        if self._timed_from is None:
            _host.synchronize(self.model)
            self._timed_from = (step, time.perf_counter())
            return
        first, since = self._timed_from
        few, many = _TIMED_STEPS
        enough = time.perf_counter() - since >= _TIMED_SECONDS and step - first >= few
        if not enough and step - first < many:
            return
        _host.synchronize(self.model)
        cost, pace = self.seconds_per_record, (time.perf_counter() - since) / (step - first)
        self._period, self._stretch = _shortest(cost, pace), _Stretch()
        self._due = _next(step, self._period)
        _host.announce(
            f"{type(self).__name__}: every {self._period} steps; {1e3 * cost:.2g} ms each time is "
            f"{cost / (self._period * pace):.1%} of the training time",
            self.verbose,
        )

    def _lengthen(self) -> None:
        """Take a longer period where this one is too costly, or has been in use for long."""
        assert self._period is not None
        held = self._stretch
        longer = self._period
        if held.records >= _FEW and held.cost > _TOO_MUCH * held.trained:
            longer = max(longer, _shortest(held.cost / held.records, held.trained / held.steps))
        if held.records >= _MANY:
            longer = max(longer, _longer(self._period))
        if longer > self._period:
            self._period, self._stretch = longer, _Stretch()

    def _timed_row(self, step: int) -> float:
        """Seconds that a measurement takes; not the first, in which some backends compile."""
        start = time.perf_counter()
        self._row(step)
        return time.perf_counter() - start

    def _row(self, step: int) -> np.ndarray:
        assert self._row_type is not None
        values = self._measure()
        row = np.zeros(1, self._row_type)
        row["steps"], row["seconds"], row["cost"] = step, self._seconds, self._cost
        for name, value in values.items():
            row[name][0] = value
        return row

    def _keep(self, step: int) -> None:
        """Measure and keep, unless this step is in the record already."""
        if self._rows and self._rows[-1]["steps"][-1] >= step:
            return
        row = self._row(step)
        self._rows.append(row)
        if self.file is not None:
            if self._log is None:
                self._log = self._reopen(step)
            self._log.append(row)

    def _open(self, values: dict[str, np.ndarray], step: int) -> None:
        self._row_type = np.dtype(
            [("steps", "<i8"), ("seconds", "<f8"), ("cost", "<f8")]
            + [(name, value.dtype.newbyteorder("<"), value.shape) for name, value in values.items()]
        )
        if self.file is None:
            return
        self._log = self._reopen(step)
        if len(self._log.rows):
            self._rows = [self._log.rows]
            self._seconds = float(self._log.rows["seconds"][-1])
            self._cost = float(self._log.rows["cost"][-1])

    def _reopen(self, step: int) -> Log:
        assert self.file is not None and self._row_type is not None
        return Log(self.file, self._kind, self._constants, self._row_type, after=step)

    def _close(self) -> None:
        if getattr(self, "_log", None) is not None:
            self._log.close()  # type: ignore[union-attr]
            self._log = None


_COMMON = """
        period: Number of training steps from one record to the next. None has it chosen: the
            shortest of 1, 2, 5, 10, 20, 50, ... with which measuring takes at most 0.4 % of the
            training time; it may then differ between two runs.
        file: Where to keep the record as it grows, so that it is there if the process dies;
            `deepxde_repnet.records.load` reads it. A training that starts at step 0 begins the file
            anew (the old one gets ``.old`` added to its name); one that goes on at a later step
            continues it.
        verbose: 0 has the chosen period not printed.
"""


def _documented(cls: type) -> type:
    assert cls.__doc__ is not None
    cls.__doc__ = cls.__doc__.replace("{common}", _COMMON.strip())
    return cls


@_documented
class SpectrumRecorder(Recorder):
    """Records the amplitudes of the waves in a network's solution, and in its error, in training.

    It works with every DeepXDE network on every backend. Each time costs one evaluation of the
    network at the points of the modes, without derivatives, and the map to amplitudes: a fast
    Fourier transform for a `modes.Grid`, a product with a matrix for the others.

    Where DeepXDE gives callbacks no turn nothing is recorded: with L-BFGS on TensorFlow and
    tensorflow.compat.v1 between the start and the end, with L-BFGS on PyTorch and PaddlePaddle
    within the iterations of one step of the optimizer (1000, unless ``set_LBFGS_options`` says
    otherwise).

    Args:
        modes: Where to evaluate, and which waves to look for: a `deepxde_repnet.modes.Grid`,
            `Known` or `Scattered`. None takes a grid over the geometry, 512 points in one dimension
            and 48 x 48 in two, where the geometry fills its bounding box.
        reference: What the solution should be, if that is known: a function of points (N, d) to
            values (N,) or (N, m), or such values at ``modes.points``. The record's ``error`` then
            is that of the network.
        component: Which output of the network, and which column of the reference.
        inputs: Function of the points (N, d) to what ``Model.predict`` takes, where that is not the
            points themselves: ``lambda x: (functions, x)`` for an operator network. The output
            must have N entries.
        {common}

    Raises:
        ValueError: An argument is not of the kind above; at the start of training also if there
            are no modes and no box to take them from, or the output does not fit the points.
    """

    _kind = SpectrumRecord
    _quantity = "solution"

    def __init__(
        self,
        modes: Modes | None = None,
        reference: Callable[[np.ndarray], ArrayLike] | ArrayLike | None = None,
        *,
        component: int = 0,
        inputs: Callable[[np.ndarray], Any] | None = None,
        period: int | None = None,
        file: str | os.PathLike[str] | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__(period, file, verbose)
        if modes is not None and (isinstance(modes, type) or not hasattr(modes, "amplitudes")):
            raise ValueError(
                f"modes={modes!r} must be a modes.Grid, modes.Known or modes.Scattered, such as "
                "modes.Grid(lower, upper, shape=512), or None."
            )
        if reference is not None and not callable(reference):
            reference = as_array("reference", reference)
        if inputs is not None and not callable(inputs):
            raise ValueError(f"inputs={inputs!r} must be a function of points (N, d), or None.")
        self.modes, self.reference, self.inputs = modes, reference, inputs
        self.component = as_count("component", component, least=0)

    def _begin(self) -> dict[str, Any]:
        modes = self.modes if self.modes is not None else _grid_of(self.model)
        self._in_use = modes
        self._prepare(modes.points)
        return {
            "wavenumbers": modes.wavenumbers,
            "bandwidth": float(modes.bandwidth),
            "quantity": self._quantity,
            "reference": self._target(modes),
        }

    def _prepare(self, points: np.ndarray) -> None:
        self._inputs = points if self.inputs is None else self.inputs(points)
        if self.inputs is None:
            self._inputs = np.asarray(points, dtype=_host.real(np))

    def _target(self, modes: Modes) -> np.ndarray | None:
        if self.reference is None:
            return None
        values = self.reference(modes.points) if callable(self.reference) else self.reference
        return modes.amplitudes(self._column(as_array("reference", values), "reference"))

    def _values(self) -> np.ndarray:
        return np.asarray(self.model.predict(self._inputs), dtype=float)

    def _measure(self) -> dict[str, np.ndarray]:
        values = self._column(self._values(), "output of the network")
        with np.errstate(all="ignore"):  # a training that diverges is recorded as it is
            return {"amplitudes": self._in_use.amplitudes(values)}

    def _column(self, values: np.ndarray, what: str) -> np.ndarray:
        n = len(self._in_use.points)
        if values.size == n:
            return values.reshape(n)
        if values.ndim == 2 and len(values) == n and -1 < self.component < values.shape[1]:
            return values[:, self.component]
        raise ValueError(
            f"the {what} has shape {values.shape}, which does not fit {n} points and "
            f"component={self.component}."
        )


@_documented
class ResidualSpectrumRecorder(SpectrumRecorder):
    """Records the amplitudes of the waves in the residual of an equation, in training.

    It needs no reference, for the residual should be zero: the record's ``error`` is the residual.
    Each time costs one evaluation of the equation at the points of the modes, with its derivatives
    but without those by the parameters. It works for ``dde.data.PDE`` and ``TimePDE``, on every
    backend; when it is recorded is as for `SpectrumRecorder`.

    Args:
        modes: As for `SpectrumRecorder`.
        component: Which of the equations, in the order in which the ``pde`` returns them.
        {common}

    Raises:
        ValueError: As for `SpectrumRecorder`; at the start of training also if there is no such
            equation.
    """

    _quantity = "residual"

    def __init__(
        self,
        modes: Modes | None = None,
        *,
        component: int = 0,
        period: int | None = None,
        file: str | os.PathLike[str] | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__(modes, component=component, period=period, file=file, verbose=verbose)

    def _prepare(self, points: np.ndarray) -> None:
        if _host.kind_of_data(self.model.data) != "pde":
            raise ValueError(
                f"a ResidualSpectrumRecorder needs the equation of a dde.data.PDE or TimePDE, and "
                f"this model has a {type(self.model.data).__name__}; use a SpectrumRecorder."
            )
        super()._prepare(points)
        self._residuals = _host.residual_function(self.model)

    def _target(self, modes: Modes) -> np.ndarray:
        return np.zeros(len(modes.wavenumbers), dtype=complex)

    def _values(self) -> np.ndarray:
        columns = [r.reshape(len(r), -1) for r in self._residuals(self._inputs)]
        return np.concatenate(columns, axis=1)


@_documented
class FirstLayerRecorder(Recorder):
    """Records the slopes and the partition points of a RepNet's first layer, in training.

    It works with ``RepFNN`` and ``RepPFNN`` on every backend, with ``FourierFNN``, whose
    wavenumbers are its slopes and which has no partition points, and with those inside another
    network. Each time costs a copy of that layer's parameters, and no evaluation.

    Args:
        net: The RepNet, where it is not ``model.net`` itself: ``net.trunk`` of an operator network
            on PyTorch. The layers of parallel sub-networks are recorded one after the other.
        {common}

    Raises:
        ValueError: At the start of training, if there is no RepNet.
    """

    _kind = FirstLayerRecord

    def __init__(
        self,
        net: Any = None,
        *,
        period: int | None = None,
        file: str | os.PathLike[str] | None = None,
        verbose: int = 1,
    ) -> None:
        super().__init__(period, file, verbose)
        self.net = net

    def _begin(self) -> dict[str, Any]:
        net = self.model.net if self.net is None else self.net
        if not isinstance(net, RepNet):
            raise ValueError(
                "a FirstLayerRecorder needs a RepFNN, RepPFNN or FourierFNN, and got "
                f"{type(net).__name__}; give net=... if one is a part of this model's network."
            )
        spec = net.spec
        assert spec is not None and spec.domain is not None  # Model.compile has seen to it
        self._in_use, self._box = net, spec.domain
        self._slope_scale = np.array(spec.slope_scale)
        return {"lower": np.array(spec.domain.lower), "upper": np.array(spec.domain.upper)}

    def _measure(self) -> dict[str, np.ndarray]:
        (level,) = self._in_use.to_numpy(_host.session(self.model), levels=1)
        half, center = self._box.half_width, self._box.center
        slopes, partition = [], [np.empty((0, half.size))]
        for layer in level:
            if isinstance(layer, Rep):
                slopes.append(layer.slope(self._slope_scale) / half)
                partition.append(center - half * layer.shift)
            else:
                assert isinstance(layer, Fourier)
                slopes.append(layer.direction * self._slope_scale / half)
        return {"slopes": np.concatenate(slopes), "partition": np.concatenate(partition)}


def _grid_of(model: Any) -> Grid:
    """The grid over the geometry of a model's problem."""
    give = "give modes=..., a modes.Grid over a box or a modes.Scattered at points of your own."
    geometry = _host.geometry(model.data)
    bounds = None if geometry is None else _host.bounding_box(geometry)
    if bounds is None:
        raise ValueError(
            f"there is no geometry to take points from in {type(model.data).__name__}; {give}"
        )
    dim = len(bounds[0])
    if dim not in _SHAPES:
        raise ValueError(f"in {dim} dimensions a grid is large, so none is chosen; {give}")
    grid = Grid(*bounds, _SHAPES[dim])
    if not _host.fills(geometry, grid.points):
        raise ValueError(
            f"the geometry {type(geometry).__name__} does not fill its bounding box from "
            f"{bounds[0]} to {bounds[1]}; {give}"
        )
    return grid


def _shortest(cost: float, pace: float) -> int:
    """The shortest period of the series for measurements and steps that take so many seconds."""
    period = 1
    while cost > _SHARE * period * pace:
        period = _longer(period)
    return period


def _longer(period: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ..."""
    return period * 5 // 2 if str(period).startswith("2") else period * 2


def _next(step: int, period: int) -> int:
    """The next multiple of the period."""
    return (step // period + 1) * period
