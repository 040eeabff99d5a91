"""The problems assembled for fastlsq, as its README's "Adding your own PDE" has it.

The points, the rows of the matrix and the right-hand side are written by hand; the weight 100 of
the conditions is the README's and that of its built-in problems. ``exact``, ``exact_grad`` and
``get_test_points`` are what its automatic scale needs: it takes the one with the smallest error
against the exact solution.
"""

from __future__ import annotations

import numpy as np
import torch
from fastlsq import Op
from fastlsq.geometry import sample_boundary_box, sample_box, sample_interval

PI = np.pi


class Poisson1DMultiscale:
    dim = 1
    name = "poisson_1d_multiscale"

    def exact(self, x):
        return torch.sin(2 * PI * x) + 0.1 * torch.sin(50 * PI * x)

    def exact_grad(self, x):
        return 2 * PI * torch.cos(2 * PI * x) + 5 * PI * torch.cos(50 * PI * x)

    def source(self, x):
        slow = -((2 * PI) ** 2) * torch.sin(2 * PI * x)
        return slow - 0.1 * (50 * PI) ** 2 * torch.sin(50 * PI * x)

    def get_train_data(self, n_pde=5000, n_bc=1000):
        x_pde = sample_interval(n_pde)
        x_bc = torch.tensor([[0.0], [1.0]])
        return x_pde, [(x_bc, torch.zeros(2, 1))], self.source(x_pde)

    def build(self, solver, x_pde, bcs, f_pde):
        basis = solver.basis
        rows, values = [Op.laplacian(d=1).apply(basis, x_pde)], [f_pde]
        for x_bc, u_bc in bcs:
            rows.append(100.0 * basis.evaluate(x_bc))
            values.append(100.0 * u_bc)
        return torch.cat(rows), torch.cat(values)

    def get_test_points(self, n=5000):
        return sample_interval(n)


class Helmholtz2D:
    dim = 2
    name = "helmholtz_2d"
    k = 4 * PI

    def exact(self, x):
        return torch.sin(self.k * x[:, 0:1]) * torch.sin(self.k * x[:, 1:2])

    def exact_grad(self, x):
        a, b = self.k * x[:, 0:1], self.k * x[:, 1:2]
        along_x = torch.cos(a) * torch.sin(b)
        along_y = torch.sin(a) * torch.cos(b)
        return self.k * torch.cat([along_x, along_y], dim=1)

    def source(self, x):
        return self.k**2 * torch.sin(self.k * x[:, 0:1]) * torch.sin(self.k * x[:, 1:2])

    def get_train_data(self, n_pde=5000, n_bc=1000):
        x_pde = sample_box(n_pde, 2)
        x_bc = sample_boundary_box(n_bc, 2)
        return x_pde, [(x_bc, torch.zeros(len(x_bc), 1))], self.source(x_pde)

    def build(self, solver, x_pde, bcs, f_pde):
        basis = solver.basis
        operator = -Op.laplacian(d=2) - self.k**2 * Op.identity(d=2)
        rows, values = [operator.apply(basis, x_pde)], [f_pde]
        for x_bc, u_bc in bcs:
            rows.append(100.0 * basis.evaluate(x_bc))
            values.append(100.0 * u_bc)
        return torch.cat(rows), torch.cat(values)

    def get_test_points(self, n=5000):
        return sample_box(n, 2)


class HelmholtzOneFour:
    dim = 2
    name = "helmholtz_1_4"
    bounds = (-1.0, 1.0)

    def exact(self, x):
        return torch.sin(PI * x[:, 0:1]) * torch.sin(4 * PI * x[:, 1:2])

    def exact_grad(self, x):
        a, b = PI * x[:, 0:1], 4 * PI * x[:, 1:2]
        along_x = PI * torch.cos(a) * torch.sin(b)
        along_y = 4 * PI * torch.sin(a) * torch.cos(b)
        return torch.cat([along_x, along_y], dim=1)

    def source(self, x):
        wave = torch.sin(PI * x[:, 0:1]) * torch.sin(4 * PI * x[:, 1:2])
        return (1 - 17 * PI**2) * wave

    def get_train_data(self, n_pde=5000, n_bc=1000):
        x_pde = sample_box(n_pde, 2, bounds=self.bounds)
        x_bc = sample_boundary_box(n_bc, 2, bounds=self.bounds)
        return x_pde, [(x_bc, torch.zeros(len(x_bc), 1))], self.source(x_pde)

    def build(self, solver, x_pde, bcs, f_pde):
        basis = solver.basis
        operator = Op.laplacian(d=2) + Op.identity(d=2)
        rows, values = [operator.apply(basis, x_pde)], [f_pde]
        for x_bc, u_bc in bcs:
            rows.append(100.0 * basis.evaluate(x_bc))
            values.append(100.0 * u_bc)
        return torch.cat(rows), torch.cat(values)

    def get_test_points(self, n=5000):
        return sample_box(n, 2, bounds=self.bounds)


class Wave1D:
    dim = 2
    name = "wave_1d"

    def exact(self, x):
        slow = torch.sin(PI * x[:, 0:1]) * torch.cos(2 * PI * x[:, 1:2])
        return slow + 0.5 * torch.sin(4 * PI * x[:, 0:1]) * torch.cos(8 * PI * x[:, 1:2])

    def exact_grad(self, x):
        a, b = PI * x[:, 0:1], 2 * PI * x[:, 1:2]
        along_x = PI * torch.cos(a) * torch.cos(b)
        along_x += 2 * PI * torch.cos(4 * a) * torch.cos(4 * b)
        along_t = -2 * PI * torch.sin(a) * torch.sin(b)
        along_t -= 4 * PI * torch.sin(4 * a) * torch.sin(4 * b)
        return torch.cat([along_x, along_t], dim=1)

    def get_train_data(self, n_pde=5000, n_bc=1000):
        x_pde = sample_box(n_pde, 2)
        x_start = torch.cat([torch.rand(n_bc, 1), torch.zeros(n_bc, 1)], dim=1)
        x_ends = torch.cat([torch.rand(n_bc, 1).round(), torch.rand(n_bc, 1)], dim=1)
        u_start = torch.sin(PI * x_start[:, 0:1]) + 0.5 * torch.sin(4 * PI * x_start[:, 0:1])
        zeros = torch.zeros(n_bc, 1)
        bcs = [(x_start, u_start, "u"), (x_start, zeros, "u_t"), (x_ends, zeros, "u")]
        return x_pde, bcs, torch.zeros(n_pde, 1)

    def build(self, solver, x_pde, bcs, f_pde):
        basis = solver.basis
        operator = Op.partial(dim=1, order=2, d=2) - 4 * Op.partial(dim=0, order=2, d=2)
        rows, values = [operator.apply(basis, x_pde)], [f_pde]
        for x_bc, u_bc, kind in bcs:
            if kind == "u":
                rows.append(100.0 * basis.evaluate(x_bc))
            else:
                rows.append(100.0 * basis.derivative(x_bc, (0, 1)))
            values.append(100.0 * u_bc)
        return torch.cat(rows), torch.cat(values)

    def get_test_points(self, n=5000):
        return sample_box(n, 2)


class PoissonPeak2D:
    dim = 2
    name = "poisson_peak_2d"

    def denominator(self, x):
        return 1 + 25 * ((x[:, 0:1] - 0.5) ** 2 + (x[:, 1:2] - 0.3) ** 2)

    def exact(self, x):
        return 1 / self.denominator(x)

    def exact_grad(self, x):
        return -50 * (x - torch.tensor([[0.5, 0.3]])) / self.denominator(x) ** 2

    def source(self, x):
        q = self.denominator(x)
        return 200 / q**3 - 100 / q**2

    def get_train_data(self, n_pde=5000, n_bc=1000):
        x_pde = sample_box(n_pde, 2)
        x_bc = sample_boundary_box(n_bc, 2)
        return x_pde, [(x_bc, self.exact(x_bc))], self.source(x_pde)

    def build(self, solver, x_pde, bcs, f_pde):
        basis = solver.basis
        rows, values = [(-Op.laplacian(d=2)).apply(basis, x_pde)], [f_pde]
        for x_bc, u_bc in bcs:
            rows.append(100.0 * basis.evaluate(x_bc))
            values.append(100.0 * u_bc)
        return torch.cat(rows), torch.cat(values)

    def get_test_points(self, n=5000):
        return sample_box(n, 2)


class Layer2D:
    dim = 2
    name = "layer_2d"

    def exact(self, x):
        return torch.tanh(20 * (x[:, 0:1] + x[:, 1:2] - 1))

    def exact_grad(self, x):
        return (20 * (1 - self.exact(x) ** 2)).expand(-1, 2)

    def source(self, x):
        t = self.exact(x)
        return -1600 * t * (1 - t**2)

    def get_train_data(self, n_pde=5000, n_bc=1000):
        x_pde = sample_box(n_pde, 2)
        x_bc = sample_boundary_box(n_bc, 2)
        return x_pde, [(x_bc, self.exact(x_bc))], self.source(x_pde)

    def build(self, solver, x_pde, bcs, f_pde):
        basis = solver.basis
        rows, values = [Op.laplacian(d=2).apply(basis, x_pde)], [f_pde]
        for x_bc, u_bc in bcs:
            rows.append(100.0 * basis.evaluate(x_bc))
            values.append(100.0 * u_bc)
        return torch.cat(rows), torch.cat(values)

    def get_test_points(self, n=5000):
        return sample_box(n, 2)


class Nonlinear2D:
    dim = 2
    name = "nonlinear_2d"
    k = 4 * PI

    def exact(self, x):
        return torch.sin(self.k * x[:, 0:1]) * torch.sin(self.k * x[:, 1:2])

    def exact_grad(self, x):
        a, b = self.k * x[:, 0:1], self.k * x[:, 1:2]
        along_x = torch.cos(a) * torch.sin(b)
        along_y = torch.sin(a) * torch.cos(b)
        return self.k * torch.cat([along_x, along_y], dim=1)

    def source(self, x):
        u = torch.sin(self.k * x[:, 0:1]) * torch.sin(self.k * x[:, 1:2])
        return 2 * self.k**2 * u + u**3

    def get_train_data(self, n_pde=5000, n_bc=1000):
        x_pde = sample_box(n_pde, 2)
        x_bc = sample_boundary_box(n_bc, 2)
        right = x_bc[:, 0] == 1
        x_right, x_others = x_bc[right], x_bc[~right]
        slope = self.k * torch.cos(self.k * x_right[:, 0:1]) * torch.sin(self.k * x_right[:, 1:2])
        bcs = [(x_others, torch.zeros(len(x_others), 1), "u"), (x_right, slope, "u_x")]
        return x_pde, bcs, self.source(x_pde)

    def condition_rows(self, basis, bcs):
        rows, values = [], []
        for x_bc, value, kind in bcs:
            row = basis.evaluate(x_bc) if kind == "u" else basis.derivative(x_bc, (1, 0))
            rows.append(100.0 * row)
            values.append(100.0 * value)
        return torch.cat(rows), torch.cat(values)

    def build_newton_step(self, solver, x_pde, bcs, f_pde):
        basis = solver.basis
        features, laplacian = basis.evaluate(x_pde), basis.laplacian(x_pde)
        u = features @ solver.beta
        residual = -laplacian @ solver.beta + u**3 - f_pde
        jacobian = -laplacian + 3 * u**2 * features
        rows, values = self.condition_rows(basis, bcs)
        right_side = torch.cat([-residual, values - rows @ solver.beta])
        return torch.cat([jacobian, rows]), right_side

    def build_linear_init(self, solver, x_pde, bcs, f_pde):
        rows, values = self.condition_rows(solver.basis, bcs)
        laplacian = solver.basis.laplacian(x_pde)
        return torch.cat([-laplacian, rows]), torch.cat([f_pde, values])

    def get_test_points(self, n=5000):
        return sample_box(n, 2)


PROBLEMS = {
    problem.name: problem
    for problem in (
        Poisson1DMultiscale,
        Helmholtz2D,
        HelmholtzOneFour,
        Wave1D,
        PoissonPeak2D,
        Layer2D,
        Nonlinear2D,
    )
}
