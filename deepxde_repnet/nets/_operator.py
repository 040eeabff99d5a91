"""Operator networks: a DeepONet whose trunk, and on request its branch, is a RepNet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .. import _host
from ..spec import Box, RepSpec, is_integer
from ._base import RepNet, make_spec


class RepOperator:
    """Mixin of every operator network; it comes before DeepXDE's class in the bases.

    Attributes:
        given: The trunk's specification as the user gave it.
        branch_given: The branch's, or None where the branch is DeepXDE's own.
        settled: Whether nothing is left for ``Model.compile`` to work out.
    """

    given: RepSpec
    branch_given: RepSpec | None
    settled: bool = False
    _fixed_inputs: bool = False  # whether a feature transform must keep the trunk's inputs' number
    _n_trunks: int = 0  # built so far; each of several is drawn on its own
    _n_branches: int = 0

    def __init__(
        self,
        layer_sizes_branch: Any,
        layer_sizes_trunk: Any,
        activation: Any,
        kernel_initializer: Any,
        *args: Any,
        domain: Any = None,
        wavenumber: Any = None,
        slope_scale: Any = None,
        hidden_gain: float | None = None,
        parameterization: str | None = None,
        seed: int | None = None,
        sines: float | None = None,
        branch_slope_scale: Any = None,
        branch_domain: Any = None,
        **kwargs: Any,
    ) -> None:
        _check_branch_sizes(type(self).__name__, layer_sizes_branch)
        of_branch, of_trunk = _activations(activation)
        given = self._spec_of(
            "trunk",
            layer_sizes_trunk,
            of_trunk,
            kernel_initializer,
            domain=domain,
            wavenumber=wavenumber,
            slope_scale=slope_scale,
            hidden_gain=hidden_gain,
            parameterization=parameterization,
            seed=seed,
            sines=0.0 if sines is None else sines,
        )
        branch = None
        if branch_slope_scale is not None:
            self._check_branch(layer_sizes_branch)
            branch = self._spec_of(
                "branch",
                layer_sizes_branch,
                of_branch,
                kernel_initializer,
                domain=branch_domain,
                slope_scale=branch_slope_scale,
                hidden_gain=1.0,
                parameterization=parameterization,
                seed=_another_seed(given.seed, 0),
                sines=0.0,
            )
        elif branch_domain is not None:
            raise ValueError(
                f"{type(self).__name__}: branch_domain is given without branch_slope_scale; "
                "give both for a branch with a RepNet layer, or neither."
            )
        # DeepXDE's constructor builds the networks, before which its frameworks keep no attributes.
        object.__setattr__(self, "given", given)
        object.__setattr__(self, "branch_given", branch)
        super().__init__(
            layer_sizes_branch,
            layer_sizes_trunk,
            activation,
            kernel_initializer,
            *args,
            **kwargs,
        )

    def _spec_of(self, part: str, *arguments: Any, **options: Any) -> RepSpec:
        try:
            return make_spec(*arguments, **options)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{type(self).__name__}, {part}: {error}") from None

    def _check_branch(self, layer_sizes: Any) -> None:
        if len(layer_sizes) > 1 and callable(layer_sizes[1]):
            raise ValueError(
                f"{type(self).__name__}: layer_sizes_branch holds a network of your own, whose "
                "layers are not replaced; leave branch_slope_scale out, or give the sizes of the "
                "layers."
            )

    def _next_trunk(self) -> RepSpec:
        """The specification of the next trunk to be built; the first has the seed as given."""
        number, self._n_trunks = self._n_trunks, self._n_trunks + 1
        return _numbered(self.given, number, stream=1)

    def _next_branch(self) -> RepSpec:
        number, self._n_branches = self._n_branches, self._n_branches + 1
        assert self.branch_given is not None
        return _numbered(self.branch_given, number, stream=2)

    @property
    def spec(self) -> RepSpec | None:
        """The trunk's complete specification, or None until the network is calibrated.

        That is at once where domain and scale were given, otherwise in ``Model.compile``.
        """
        raise NotImplementedError

    def calibrate(self, spec: RepSpec, branch_domain: Box | None = None) -> None:
        """Set the domain, the slope scale and the hidden gain of the trunks, before training.

        Args:
            spec: A complete specification, from ``given.completed``. Its domain is the box of the
                trunk's inputs: of the coordinates, or of the features where there is a feature
                transform.
            branch_domain: The box of the branch's inputs; needed only where the branch has a
                RepNet layer, and its box was not given.
        """
        raise NotImplementedError

    def apply_feature_transform(self, transform: Any) -> None:
        """As in DeepXDE, of the trunk's inputs; its box must then be that of the features."""
        super().apply_feature_transform(transform)  # type: ignore[misc]
        self._unsettle()

    def _unsettle(self) -> None:
        raise NotImplementedError

    def _check_inputs(self, spec: RepSpec) -> None:
        free = _host.input_transform(self) is not None and not self._fixed_inputs
        if spec.dim != self.given.dim and not free:
            raise ValueError(
                f"layer_sizes_trunk of {type(self).__name__} starts with {self.given.dim}, but "
                f"the trunk has {spec.dim} inputs (features, where there is a feature transform); "
                f"write [{spec.dim}, ...]."
            )

    def _branch_spec(self, domain: Box | None) -> RepSpec | None:
        """The branch's complete specification, None where there is nothing to set."""
        given = self.branch_given
        if given is None or (domain is None and given.domain is None):
            return None
        domain = given.domain if domain is None else domain
        assert domain is not None and given.slope_scale is not None
        if domain.dim != given.dim:
            raise ValueError(
                f"layer_sizes_branch of {type(self).__name__} starts with {given.dim}, but the "
                f"branch has {domain.dim} inputs; write [{domain.dim}, ...]."
            )
        return given.completed(domain, given.slope_scale, 1.0)

    def _uncalibrated(self) -> RuntimeError:
        name = type(self).__name__
        if _host.input_transform(self) is not None:
            return RuntimeError(
                f"{name} does not know the range of its trunk's features yet (a domain that is "
                "given is that of the coordinates). It is worked out by "
                "dde.Model(data, net).compile(...); call that first."
            )
        branch = "" if self.branch_given is None else ", branch_domain=(lower, upper)"
        return RuntimeError(
            f"{name} does not know the ranges of its inputs and its slope scale yet. They are "
            "worked out by dde.Model(data, net).compile(...); to use the network before or "
            f"without that, give {name}(..., domain=(lower, upper), wavenumber=...{branch})."
        )


_OPTIONS = ("domain", "wavenumber", "slope_scale", "hidden_gain", "parameterization", "sines")


class OperatorOfNets(RepOperator):
    """Mixin where DeepXDE holds branch and trunk as networks: each RepNet part is a RepFNN.

    Attributes:
        _network: The backend's RepFNN.
    """

    _network: type

    def build_trunk_net(self, layer_sizes_trunk: Any) -> Any:
        return self._build(self._next_trunk(), self.activation_trunk)

    def build_branch_net(self, layer_sizes_branch: Any) -> Any:
        if self.branch_given is None:
            return super().build_branch_net(layer_sizes_branch)
        return self._build(self._next_branch(), None)

    def _build(self, spec: RepSpec, activation: Any) -> Any:
        """A RepFNN; ``activation`` is DeepXDE's own where it holds trained parameters."""
        sizes = list(spec.layer_sizes)
        options = {name: getattr(spec, name) for name in _OPTIONS}
        return self._network(
            sizes,
            spec.activation,
            spec.kernel_initializer,
            **self._network_options(),
            **options,
            seed=spec.seed,
        )

    def _network_options(self) -> dict[str, Any]:
        return {}

    @property
    def _trunks(self) -> list[Any]:
        return _several(self.trunk)

    @property
    def _rep_branches(self) -> list[Any]:
        return [] if self.branch_given is None else _several(self.branch)

    @property
    def settled(self) -> bool:  # type: ignore[override]
        return all(net.settled for net in [*self._trunks, *self._rep_branches])

    @property
    def spec(self) -> RepSpec | None:
        spec: RepSpec | None = self._trunks[0].spec
        return spec

    def calibrate(self, spec: RepSpec, branch_domain: Box | None = None) -> None:
        self._check_inputs(spec)
        branch = self._branch_spec(branch_domain)
        for trunk in self._trunks:
            trunk.calibrate(replace(spec, seed=trunk.given.seed))
        for net in self._rep_branches:
            if branch is not None:
                net.calibrate(replace(branch, seed=net.given.seed))

    def _unsettle(self) -> None:
        for trunk in self._trunks:
            if not trunk._restored:
                trunk.settled = trunk._ready = False

    def _check_ready(self) -> None:
        if not all(net._ready for net in [*self._trunks, *self._rep_branches]):
            raise self._uncalibrated()


class EagerOperator(OperatorOfNets):
    """Mixin for PyTorch and Paddle."""

    _fixed_inputs = True

    def _build(self, spec: RepSpec, activation: Any) -> Any:
        net = super()._build(spec, activation)
        if activation is not None:
            # As in DeepXDE one object serves all layers of the trunk: it may hold parameters.
            net.activation = activation
            net._place_sines()
        return net

    def _after_loading(self) -> None:
        for net in [*self._trunks, *self._rep_branches]:
            net._after_loading()

    def forward(self, inputs: Any) -> Any:
        self._check_ready()
        return super().forward(inputs)


def _check_branch_sizes(name: str, sizes: Any) -> None:
    """Sizes of DeepXDE's branch: of its layers, or of its inputs with a network of the user's."""
    listed = isinstance(sizes, (list, tuple)) and len(sizes) >= 2
    if listed and callable(sizes[1]):
        sizes = sizes[:1]
    if not listed or not all(is_integer(n) and n > 0 for n in sizes):
        raise ValueError(
            f"{name}: layer_sizes_branch={sizes!r} must be a list of at least two positive "
            "integers, such as [100, 64, 64], or [100, network] with a network of your own."
        )


def _activations(activation: Any) -> tuple[Any, Any]:
    """Of the branch and of the trunk."""
    if isinstance(activation, dict):
        if set(activation) != {"branch", "trunk"}:
            raise ValueError(
                f"activation has the keys {sorted(map(str, activation))}; as a dict it must be "
                '{"branch": ..., "trunk": ...}.'
            )
        of_branch, of_trunk = activation["branch"], activation["trunk"]
    else:
        of_branch = of_trunk = activation
    if isinstance(of_trunk, (list, tuple)):
        raise TypeError(
            f"activation of the trunk is {of_trunk!r}; as in DeepXDE it is one name or function, "
            "which also follows the trunk's last layer."
        )
    return of_branch, of_trunk


def _several(nets: Any) -> list[Any]:
    """The networks of an independent multi-output strategy, or the one there is."""
    return [nets] if isinstance(nets, RepNet) else list(nets)


def _numbered(spec: RepSpec, number: int, stream: int) -> RepSpec:
    if number == 0:
        return spec
    return replace(spec, seed=_another_seed(spec.seed, stream, number))


def _another_seed(seed: int, *key: int) -> int:
    """A seed whose draws are independent of those of ``seed``."""
    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1)[0])
