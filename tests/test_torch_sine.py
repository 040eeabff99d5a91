"""The sine of PyTorch's first layers: PyTorch's values and derivatives, of any order and kind."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.profiler import ProfilerActivity, profile

from deepxde_repnet.nets.pytorch import SinesFirst, _sine

# PyTorch's functional transforms import what PyTorch has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def z():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(7, 3, generator=generator, dtype=torch.float64).requires_grad_()


def derivatives(function, z, order):
    found = function(z)
    for _ in range(order):
        (found,) = torch.autograd.grad(found.sum(), z, create_graph=True)
    return found


@pytest.mark.parametrize("order", range(5))
def test_derivatives(z, order):
    expected = derivatives(torch.sin, z, order)
    torch.testing.assert_close(derivatives(_sine, z, order), expected, rtol=1e-15, atol=1e-15)


def test_gradients_of_gradients(z):
    assert gradcheck(_sine, z, check_forward_ad=True)
    assert gradgradcheck(_sine, z)


def test_functional_transforms(z):
    function = torch.func

    def total(x):
        return _sine(x).sum()

    for transform in (
        function.hessian,
        lambda f: function.jacfwd(function.jacrev(f)),
        lambda f: function.jacrev(function.jacfwd(f)),
    ):
        found = transform(total)(z).reshape(21, 21).diagonal().reshape(7, 3)
        torch.testing.assert_close(found, -torch.sin(z))
    torch.testing.assert_close(function.vmap(function.grad(total))(z), torch.cos(z))
    _, found = function.jvp(_sine, (z,), (torch.full_like(z, 2.0),))
    torch.testing.assert_close(found, 2 * torch.cos(z))


@pytest.mark.parametrize("n", [0, 1, 3])
def test_the_first_neurons_give_it(z, n):
    found = SinesFirst(n, torch.tanh)(z)
    torch.testing.assert_close(found[:, :n], torch.sin(z[:, :n]))
    torch.testing.assert_close(found[:, n:], torch.tanh(z[:, n:]))
    assert found.shape == z.shape


def test_sine_and_cosine_are_evaluated_once(z):
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        derivatives(_sine, z, 4)
    names = [event.name for event in profiled.events()]
    assert names.count("aten::sin") == names.count("aten::cos") == 1
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as profiled:
        _sine(z)
    assert "aten::cos" not in [event.name for event in profiled.events()]
