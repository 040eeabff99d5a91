"""The networks as DeepXDE and its users see them."""

from __future__ import annotations

import inspect
from typing import Any

import deepxde as dde
import numpy as np

import deepxde_repnet
from deepxde_repnet.theory import initialize, reference

from . import bad_input
from .registry import check, without
from .support import (
    BACKEND,
    NETWORKS,
    assert_close,
    calibrated,
    call,
    compiled,
    features,
    fit,
    hard_boundary,
    helmholtz,
    points,
    raises,
)

OURS = ["domain", "wavenumber", "slope_scale", "hidden_gain", "parameterization", "seed", "sines"]


@check(cases={name: {"name": name} for name in NETWORKS})
def check_signature(name: str) -> None:
    """DeepXDE's arguments in their places, with their defaults; ours by keyword only."""
    ours, theirs = NETWORKS[name], getattr(dde.nn, name)
    expected = [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
    parameters = inspect.signature(ours).parameters.values()
    keyword_only = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    positional = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    assert [(p.name, p.default) for p in positional] == expected
    assert [p.name for p in keyword_only] == OURS
    assert all(p.default is None for p in keyword_only)
    assert ours.__doc__ and "Args:" in ours.__doc__
    assert ours.__name__ == f"Rep{name}"


@check()
def check_positional_arguments_are_taken() -> None:
    """What the signature promises is what the constructor does."""
    values = {
        "regularization": ["l2", 1e-6],
        "dropout_rate": 0.0,
        "batch_normalization": None,
        "layer_normalization": None,
        "kernel_constraint": None,
        "use_bias": True,
        "params": None,
        "_input_transform": None,
        "_output_transform": None,
    }
    for name, sizes in (("FNN", [2, 8, 8, 1]), ("PFNN", [2, 8, [8, 8], 2])):
        names = list(inspect.signature(getattr(dde.nn, name)).parameters)[3:]
        arguments = [values[n] for n in names if n not in ("parent", "name")]
        net = NETWORKS[name](sizes, "tanh", "Glorot uniform", *arguments, seed=1)
        if arguments:
            assert net.regularizer is not None
        with raises(TypeError):
            NETWORKS[name](sizes, "tanh", "Glorot uniform", no_such_argument=1)


@check()
def check_available_as_deepxde_networks() -> None:
    for name, ours in NETWORKS.items():
        assert getattr(dde.nn, f"Rep{name}") is ours
        assert issubclass(ours, getattr(dde.nn, name))
    assert dde.nn.RepFNN is deepxde_repnet.RepFNN
    net = dde.nn.RepFNN([2, 8, 1], "tanh", "Glorot uniform")
    assert isinstance(net, dde.nn.FNN)


@check()
def check_layer_lists_of_deepxde() -> None:
    """Where DeepXDE keeps its layers, in the form that the networks rely on."""
    fnn = dde.nn.FNN([2, 8, 7, 1], "tanh", "Glorot uniform")
    pfnn = dde.nn.PFNN([2, 8, [7, 6], 2], "tanh", "Glorot uniform")
    moved = "DeepXDE has moved or renamed it; adapt deepxde_repnet/nets and _host.layers"
    if BACKEND in ("pytorch", "paddle"):
        assert len(fnn.linears) == 3, f"FNN.linears: {moved}"
        assert len(pfnn.layers) == 3 and len(pfnn.layers[1]) == 2, f"PFNN.layers: {moved}"
        assert all(hasattr(layer, "bias") for layer in fnn.linears), f"Linear.bias: {moved}"
    elif BACKEND == "tensorflow":
        assert len(fnn.denses) == 3, f"FNN.denses: {moved}"
        assert len(pfnn.denses) == 3 and len(pfnn.denses[1]) == 2, f"PFNN.denses: {moved}"
        dropout = dde.nn.FNN([2, 8, 7, 1], "tanh", "Glorot uniform", None, 0.1)
        assert len(dropout.denses) == 5, f"Dropout in FNN.denses: {moved}"
    elif BACKEND == "tensorflow.compat.v1":
        for net in (fnn, pfnn):
            assert callable(net._dense), f"FNN._dense: {moved}"
            parameters = list(inspect.signature(net._dense).parameters)
            assert parameters == ["inputs", "units", "activation", "use_bias"], (
                f"arguments of FNN._dense: {moved}"
            )
            for name in ("training", "regularization_loss", "kernel_constraint", "built"):
                assert hasattr(net, name), f"FNN.{name}: {moved}"
    else:
        jax, x = dde.backend.jax, points(3, [0, 0], [1, 1])
        for net, layer in ((fnn, "denses_1"), (pfnn, "denses_1_0")):
            tree = jax.eval_shape(net.init, jax.random.PRNGKey(0), x)["params"]
            assert layer in tree, f"names of the parameters, {list(tree)}: {moved}"
            assert {"layer_sizes", "activation", "kernel_initializer", "params"} <= set(
                net.__dataclass_fields__
            ), f"fields of FNN: {moved}"
    for net in (fnn, pfnn):
        for name in ("_input_transform", "_output_transform", "regularizer"):
            assert hasattr(net, name), f"NN.{name}: {moved}"


@check()
def check_bad_arguments() -> None:
    """The error is ours, before the backend sees the arguments."""
    for name, cases in (("FNN", bad_input.FNN), ("PFNN", bad_input.PFNN)):
        for case, (changed, kind, parts) in cases.items():
            positional, keywords = bad_input.arguments_of(changed)
            try:
                with raises(kind, *parts):
                    NETWORKS[name](*positional, **keywords)
            except Exception as error:
                raise AssertionError(f"{case}: {error}") from error


@check()
def check_no_name_of_the_framework_is_taken() -> None:
    """Only what is meant to be overridden is: Keras, say, has properties of its own."""
    meant = {
        "apply_feature_transform",
        "build",
        "call",
        "forward",
        "load_state_dict",
        "load_weights",
        "set_state_dict",
        "setup",
        "_dense",
    }
    for ours in NETWORKS.values():
        bases = ours.__mro__
        host = next(i for i, b in enumerate(bases) if b.__module__.startswith("deepxde."))
        mixins = [b for b in bases[1:host] if b.__module__.startswith("deepxde_repnet.")]
        assert mixins
        defined = {name for b in mixins for name in vars(b) if not name.startswith("__")}
        taken = {name for name in defined if hasattr(bases[host], name)} - meant
        assert not taken, f"{ours.__name__} hides {taken} of {bases[host].__module__}"


@check(cases={name: {"name": name} for name in NETWORKS})
def check_uncalibrated_network_says_what_to_do(name: str) -> None:
    sizes: Any = [2, 8, 1] if name == "FNN" else [2, [8, 8], 2]
    net = NETWORKS[name](sizes, "tanh", "Glorot uniform")
    assert net.spec is None and not net.settled
    with raises(RuntimeError, f"Rep{name}", "compile", "domain=", "wavenumber="):
        call(net, points(4, [0, 0], [1, 1]))


@check(backends=without("tensorflow.compat.v1"))
def check_explicit_network_works_without_a_model() -> None:
    """With domain and scale given, the network can be called without DeepXDE's Model."""
    net = NETWORKS["FNN"](
        [2, 8, 1], "tanh", "Glorot uniform", domain=([0, 0], [1, 1]), wavenumber=9.0, seed=1
    )
    x = points(5, [0, 0], [1, 1])
    y = call(net, x)
    assert y.shape == (5, 1) and np.isfinite(y).all()


@check()
def check_transform_after_explicit_domain() -> None:
    """The explicit domain is of the coordinates: a transform makes it wrong for the layer."""
    n = 2 if BACKEND in ("pytorch", "paddle") else 1
    net = NETWORKS["FNN"](
        [n, 8, 1],
        "tanh",
        "Glorot uniform",
        **({} if n == 2 else {"domain": ([0.0], [4.0])}),
        slope_scale=3.0,
        hidden_gain=1.0,
        seed=1,
    )
    net.apply_feature_transform(features)
    x = points(30, [0], [4])
    with raises(RuntimeError, "compile"):
        call(net, x)
    model, said = compiled(fit(x, x), net)
    assert "features" in said
    f = np.concatenate([np.sin(x), x**2], axis=1)
    assert_close(np.array(net.spec.domain.lower), f.min(axis=0), 1e-5, "lower corner")
    assert_close(np.array(net.spec.domain.upper), f.max(axis=0), 1e-5, "upper corner")
    assert model.predict(x).shape == (30, 1)


@check()
def check_same_number_of_features_after_explicit_domain() -> None:
    """Also where nothing in the shapes shows that the box is not the features'."""
    net = NETWORKS["FNN"](
        [2, 8, 8, 1],
        "tanh",
        "Glorot uniform",
        domain=([0, 0], [1, 1]),
        wavenumber=12.0,
        hidden_gain=1.5,
        seed=1,
        sines=0,
    )
    assert net.settled and net.spec is not None
    net.apply_feature_transform(lambda x: 100 * x)
    assert not net.settled
    x = points(5, [0, 0], [1, 1])
    with raises(RuntimeError, "compile"):
        call(net, x)
    net.apply_output_transform(hard_boundary)
    calibrated(helmholtz(), net)
    upper = np.array(net.spec.domain.upper)
    assert np.all(upper > 90), f"the layer's box {net.spec.domain} is not that of the features"
    # k = 12 over [0, 1] is 0.12 over the features' [0, 100].
    assert_close(np.array(net.spec.slope_scale), np.full(2, 0.4 * 12 / 2), 0.1, "slope scale")
    assert net.spec.hidden_gain is not None and abs(net.spec.hidden_gain - 1.5) < 1e-6


@check(backends=["tensorflow.compat.v1", "jax"])
def check_transform_that_comes_too_late() -> None:
    """Where layers are made once, in ``Model.compile``, a transform after it is an error."""
    x = points(20, [0], [1])
    net = NETWORKS["FNN"]([1, 8, 1], "tanh", "Glorot uniform", seed=1)
    model, _ = compiled(fit(x, np.sin(9 * x)), net)
    with raises(RuntimeError, "before Model.compile"):
        net.apply_feature_transform(features)
        model.compile("adam", lr=1e-3)


@check(backends=["jax"])
def check_parameters_of_an_earlier_call() -> None:
    """Parameters made by hand do not keep a network from being calibrated."""
    x = points(20, [0], [1])
    net = NETWORKS["FNN"](
        [1, 8, 8, 1], "tanh", "Glorot uniform", domain=(0, 1), slope_scale=4, seed=1
    )
    net.params = net.init(dde.backend.jax.random.PRNGKey(0), x)
    model, said = compiled(fit(x, np.sin(9 * x)), net)
    assert "hidden gain" in said
    drawn = reference.forward(net.spec, initialize.draw(net.spec), x)
    assert_close(np.asarray(model.predict(x)), drawn.value, 1e-4, "values")
