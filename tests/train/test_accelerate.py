"""An accelerated model trains as DeepXDE's own step does."""

import deepxde as dde
import numpy as np
import pytest
import torch
from versions import ADAPTIVE_ACTIVATIONS

import deepxde_repnet
from benchmarks.same_training import difference, fast
from benchmarks.training_problems import (
    PROBLEMS,
    network,
    on_square,
    poisson,
    poisson_equation,
    train,
    zero_boundary,
)
from deepxde_repnet import Guard, _host, accelerate
from deepxde_repnet.taylor import torch_jets
from deepxde_repnet.taylor.torch_sigma import sigma, with_sines
from deepxde_repnet.train import torch_accelerate

CLOSED = ["tanh", "sin", "sigmoid", "relu", "silu", "gelu"]


@pytest.fixture(autouse=True)
def restored():
    precision = dde.config.real.precision
    yield
    dde.config.set_default_float(f"float{precision}")


def derivative(u, x, axes):
    for axis in axes:
        if not u.requires_grad:
            return torch.zeros_like(u)
        (gradient,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        u = gradient[:, axis]
    return u


@pytest.mark.parametrize("name", [*CLOSED, "elu"])
def test_derivatives_of_activations(name):
    function = _host.activation(name)
    z = torch.linspace(-3, 3, 50, dtype=torch.float64)[:, None].requires_grad_()
    values, compiles = sigma(function)
    assert compiles == (name in CLOSED)
    for order, found in enumerate(values(z.detach(), 4, None)):
        expected = derivative(function(z)[:, 0], z, (0,) * order)
        torch.testing.assert_close(found[:, 0], expected.detach(), rtol=0, atol=1e-13)


LAPLACIAN = (((0, 0), 1.0), ((1, 1), 1.0))
HEAT = (((0, 0), 1.0), ((1,), -0.3))
BIHARMONIC = (((0, 0, 0, 0), 1.0), ((0, 0, 1, 1), 2.0), ((1, 1, 1, 1), 1.0))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize(
    "asked",
    [
        {()},
        {(1,)},
        {(0, 0), (1, 1)},
        {(1,), (0, 0)},
        {(0, 1), (0, 0, 1)},
        {LAPLACIAN},
        {LAPLACIAN, (1,), (0, 1)},
        {HEAT},
        {BIHARMONIC, (0,)},
        {(((0,), 1.0), ((1,), 2.5))},
    ],
)
def test_passes_against_automatic_differentiation(asked, outputs):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    sizes = [2, 6, 5, 4, outputs]
    kernels = [draw(a, b).requires_grad_() for a, b in zip(sizes, sizes[1:], strict=False)]
    biases = [draw(n).requires_grad_() for n in sizes[1:]]
    x = draw(7, 2).requires_grad_()
    plan = torch_jets.Plan(asked)
    h = x @ kernels[0] + biases[0]
    h = torch.cat([torch.sin(h[:, :2]), torch.tanh(h[:, 2:])], 1)
    h = torch.sigmoid(h @ kernels[1] + biases[1])
    u = torch.tanh(h @ kernels[2] + biases[2]) @ kernels[3] + biases[3]
    assert asked <= set(plan.axes)

    def component(axes):
        return torch.stack([derivative(c, x, axes) for c in u.unbind(1)], 1)

    expected = torch.stack(
        [sum(f * component(axes) for axes, f in torch_jets.summands(c)) for c in plan.axes]
    )
    adjoint = draw(*expected.shape)
    parameters = [p for pair in zip(kernels, biases, strict=True) for p in pair]
    gradients = torch.autograd.grad(
        (expected * adjoint).sum(), parameters, allow_unused=True, materialize_grads=True
    )

    tanh = sigma(torch.tanh)[0]
    sigmas = [with_sines(2, tanh), sigma(torch.sigmoid)[0], tanh]
    with torch.no_grad():
        layers = [torch_jets.Affine(k, b) for k, b in zip(kernels, biases, strict=True)]
        out, saved = torch_jets.forward(x, layers, sigmas, plan)
        found = torch_jets.backward(x, layers, sigmas, plan, saved, adjoint)
    torch.testing.assert_close(out, expected.detach(), rtol=1e-11, atol=1e-11)
    for ours, theirs in zip(found, gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


def test_sums_are_carried_where_that_is_less():
    def axes(*asked):
        return torch_jets.Plan(set(asked)).axes

    assert axes(LAPLACIAN) == ((), (0,), (1,), LAPLACIAN)
    # With one of its parts alone both are needed anyway.
    assert axes(LAPLACIAN, (0, 0)) == ((), (0,), (1,), (0, 0), (1, 1))
    assert axes(LAPLACIAN, (0, 0, 1)) == ((), (0,), (1,), (0, 0), (0, 1), (1, 1), (0, 0, 1))
    # Two sums of the same two parts are as many as those.
    other = (((0, 0), 1.0), ((1, 1), -4.0))
    assert axes(LAPLACIAN, other) == ((), (0,), (1,), (0, 0), (1, 1))
    # ∂/∂t goes along in ∂²/∂t², and is no longer among the last.
    damped = (((0, 0), 1.0), ((1,), 0.5), ((1, 1), -1.0))
    assert axes(damped) == ((), (0,), (1,), damped)


@pytest.mark.parametrize("name", PROBLEMS)
def test_same_training_with_adam(name):
    assert difference(PROBLEMS[name], "adam", 12, fast) < 1e-12


@pytest.mark.parametrize("name", ["wave", "Helmholtz inverse"])
def test_same_training_with_lbfgs(name):
    # Few iterations: L-BFGS amplifies rounding, DeepXDE's own as well.
    assert difference(PROBLEMS[name], "L-BFGS", 12, fast) < 1e-10


def test_without_memory_the_way_forward_is_computed_again():
    def prepare(model):
        accelerate(model, compile=False, block=64, memory=1.0, verbose=0)

    assert difference(poisson, "adam", 5, prepare) < 1e-12


def test_the_compiled_program_trains_as_well(capsys):
    def prepare(model):
        accelerate(model, compile=True, block=256)

    own, compiled = train(poisson, "adam", 3), train(poisson, "adam", 3, prepare)
    assert "compiled)" in capsys.readouterr().out
    np.testing.assert_allclose(compiled[0], own[0], rtol=1e-12)


def test_saving_predicting_and_metrics_are_as_before(tmp_path):
    dde.config.set_default_float("float64")
    model = poisson().model
    model.compile("adam", lr=1e-3, verbose=0, metrics=[lambda true, predicted: 1.0])
    own = model.train_step
    accelerate(model, compile=False, block=128, verbose=0)
    assert model.train_step != own
    model.train(iterations=2, verbose=0, model_save_path=str(tmp_path / "model"))
    assert "forward" not in vars(model.net)
    before = model.predict(np.full((3, 2), 0.3))
    model.train(iterations=1, verbose=0)
    model.restore(next(tmp_path.glob("model-2*")), verbose=0)
    np.testing.assert_array_equal(model.predict(np.full((3, 2), 0.3)), before)
    residual = model.predict(np.full((3, 2), 0.3), operator=model.data.pde)
    assert residual.shape == (3, 1)


@pytest.mark.parametrize("broken", ["parameters", "term"])
def test_the_guard_explains_an_accelerated_training(broken):
    """At the parameters of the last good step, where a gradient of each term is taken."""
    inside = [1.0]

    class Break(dde.callbacks.Callback):
        def on_epoch_end(self):
            if self.model.train_state.step < 3:
                return
            if broken == "term":
                inside[0] = 0.0
            else:
                with torch.no_grad():
                    next(self.model.net.parameters()).fill_(float("nan"))

    def equations(x, y):
        return poisson_equation(x, y), torch.sqrt(inside[0] + 0 * y)

    model = on_square(equations, zero_boundary, network())
    model.compile("adam", lr=1e-3, loss_weights=[1, 2, 3], verbose=0)
    own = model.train_step
    accelerate(model, compile=False, block=64, verbose=0)
    assert model.train_step != own
    said = {
        "parameters": r"at step 3\..* all of its gradients were finite",
        "term": r"at step 4\. The term PDE 2 of the loss is finite and its gradient is not",
    }[broken]
    with pytest.raises(FloatingPointError, match=said):
        model.train(iterations=9, callbacks=[Break(), Guard()], verbose=0)
    assert all(bool(torch.isfinite(p).all()) for p in model.net.parameters())


def kept(model, capsys, **options):
    own = model.train_step
    accelerate(model, **options)
    assert model.train_step == own
    return capsys.readouterr().out


def test_it_says_why_the_own_step_is_kept(capsys):
    model = poisson().model
    with pytest.raises(ValueError, match="not compiled"):
        accelerate(model)
    model.compile("NNCG", verbose=0)
    assert "NNCG" in kept(model, capsys)
    model.compile("adam", lr=1e-3, verbose=0)
    with pytest.raises(ValueError, match="block=0"):
        accelerate(model, block=0)

    class Own(dde.nn.FNN):
        pass

    other = dde.Model(model.data, Own([2, 8, 1], "tanh", "Glorot uniform"))
    other.compile("adam", lr=1e-3, verbose=0)
    assert "its network is a Own" in kept(other, capsys)
    if not ADAPTIVE_ACTIVATIONS:
        return
    net = deepxde_repnet.RepFNN([2, 8, 8, 1], "LAAF-10 tanh", "Glorot uniform")
    other = dde.Model(model.data, net)
    other.compile("adam", lr=1e-3, verbose=0)
    assert "activation has parameters" in kept(other, capsys, compile=False)


def test_a_pde_that_is_not_served_rightly_keeps_its_own_step(capsys):
    """As a network that is called at other points, in a way that is not seen, would."""
    model = poisson().model
    model.compile("adam", lr=1e-3, verbose=0)
    equation = model.data.pde
    model.data.pde = lambda x, y: equation(x, y) * (1.0 + ("forward" in vars(model.net)))
    assert "gradient differs" in kept(model, capsys, compile=False)


def test_threads_are_the_users_outside_of_a_step(monkeypatch, capsys):
    before = torch.get_num_threads()
    seen, failing = [], []

    def seconds(runs):
        for run in runs:
            run()
        # Each is said to be twice as fast as the one before.
        return [2.0**-k for k in range(len(runs))]

    monkeypatch.setattr(torch_accelerate, "_seconds", seconds)

    def equation(x, y):
        seen.append(torch.get_num_threads())
        if failing:
            raise ZeroDivisionError
        return poisson_equation(x, y)

    torch.set_num_threads(2)
    try:
        model = on_square(equation, zero_boundary, network())
        model.compile("adam", lr=1e-3, verbose=0)
        accelerate(model, compile=False, block=96)
        assert "not compiled, 1 thread)" in capsys.readouterr().out
        seen.clear()
        model.train(iterations=3, verbose=0)
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
        failing.append(True)
        with pytest.raises(ZeroDivisionError):
            model.train(iterations=1, verbose=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
