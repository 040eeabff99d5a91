"""Sums of derivatives are found in whatever the user's function does with them."""

import gc
import weakref

import deepxde as dde
import numpy as np
import pytest
import torch

from benchmarks.same_training import difference
from benchmarks.training_problems import Problem, on_square, poisson
from deepxde_repnet import RepFNN, accelerate
from deepxde_repnet.taylor.torch_jets import Plan, is_sum
from deepxde_repnet.train import torch_accelerate
from deepxde_repnet.train.torch_deferred import Deferred


@pytest.fixture(autouse=True)
def restored():
    precision = dde.config.real.precision
    yield
    dde.config.set_default_float(f"float{precision}")


def network(outputs=1, activation="tanh"):
    return RepFNN([2, 16, 16, outputs], activation, "Glorot uniform", wavenumber=6.0, seed=1)


def walls(geom):
    return [dde.icbc.DirichletBC(geom, lambda x: np.sin(6 * x[:, :1]), lambda _, on: on)]


def second(y, x, j, component=0):
    return dde.grad.hessian(y, x, component=component, i=j, j=j)


def first(y, x, j):
    return dde.grad.jacobian(y, x, i=0, j=j)


class Reversed(torch.autograd.Function):
    """Twice its argument, with a gradient that is not that of its own forward pass."""

    @staticmethod
    def forward(ctx, z):
        return 2 * z

    @staticmethod
    def backward(ctx, gradient):
        return -3 * gradient


def weighted(x, y):
    u_xx, u_yy = second(y, x, 0), second(y, x, 1)
    with torch.no_grad():
        weight = u_xx + u_yy
    return weight * (u_xx + u_yy - y)


def in_place(x, y):
    total = second(y, x, 0)
    total += second(y, x, 1)
    return total


def laplacian(x, y):
    return second(y, x, 0) + second(y, x, 1)


def biharmonic(x, y):
    inner = laplacian(x, y)
    return second(inner, x, 0) + second(inner, x, 1) - 1


def gradient_of_a_sum(x, y):
    (gradient,) = torch.autograd.grad(
        laplacian(x, y), x, torch.ones_like(y[:, :1]), create_graph=True
    )
    return gradient[:, :1] + y[:, :1]


def by_number(x, y):
    wave = np.float64(1.5) * second(y, x, 0) - second(y, x, 1) / 4 + (-first(y, x, 1)) * 2
    return torch.sub(wave, 3.0, alpha=0.5)


def cancelled(x, y):
    return second(y, x, 0) - second(y, x, 0) + 0 * second(y, x, 1) + first(y, x, 0)


#: Name -> equation, and whether a sum is carried for it.
EQUATIONS = {
    "returned as it is": (laplacian, True),
    "heat": (lambda x, y: first(y, x, 1) - 0.3 * second(y, x, 0) - y, True),
    "advection": (lambda x, y: first(y, x, 0) + 2 * first(y, x, 1) - y, True),
    "biharmonic": (biharmonic, True),
    "numbers": (by_number, True),
    "gradient of a sum": (gradient_of_a_sum, False),
    "functions": (lambda x, y: torch.add(second(y, x, 0), second(y, x, 1), alpha=1) ** 2, False),
    "in place": (in_place, False),
    "cancelled": (cancelled, False),
    "a part alone": (lambda x, y: [laplacian(x, y) - 1, second(y, x, 0) * y], False),
    "coefficient of x": (lambda x, y: x[:, :1] * second(y, x, 0) + second(y, x, 1), False),
    "cut": (lambda x, y: torch.cat([second(y, x, 0)[:9], second(y, x, 1)[9:]]) - 1, False),
    "own function": (lambda x, y: Reversed.apply(second(y, x, 0)) + second(y, x, 1), False),
    "constant weight": (weighted, False),
}


def carried_by(model):
    return {a for a in Plan(model.train_step.__self__.asked).axes if is_sum(a)}


def prepare(model):
    accelerate(model, compile=False, block=96, verbose=0)


@pytest.mark.parametrize("name", EQUATIONS)
def test_same_training(name):
    equation, whole = EQUATIONS[name]
    found = []

    def problem():
        found.append(on_square(equation, walls, network(activation="sin")))
        return Problem(found[-1])

    assert difference(problem, "adam", 6, prepare) < 1e-12
    accelerated = next(m for m in found if hasattr(m.train_step, "__self__"))
    assert bool(carried_by(accelerated)) == whole


def test_several_outputs_have_sums_of_their_own():
    def equations(x, y):
        u = second(y, x, 0, 0) + second(y, x, 1, 0)
        v = second(y, x, 0, 1) + second(y, x, 1, 1)
        crossed = second(y, x, 0, 0) + second(y, x, 1, 1)
        return [u - y[:, 1:], v + y[:, :1], crossed]

    def problem():
        return Problem(on_square(equations, walls, network(outputs=2)))

    assert difference(problem, "adam", 6, prepare) < 1e-12


def test_factors_that_change_leave_their_parts():
    models = []

    def equation(x, y):
        factor = 1 + (models[-1].train_state.step // 7 if models else 0)
        return second(y, x, 0) + factor * second(y, x, 1) - 1

    def problem():
        models.clear()
        found = Problem(on_square(equation, walls, network()))
        models.append(found.model)
        return found

    assert difference(problem, "adam", 20, prepare) < 1e-12
    step = models[0].train_step.__self__
    assert {a for a in step.asked if not is_sum(a)} >= {(0, 0), (1, 1)}
    # However often the factor changes, no more than what was there at first.
    assert len({a for a in step.asked if is_sum(a)}) == 1
    assert not carried_by(models[0])


def test_what_is_put_aside_keeps_the_values_of_its_step():
    kept, shown = [], []

    def equation(x, y):
        u_xx = second(y, x, 0)
        kept.append(u_xx)
        shown.append(None if not isinstance(u_xx, Deferred) else u_xx.shape)
        return u_xx + second(y, x, 1) - 1

    dde.config.set_default_float("float64")
    model = on_square(equation, walls, network())
    model.compile("adam", lr=1e-1, verbose=0)
    prepare(model)
    kept.clear()
    model.train(iterations=1, verbose=0)
    x = model.train_state.X_train
    before = [k.detach().clone() for k in kept]
    model.train(iterations=3, verbose=0)
    assert shown[-1] == (len(x), 1)
    for one, then in zip(kept, before, strict=False):
        assert torch.equal(one.detach(), then)
    assert not torch.equal(kept[0].detach(), kept[-1].detach())


def test_nothing_is_left_of_a_step():
    seen = []

    def equation(x, y):
        u_xx = second(y, x, 0)
        seen.append(weakref.ref(u_xx))
        return u_xx + second(y, x, 1) - 1

    model = on_square(equation, walls, network())
    model.compile("adam", lr=1e-3, verbose=0)
    prepare(model)
    gc.disable()
    try:
        seen.clear()
        model.train(iterations=2, verbose=0)
        assert seen
        assert all(reference() is None for reference in seen)
    finally:
        gc.enable()


def test_functions_that_want_other_tensors_get_them():
    def equation(x, y):
        u_xx = second(y, x, 0)
        if type(u_xx) is not torch.Tensor:
            raise TypeError("not a tensor")
        return u_xx + second(y, x, 1) - 1

    def without(model):
        prepare(model)
        assert not model.train_step.__self__.defers

    def problem():
        return Problem(on_square(equation, walls, network()))

    assert difference(problem, "adam", 4, without) < 1e-12


def test_what_reads_memory_past_pytorch_is_noticed():
    def equation(x, y):
        u_xx = second(y, x, 0)
        raw = u_xx.as_subclass(torch.Tensor) if isinstance(u_xx, Deferred) else u_xx
        with torch._C.DisableTorchFunctionSubclass():
            seen = torch.Tensor.as_subclass(u_xx, torch.Tensor)
        return raw + 0 * seen.detach() + second(y, x, 1) - 1

    model = on_square(equation, walls, network())
    model.compile("adam", lr=1e-3, verbose=0)
    prepare(model)
    assert not model.train_step.__self__.defers


def test_nan_of_ours_alone_is_a_difference():
    model = poisson().model
    model.compile("adam", lr=1e-3, verbose=0)
    step = torch_accelerate.Step(
        model, torch_accelerate.Network(model.net), torch_accelerate.Settings(96, False, 0.0)
    )
    batch = step.on_device(True, model.data.train_next_batch())
    assert torch_accelerate._difference(step, batch) is None
    own = step.loss_and_gradient

    def poisoned(batch):
        loss = own(batch)
        next(iter(model.net.parameters())).grad.fill_(float("nan"))
        return loss

    step.loss_and_gradient = poisoned
    assert "differs by nan" in torch_accelerate._difference(step, batch)
