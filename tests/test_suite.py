"""The suite of experiments: its networks, its clock, its bookkeeping, its tables and figures."""

from __future__ import annotations

import functools
import itertools
import json
import math
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import deepxde as dde
import numpy as np
import pytest
import torch
from deepxde.optimizers.config import LBFGS_options
from versions import ADAPTIVE_ACTIVATIONS

import deepxde_repnet
from benchmarks.suite import cell, figures, nets, runner, steps, store, studies, summary, tables
from examples.function import function_1d
from examples.operator import earthquake
from examples.pinn_forward import helmholtz_2d

STUDIES = studies.STUDIES
SIZES = [2, 8, 6, 1]
DOMAIN = ([-1.0, 0.0], [3.0, 1.0])
POINTS = np.random.default_rng(0).uniform(*DOMAIN, (5, 2))


@pytest.fixture(autouse=True)
def unchanged(monkeypatch):
    """The suite sets what DeepXDE keeps for the whole process."""
    for name in ("iter_per_step", "fun_per_step", "maxiter"):
        monkeypatch.setitem(LBFGS_options, name, LBFGS_options[name])
    dde.config.set_random_seed(0)
    yield
    dde.config.set_default_float("float32")


def build(name, sizes=SIZES, activation="tanh"):
    return nets.NETS[name](sizes, activation, "Glorot uniform", domain=DOMAIN)


def values(net, points=POINTS):
    with torch.no_grad():
        return net(torch.as_tensor(points, dtype=torch.float32)).numpy()


def arrays(net):
    return {name: t.detach().numpy().astype(float) for name, t in net.state_dict().items()}


def dense(x, weights, activation):
    """What a list of (weight, bias) makes of x, the activation between them."""
    for i, (weight, bias) in enumerate(weights):
        x = (activation(x) if i else x) @ weight.T + bias
    return x


def linears(net, prefix="linears"):
    found = arrays(net)
    count = 1 + max(int(m[1]) for n in found if (m := re.match(rf"{prefix}\.(\d+)\.", n)))
    return [(found[f"{prefix}.{i}.weight"], found[f"{prefix}.{i}.bias"]) for i in range(count)]


# Networks


def test_every_network_of_a_study_is_there_and_the_other_way_round():
    used = {net for study in STUDIES.values() for net in study.nets if not study.operator}
    assert used == nets.NETS.keys()
    assert nets.TRUNKS.keys() == set(STUDIES["earthquake"].nets)
    named = (*studies.PEERS, *studies.VARIANTS, *studies.PAPER, "FNN", "RepFNN")
    assert set(named) == used


@pytest.mark.parametrize("omega", [10, 30])
def test_siren_is_the_formula_of_its_paper(omega):
    net = build(f"SIREN ω={omega}", [2, 400, 400, 1])
    t = (POINTS - [1, 0.5]) / [2, 0.5]
    first, second, last = linears(net)
    hidden = np.sin(omega * dense(t, [first], None))
    expected = dense(np.sin(omega * dense(hidden, [second], None)), [last], None)
    np.testing.assert_allclose(values(net), expected, atol=1e-4)
    assert np.abs(first[0]).max() == pytest.approx(1 / 2, rel=0.02)
    assert np.abs(second[0]).max() == pytest.approx(math.sqrt(6 / 400) / omega, rel=0.02)


def test_fourier_features_are_the_formula_of_their_paper():
    net = build("RFF σ=10")
    t = (POINTS - DOMAIN[0]) / np.subtract(DOMAIN[1], DOMAIN[0])
    phase = 2 * np.pi * t @ arrays(net)["frequencies"].T
    expected = dense(np.hstack([np.cos(phase), np.sin(phase)]), linears(net), np.tanh)
    np.testing.assert_allclose(values(net), expected, atol=1e-4)
    many = build("RFF σ=10", [2, 4000, 1]).frequencies
    assert float(many.std()) == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(("name", "moves"), [("RFF σ=10", False), ("RFF σ=10, trained", True)])
def test_fixed_frequencies_stay_fixed_in_training(name, moves):
    data = function_1d.problem(50, 50)
    net = function_1d.network(cell.constructor(name, data))
    before = net.frequencies.detach().clone()
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-2, verbose=0)
    model.train(iterations=3, display_every=1, verbose=0)  # each display unfreezes parameters
    assert torch.equal(net.frequencies, before) != moves


def test_multiscale_features_are_those_of_deepxde(tmp_path, in_backend):
    """DeepXDE's MsFFN on Paddle, with our parameters, is our network without the 2π."""
    net = build("MsFFN of DeepXDE", [2, 8, 6, 5, 1])
    given = arrays(net)
    np.savez(tmp_path / "in.npz", x=POINTS, **given)
    script = f"""
import deepxde as dde, numpy as np, paddle
a = dict(np.load(r"{tmp_path / "in.npz"}"))
net = dde.nn.paddle.msffn.MsFFN([2, 8, 6, 5, 1], "tanh", "Glorot uniform", sigmas=[1, 10])
def put(tensor, values):
    tensor.set_value(paddle.to_tensor(values.astype("float32")))
for b, frequencies in zip(net.b, a["frequencies"]):
    put(b, frequencies.T)
for i, linear in enumerate([*net.linears, net._dense]):
    put(linear.weight, a[f"hidden.linears.{{i}}.weight"].T)
    put(linear.bias, a[f"hidden.linears.{{i}}.bias"])
np.save(r"{tmp_path / "out.npy"}", net(paddle.to_tensor(a["x"].astype("float32"))).numpy())
"""
    done = in_backend("-c", script, backend="paddle")
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(values(net), np.load(tmp_path / "out.npy"), atol=1e-4)


def test_multiscale_features_of_the_paper_have_the_factor_of_two_pi():
    spread = [build(n, [2, 4000, 6, 1]).frequencies for n in ("MsFFN", "MsFFN of DeepXDE")]
    for scale, ours, deepxdes in zip((1, 10), *spread, strict=True):
        assert float(ours.std()) == pytest.approx(2 * math.pi * scale, rel=0.05)
        assert float(deepxdes.std()) == pytest.approx(scale, rel=0.05)


@pytest.mark.skipif(not ADAPTIVE_ACTIVATIONS, reason="needs deepxde 1.15")
def test_adaptive_activations_have_a_slope_for_each_layer_and_train_it():
    net = build("LAAF")
    slopes = [p for name, p in net.named_parameters() if name.startswith("adaptive")]
    assert [a.item() for a in slopes] == [pytest.approx(0.1)] * 2
    plain = dense(POINTS, linears(net), np.tanh)
    np.testing.assert_allclose(values(net), plain, atol=1e-5)  # n a = 1
    net(torch.as_tensor(POINTS, dtype=torch.float32)).sum().backward()
    assert all(abs(a.grad.item()) > 0 for a in slopes)


def test_weight_factorization_starts_from_the_same_function():
    dde.config.set_random_seed(3)
    plain = values(build("FNN", [2, 500, 500, 1]))
    dde.config.set_random_seed(3)
    net = build("RWF", [2, 500, 500, 1])
    np.testing.assert_allclose(values(net), plain, atol=1e-5)
    scales = np.concatenate([layer.log_scale.detach().numpy() for layer in net.linears])
    assert scales.mean() == pytest.approx(1, abs=0.02)
    assert scales.std() == pytest.approx(0.1, rel=0.1)


def test_a_feature_transform_is_refused_where_it_would_be_lost():
    with pytest.raises(NotImplementedError, match="Siren embeds the coordinates itself"):
        build("SIREN ω=30").apply_feature_transform(lambda x: x)


# One cell


def test_stages_share_the_budget_as_the_example_trains():
    names = ("function-1d", "poisson-1d-multiscale", "helmholtz-2d-n2")
    function, poisson, helmholtz = (
        cell.stages(cell.importlib.import_module(STUDIES[n].module), STUDIES[n], 10.0)
        for n in names
    )
    assert function == [("adam", pytest.approx(10 * 5 / 6)), ("adam", 10.0)]
    assert [end for _, end in poisson] == pytest.approx([2.5, 5, 7.5, 10])
    assert helmholtz == [("adam", pytest.approx(4)), ("L-BFGS", pytest.approx(10))]


@pytest.fixture
def ticking(monkeypatch):
    """A clock that goes on by a hundredth of a second whenever it is read, and by hand."""
    clock = SimpleNamespace(now=0.0)

    def read():
        clock.now += 0.01
        return clock.now

    monkeypatch.setattr(cell, "time", SimpleNamespace(process_time=read, perf_counter=read))
    return clock


def test_training_ends_with_the_time_and_measuring_the_error_takes_none(ticking):
    data = function_1d.problem(50, 50)
    model = cell.TimedModel(data, function_1d.network(dde.nn.FNN), [5, 10], lambda: slow_error())

    def slow_error():
        ticking.now += 1000
        return 0.5

    function_1d.train(model)
    model.record()
    cpu = model.history["cpu"]
    assert 10 <= cpu[-1] < 10.2
    assert cpu == sorted(cpu) and 20 <= len(cpu) <= cell.MOMENTS
    assert model.history["iteration"] == sorted(model.history["iteration"])
    assert model.history["iteration"][-1] == model.train_state.step > 100
    assert set(model.history["error"]) == {0.5}
    assert all(loss > 0 for loss in model.history["loss"])


def test_lbfgs_ends_with_the_time_too(ticking):
    data = helmholtz_2d.problem(per_axis=6)
    net = helmholtz_2d.network(dde.nn.FNN)
    model = cell.TimedModel(data, net, [0.5, 1.5], lambda: 1.0, at_once=2)
    helmholtz_2d.train(model, per_axis=(6, 6))
    assert 1.5 <= model.clock.read()[0] < 1.7
    assert model.opt.state_dict()["state"][0]["n_iter"] > 10


def test_more_stages_than_were_counted_are_refused():
    data = function_1d.problem(50, 50)
    model = cell.TimedModel(data, function_1d.network(dde.nn.FNN), [0.01], lambda: 1.0)
    with pytest.raises(RuntimeError, match="more stages than it did"):
        function_1d.train(model)


def test_a_diverged_run_is_kept_as_such(monkeypatch):
    monkeypatch.setattr(function_1d, "error", lambda model: math.nan)
    found = cell.run_cell(STUDIES["function-1d"], "FNN", 0, 0.02)
    assert found["status"] == "diverged"
    assert len(found["history"]["cpu"]) == 1


def test_a_failed_run_is_kept_as_such(monkeypatch):
    def broken(*_, **__):
        raise ValueError("out of luck")

    monkeypatch.setattr(function_1d, "error", broken)
    found = cell.run_cell(STUDIES["function-1d"], "FNN", 0, 0.02)
    assert found == {"status": "failed", "message": "ValueError: out of luck"}


def test_the_solver_is_a_row_in_float64():
    study = STUDIES["poisson-1d-multiscale"]
    found = cell.run_cell(study, studies.SOLVE, 0)
    assert found["status"] == "done" and found["error"] < 1e-9
    assert found["field"].shape == (cell.POINTS[1], 1)
    assert dde.config.real(np) == np.float32


# Every study, for a moment


FULL = ("function-1d", "helmholtz-2d-n1")  # every network, without and with second derivatives


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs(name, tmp_path, capsys, monkeypatch):
    study = STUDIES[name]
    # Computing 3000 displacement histories is no part of this.
    monkeypatch.setattr(earthquake, "problem", functools.partial(earthquake.problem, windows=4))
    some = ("FNN", "RepFNN", "RFF σ=10")
    chosen = study.nets if name in FULL or study.operator else some
    if not ADAPTIVE_ACTIVATIONS:
        chosen = tuple(net for net in chosen if net != "LAAF")
    todo = runner.cells([name], chosen, 1, tmp_path, redo=False)
    runner.run(todo, tmp_path, execute=functools.partial(runner.here, budget=0.01))
    kept = store.load(name, tmp_path)["cells"]
    assert len(kept) == len(chosen)
    for key, result in kept.items():
        assert result["status"] == "done", (key, result)
        assert result["error"] > 0 and result["iteration"] > 0 and result["parameters"] > 100
        assert result["stages"][-1][1] == pytest.approx(0.01)
    assert kept[study.key("RepFNN", 0)]["chosen"].startswith(("RepFNN: domain", "RepDeepONet"))
    found = summary.summarise(name, tmp_path)
    tables.study_table(found)
    figures.plt.close(figures.convergence(found))
    if name in studies.PLANES + studies.LINES:
        assert store.load_fields(name, tmp_path).keys() == set(chosen)
    if name in studies.PLANES:
        figures.plt.close(figures.fields(found, tmp_path))
    assert f"{len(chosen)}/{len(chosen)} {name}" in capsys.readouterr().out


def test_steps_measure_a_ratio_on_inverse_problems_too(monkeypatch):
    for name in ("function-4d", "helmholtz-inverse"):
        found = steps.measure(STUDIES[name], steps=1, blocks=2)
        assert found["fnn_ms"] > 0 and found["repfnn_ms"] > 0
        assert 0.1 < found["ratio"] < 10


# Bookkeeping


def result(error=0.1, cpu=1.0, **more):
    history = {
        "cpu": [cpu / 4, cpu / 2, cpu],
        "wall": [cpu / 4, cpu / 2, cpu],
        "iteration": [25, 50, 100],
        "error": [1.0, math.sqrt(error), error],
        "loss": [1.0, 0.1, 0.01],
    }
    plain = {"status": "done", "error": error, "cpu": cpu, "iteration": 100, "parameters": 321}
    return plain | {"history": history, "stages": [["adam", cpu / 2], ["L-BFGS", cpu]]} | more


def test_a_partial_run_has_every_network_and_goes_on_where_it_stopped(tmp_path):
    names, chosen = ["function-1d", "wave-1d"], ["FNN", "RepFNN"]
    ran = []

    def execute(one):
        ran.append((one.seed, one.study, one.net))
        if len(ran) == 6:
            raise KeyboardInterrupt
        return result()

    with pytest.raises(KeyboardInterrupt):
        runner.run(runner.cells(names, chosen, 2, tmp_path, False), tmp_path, execute=execute)
    assert ran[:4] == list(itertools.product([0], names, chosen))
    runner.run(runner.cells(names, chosen, 2, tmp_path, False), tmp_path, execute=execute)
    assert ran[6:] == [ran[5], *itertools.product([1], names[1:], chosen)]
    assert runner.cells(names, chosen, 2, tmp_path, False) == []
    again = runner.cells(names, ["FNN"], 1, tmp_path, True)
    assert [one.study for one in again] == names


def test_cells_run_on_a_cluster(tmp_path, dask_cluster):
    todo = runner.cells(["function-1d"], ["FNN", "RepFNN"], 1, tmp_path, False)
    moment = functools.partial(runner.here, budget=0.01)
    runner.run(todo, tmp_path, execute=moment, cluster=dask_cluster)
    kept = store.load("function-1d", tmp_path)
    assert [result["status"] for result in kept["cells"].values()] == ["done", "done"]
    assert runner.cells(["function-1d"], ["FNN", "RepFNN"], 1, tmp_path, False) == []


def test_a_failure_is_a_result(tmp_path):
    todo = [runner.Cell("function-1d", "FNN", 0)]
    runner.run(todo, tmp_path, execute=lambda _: {"status": "failed", "message": "no luck"})
    (kept,) = store.load("function-1d", tmp_path)["cells"].values()
    assert kept == {"status": "failed", "message": "no luck", "machine": 0}
    assert runner.cells(["function-1d"], ["FNN"], 1, tmp_path, False) == []


def test_other_settings_are_other_runs():
    study = STUDIES["helmholtz-2d-n2"]
    keys = {
        study.key("FNN", 0),
        study.key("FNN", 1),
        study.key("RepFNN", 0),
        study.key(studies.SOLVE, 0),
        STUDIES["helmholtz-2d-n1"].key("FNN", 0),
        cell.Study(**{**vars(study), "budget": 7}).key("FNN", 0),
        cell.Study(**{**vars(study), "lbfgs": 0.5}).key("FNN", 0),
    }
    assert len(keys) == 7


def test_results_that_come_at_once_are_all_kept(tmp_path):
    def keep(number):
        fields = {f"net {number}": np.full((3, 1), number)}
        store.add("function-1d", f"key {number}", result(), {"cores": 2}, fields, tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(24)))
    kept = store.load("function-1d", tmp_path)
    assert len(kept["cells"]) == 24 and kept["machines"] == [{"cores": 2}]
    fields = store.load_fields("function-1d", tmp_path)
    assert len(fields) == 24 and fields["net 7"][0] == 7


def test_numbers_that_are_none_are_kept_as_json(tmp_path):
    store.add("wave-1d", "key", {"error": math.nan, "loss": [1 / 3, math.inf]}, {}, root=tmp_path)
    text = (store.folder(tmp_path) / "wave-1d.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["cells"]["key"] == {
        "error": None,
        "loss": [0.33333, None],
        "machine": 0,
    }


def test_a_cell_has_a_process_of_its_own():
    done = runner.in_own_process(runner.Cell("poisson-1d-multiscale", studies.SOLVE, 1))
    assert done["status"] == "done" and done["error"] < 1e-9
    assert done["field"].dtype == np.float16


def test_a_process_that_dies_is_a_failure(monkeypatch, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os; os.write(2, b'no luck'); os._exit(3)")
    monkeypatch.setitem(runner.ENVIRONMENT, "PYTHONPATH", str(tmp_path))
    done = runner.in_own_process(runner.Cell("function-1d", "FNN", 0))
    assert done == {"status": "failed", "message": "no luck"}
    (tmp_path / "sitecustomize.py").write_text("import os; os.kill(os.getpid(), 9)")
    done = runner.in_own_process(runner.Cell("function-1d", "FNN", 0))
    assert done == {"status": "failed", "message": "ended by SIGKILL"}


def test_unknown_names_are_refused_with_those_that_exist(in_backend):
    done = in_backend("-m", "benchmarks.suite", "function-2d", backend="pytorch")
    assert done.returncode == 2
    assert "no study or network is called function-2d" in done.stderr
    assert "function-1d" in done.stderr and "RepFNN" in done.stderr


# Tables and figures


@pytest.fixture
def made_up(tmp_path):
    """Results of three studies; errors grow with the seed, and one run failed."""
    for name in studies.HELMHOLTZ + studies.LINES:
        study = STUDIES[name]
        points = cell.POINTS[1] if name in studies.LINES else cell.POINTS[2] ** 2
        for net in study.rows:
            for seed in range(3):
                error = {"FNN": 1.0, "RepFNN": 2e-3, "RFF σ=1": 3e-3}.get(net, 0.2) * (seed + 1)
                one = result(error)
                if (net, seed) == ("LAAF", 1):
                    one = {"status": "failed", "message": "MemoryError"}
                if (net, seed) == ("RWF", 2):
                    one |= {"status": "diverged", "error": math.nan}
                field = {net: np.full((points, 1), error, np.float16)} if seed == 0 else None
                store.add(name, study.key(net, seed), one, store.machine(), field, tmp_path)
    return tmp_path


def test_tables_show_medians_ranges_and_failures(made_up):
    written = tables.write(made_up)
    text = {path.stem: path.read_text("utf-8") for path in written}
    function = text["function-1d"]
    assert "4.0e-03 (2.0e-03 to 6.0e-03)" in function
    assert "4.0e-01 (2.0e-01 to failed)" in function and "3, 1 diverged" in function
    assert "6.0e-01 (2.0e-01 to failed)" in function and "3, 1 failed" in function
    assert "3 seeds from 0 on" in function
    row = re.search(r"\* - function-1d\n((?:     - .*\n)+)", text["summary"])[1]
    found = re.findall(r"- (.*)", row)
    assert found[:5] == ["2.0e+00", "4.0e-03", "5e+02", "RFF σ=1: 6.0e-03", "1"]
    assert "**4.0e-03**" in text["matrix"] and "*6.0e-03*" in text["matrix"]
    assert "n = 4: error" in text["wavenumber"] and "not reached" in text["wavenumber"]
    assert text["studies"].count(".. include:: /_tables/suite/") == 5
    assert "Not run yet" in text["steps"]


def test_the_table_of_the_published_network_is_written_with_what_there_is(made_up):
    published, relu = studies.PAPER
    for net, seeds in (("FNN", 2), (published, 5), (relu, 1)):
        for seed in range(seeds):
            key = STUDIES["wave-1d"].key(net, seed)
            store.add("wave-1d", key, result(0.1 * (seed + 1)), store.machine(), root=made_up)
    tables.write(made_up)
    text = (made_up / "docs" / "_tables" / "suite" / "paper.rst").read_text("utf-8")
    row = re.search(r"\* - wave-1d\n((?:     - .*\n)+)", text)[1]
    assert re.findall(r"- (.*)", row) == [
        "1.5e-01 (1.0e-01 to 2.0e-01) †",
        "3.0e-01 (1.0e-01 to 5.0e-01)",
        "1.0e-01 (1.0e-01 to 1.0e-01) †",
        "",
    ]
    assert "fewer than 5 runs" in text and "earthquake" not in text


def test_the_published_network_is_the_formula_of_its_paper():
    """σ(w · (x + c)) with all of w and c trained, plain layers behind, and no gain on them."""
    for name, function in zip(studies.PAPER, (np.tanh, lambda z: np.maximum(z, 0)), strict=True):
        net = nets.NETS[name](SIZES, "sin", "Glorot uniform", domain=DOMAIN, slope_scale=(3, 5))
        found = arrays(net)
        trained = {key for key, _ in net.named_parameters()}
        layers = {f"linears.{i}.{part}" for i in (1, 2) for part in ("weight", "bias")}
        assert trained == layers | {"linears.0.direction", "linears.0.shift"}
        t = (POINTS - [1, 0.5]) / [2, 0.5]
        w, c = found["linears.0.direction"], found["linears.0.shift"]
        first = function(np.einsum("nij,ij->ni", t[:, None] + c, w))
        plain = [(found[f"linears.{i}.weight"], found[f"linears.{i}.bias"]) for i in (1, 2)]
        np.testing.assert_allclose(values(net), dense(first, plain, function), atol=1e-4)
        many = nets.NETS[name]([2, 4000, 1], "", "He normal", domain=DOMAIN, slope_scale=(3, 5))
        spread = arrays(many)["linears.0.direction"].std(axis=0)
        np.testing.assert_allclose(spread, [3, 5], rtol=0.05)


def test_the_published_network_has_a_slope_scale_of_its_own_in_every_study():
    for study in STUDIES.values():
        used = [net for net in studies.PAPER if net in study.nets]
        relu = study.network.get("activation") == "relu"
        assert used == ([] if study.operator else list(studies.PAPER)[relu:])
        for net in used:
            assert f'"slope_scale": {json.dumps(study.paper)}' in study.key(net, 0)
        assert "slope_scale" not in study.key("RepFNN", 0)


def test_an_error_is_reached_when_it_is_first_seen():
    row = summary.Row("FNN", [result(1e-2, cpu=c) for c in (1, 2, 3)] + [result(0.5)] * 2)
    assert row.seconds_to(0.05) == 3.0
    assert row.seconds_to(1e-3) == math.inf
    assert row.seconds_per_1000 == 10


def test_a_failed_run_moves_the_median():
    failed = {"status": "failed", "message": "no"}
    row = summary.Row("FNN", [result(0.1), failed, failed])
    assert row.median == math.inf
    assert row.median_of("cpu") == 1.0


def test_figures_are_drawn_for_what_the_page_shows(made_up):
    tables.write(made_up)
    drawn = {path.name for path in figures.write(made_up)}
    folder = made_up / "docs" / "_tables" / "suite"
    shown = {
        name
        for path in folder.glob("*.rst")
        for name in re.findall(r"/_static/suite/(.*\.png)", path.read_text("utf-8"))
    }
    assert shown == drawn
    for name in drawn:
        assert (made_up / "docs" / "_static" / "suite" / name).stat().st_size > 2000


def test_curves_of_failed_and_diverged_runs_are_worse_than_any():
    cells = [result(1e-2), {"status": "failed", "message": "no"}, result(status="diverged")]
    points = np.array([0.3, 0.9, 1.0])
    middle, low, high = figures.along(summary.Row("FNN", cells), "cpu", points)
    assert np.all(np.isinf(high)) and np.all(low < 1)
    assert np.isfinite(middle[:2]).all() and np.isinf(middle[2])
    loss, _, _ = figures.along(summary.Row("FNN", cells[:1]), "cpu", points, "loss")
    assert loss[-1] == pytest.approx(cells[0]["history"]["loss"][-1])


def test_amplitudes_are_those_of_the_waves():
    x = np.linspace(-1, 1, 2001)
    k, amplitude = figures.amplitudes(x, 0.3 * np.sin(16 * np.pi * x))
    assert k[amplitude.argmax()] == pytest.approx(16 * np.pi, rel=1e-3)
    assert amplitude.max() == pytest.approx(0.3, rel=1e-2)


def test_tables_in_the_docs_are_those_of_the_results(tmp_path):
    source = store.folder(store.ROOT)
    if source.exists():
        shutil.copytree(source, store.folder(tmp_path))
    shutil.copy(store.ROOT / "README.md", tmp_path)
    written = tables.write(tmp_path)
    assert len(written) >= 7
    for path in [*written, tmp_path / "README.md"]:
        name = path.relative_to(tmp_path)
        assert path.read_text("utf-8") == (store.ROOT / name).read_text("utf-8"), name
    pictures = Path("docs") / "_static" / "suite"
    for path in written:
        for name in re.findall(r"/_static/suite/(.*\.png)", path.read_text("utf-8")):
            assert (store.ROOT / pictures / name).exists(), f"{name}: run with --figures"


def test_the_solver_named_in_tables_is_the_package_s():
    module, _, name = studies.SOLVE.partition(".")
    assert deepxde_repnet.__name__ == module and callable(getattr(deepxde_repnet, name))


def test_what_an_error_is_made_of():
    axis = np.linspace(0, 1, 64)
    x, y = (a.ravel() for a in np.meshgrid(axis, axis))

    def wave(a, b):
        return np.sin(np.pi * a * x) * np.sin(np.pi * b * y)

    # k = 8 half waves: the solution's wave (8, 8), a nearly free one, 64 + 1, and one far from it.
    missing, free = tables.made_of(0.25 * wave(8, 8) + 3 * wave(8, 1) + 2 * wave(3, 2), 8)
    assert missing == pytest.approx(0.25)
    assert free == pytest.approx(9 / (9 + 4 + 0.25**2))
