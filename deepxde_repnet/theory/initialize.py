"""The initial draw: from a specification to arrays, once, in NumPy, for every backend."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..spec import Array, FourierSpec, RepSpec
from . import frequencies


@dataclass(frozen=True)
class Rep:
    """Arrays of a reparameterized layer of n neurons on d normalised inputs.

    Attributes:
        direction: v, shape (n, d); the slopes are ``w_ij = s_j exp(a_i) v_ij``.
        shift: c, shape (n, d); neuron i switches on a hyperplane through -c_i.
        log_scale: a, shape (n,); 0 at the start and where it is not trained.
    """

    direction: Array
    shift: Array
    log_scale: Array

    def slope(self, slope_scale: Array) -> Array:
        """w, shape (n, d), in normalised units, for the slope scale s of shape (d,)."""
        return slope_scale * np.exp(self.log_scale)[:, None] * self.direction

    def affine(self, slope_scale: Array) -> tuple[Array, Array]:
        """Kernel w (n, d) and offset b (n,) of ``z = w·x + b`` on normalised inputs."""
        slope = self.slope(slope_scale)
        return slope, (slope * self.shift).sum(axis=1)

    def with_ridges(self, slope_scale: Array, slope: Array, offset: Array) -> Rep:
        """The layer ``z = w·x + b`` with the log-scales of this one and the nearest shifts.

        Many shifts give one b = w·c: those nearest to c are ``c + w (b - w·c)/|w|²``.

        Args:
            slope_scale: s, shape (d,).
            slope: w, shape (n, d), in normalised units.
            offset: b, shape (n,), that of normalised inputs.
        """
        direction = slope / (slope_scale * np.exp(self.log_scale)[:, None])
        lacking = offset - (slope * self.shift).sum(1)
        square = np.maximum((slope**2).sum(1), np.finfo(float).tiny)
        shift = self.shift + slope * (lacking / square)[:, None]
        return Rep(direction, shift, self.log_scale)


@dataclass(frozen=True)
class Fourier:
    """Arrays of a layer of m pairs of cos and sin on d normalised inputs.

    Attributes:
        direction: v, shape (m, d); the wavenumbers are ``w_ij = s_j v_ij``, in normalised units.
    """

    direction: Array

    def affine(self, slope_scale: Array) -> tuple[Array, Array]:
        """Kernel (2m, d) and offset (2m,) of z, whose sines are cos w·x and then sin w·x."""
        slope = slope_scale * self.direction
        m = len(slope)
        return np.concatenate([slope, slope]), np.repeat([np.pi / 2, 0.0], m)


@dataclass(frozen=True)
class Dense:
    """Arrays of an ordinary layer: y = x kernel + bias.

    Attributes:
        kernel: Shape (inputs, outputs); None where the backend's own initializer draws it.
        bias: Shape (outputs,).
    """

    kernel: Array | None
    bias: Array


#: A network: levels of parallel layers; a level of one layer is shared by all that follows.
Weights = list[list[Rep | Fourier | Dense]]


def draw(spec: RepSpec) -> Weights:
    """Draw the initial weights of a network.

    The first level is ``v ~ N(0, 1)``, ``c ~ U(-1, 1)``, ``a = 0``. The kernels of the hidden
    levels after it come from ``spec.kernel_initializer`` times the hidden gain (1 where it is not
    known), those of the output level from the initializer alone; biases are zero. The draw does not
    depend on the domain nor on the slope scale; ``spec.waves`` takes the place of its first slopes.

    Args:
        spec: The specification; ``spec.dim`` is the number of inputs of the first layer.

    Returns:
        Weights in float64, level by level.
    """
    generator = np.random.default_rng(spec.seed)
    levels: Weights = []
    for depth, level in enumerate(spec.fans):
        layers: list[Rep | Fourier | Dense] = []
        for n_in, n_out in level:
            if depth == 0 and isinstance(spec, FourierSpec):
                layers.append(draw_fourier(spec))
                continue
            if depth == 0:
                direction = generator.standard_normal((n_out, n_in))
                direction[: len(spec.waves)] = wave_directions(spec)
                layers.append(
                    Rep(
                        direction=direction,
                        shift=generator.uniform(-1.0, 1.0, (n_out, n_in)),
                        log_scale=np.zeros(n_out),
                    )
                )
                continue
            kernel = None
            if isinstance(spec.kernel_initializer, str):
                hidden = depth < len(spec.fans) - 1
                gain = spec.hidden_gain if hidden and spec.hidden_gain else 1.0
                kernel = gain * _kernel(generator, spec.kernel_initializer, n_in, n_out)
            layers.append(Dense(kernel=kernel, bias=np.zeros(n_out)))
        levels.append(layers)
    return levels


def wave_directions(spec: RepSpec) -> Array:
    """Directions v of the neurons whose slopes are ``spec.waves``, shape (m, d)."""
    waves = np.array(spec.waves).reshape(-1, spec.dim)
    return waves / np.array(spec.slope_scale) if len(waves) else waves


def trained_waves(spec: RepSpec) -> Array:
    """The same as a layer trains them: with "shift" that is w itself."""
    return np.array(spec.waves) if spec.parameterization == "shift" else wave_directions(spec)


def draw_wavenumbers(spec: FourierSpec, m: int, distribution: frequencies.Joint) -> Array:
    """Draw m wavenumber vectors, shape (m, d), radians per unit of each coordinate.

    They have a stream of their own: the other layers do not depend on the distribution.
    """
    generator = np.random.default_rng(np.random.SeedSequence(spec.seed, spawn_key=(0,)))
    return frequencies.sample(distribution, generator, m)


def draw_fourier(spec: FourierSpec) -> Fourier:
    """The first layer of a FourierFNN; zero while its distribution or the domain is not known."""
    width = spec.layer_sizes[1]
    assert isinstance(width, int)
    m = width // 2
    if spec.domain is None or spec.slope_scale is None:
        return Fourier(np.zeros((m, spec.dim)))
    w = draw_wavenumbers(spec, m, spec.frequencies) * spec.domain.half_width
    return Fourier(w / np.asarray(spec.slope_scale))


def _kernel(generator: np.random.Generator, name: str, n_in: int, n_out: int) -> Array:
    """A kernel (n_in, n_out) of the named variance-scaling family, in its plain form.

    Variance 2/(n_in + n_out) for Glorot, 2/n_in for He, 1/n_in for LeCun; normal draws are not
    truncated.
    """
    family, _, shape = name.lower().partition(" ")
    if family == "zeros":
        return np.zeros((n_in, n_out))
    if family == "orthogonal":
        square = generator.standard_normal((max(n_in, n_out), min(n_in, n_out)))
        q, r = np.linalg.qr(square)
        q = q * np.sign(np.diagonal(r))
        return np.asarray(q if n_in >= n_out else q.T)
    variance = {"glorot": 2.0 / (n_in + n_out), "he": 2.0 / n_in, "lecun": 1.0 / n_in}[family]
    if shape == "normal":
        return np.asarray(math.sqrt(variance) * generator.standard_normal((n_in, n_out)))
    limit = math.sqrt(3.0 * variance)
    return generator.uniform(-limit, limit, (n_in, n_out))
