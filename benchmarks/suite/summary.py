"""What the results of a study come to: medians, ranges, and who was best."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import store
from .studies import PEERS, SEEDS, SOLVE, STUDIES


@dataclass(frozen=True)
class Row:
    """One network on one problem.

    cells : what the results hold, by seed. A run that failed or diverged has an infinite error: it
        counts as worse than any other, so that it moves the median.
    """

    net: str
    cells: list[dict[str, Any]]

    @property
    def errors(self) -> list[float]:
        done = [cell["status"] == "done" for cell in self.cells]
        return [c["error"] if d else math.inf for c, d in zip(self.cells, done, strict=True)]

    @property
    def median(self) -> float:
        return statistics.median(self.errors)

    def median_of(self, name: str) -> float | None:
        """Median of a quantity over the runs that have it."""
        values = [cell[name] for cell in self.cells if cell.get(name) is not None]
        return statistics.median(values) if values else None

    @property
    def seconds_per_1000(self) -> float | None:
        """Computing time of 1000 iterations."""
        rates = [1000 * c["cpu"] / c["iteration"] for c in self.cells if c.get("iteration")]
        return statistics.median(rates) if rates else None

    def seconds_to(self, error: float) -> float:
        """Median time at which the error is first seen below a value; infinite where it is not."""
        times = []
        for cell in self.cells:
            history = cell.get("history", {"cpu": [], "error": []})
            below = [
                t
                for t, e in zip(history["cpu"], history["error"], strict=True)
                if e is not None and e < error
            ]
            times.append(below[0] if below else math.inf)
        return statistics.median(times)


@dataclass(frozen=True)
class Summary:
    """One study: rows of the networks that have been run, and the machines they ran on."""

    name: str
    rows: dict[str, Row]
    machines: list[dict[str, Any]]

    @property
    def trained(self) -> dict[str, Row]:
        return {net: row for net, row in self.rows.items() if net != SOLVE}

    @property
    def best(self) -> Row:
        """Of all that is trained."""
        return min(self.trained.values(), key=lambda row: row.median)

    @property
    def best_peer(self) -> Row | None:
        """Of what is neither ``dde.nn.FNN`` nor of this package."""
        peers = [row for net, row in self.rows.items() if net in PEERS]
        return min(peers, key=lambda row: row.median, default=None)


def summarise(name: str, root: Path = store.ROOT) -> Summary | None:
    """What has been run of a study with its present settings; None where that is nothing."""
    study, results = STUDIES[name], store.load(name, root)
    rows = {}
    for net in study.rows:
        keys = [study.key(net, seed) for seed in range(SEEDS)]
        cells = [results["cells"][key] for key in keys if key in results["cells"]]
        if cells:
            rows[net] = Row(net, cells)
    used = sorted({cell["machine"] for row in rows.values() for cell in row.cells})
    if not any(net != SOLVE for net in rows):
        return None
    return Summary(name, rows, [results["machines"][i] for i in used])
