"""Everything taken from DeepXDE, with its quirks, in one place.

Written against DeepXDE 1.15. ``tests/test_host.py`` names each thing used here, so that a release
which moves one of them is recognised at once.
"""

from .core import (  # noqa: F401
    FNN,
    PFNN,
    Callback,
    DeepONet,
    DeepONetCartesianProd,
    Model,
    activation,
    backend_name,
    bounding_box,
    condition_caches,
    condition_name,
    conditions,
    fills,
    forget_condition_values,
    geometry,
    has_time,
    initializer_names,
    input_transform,
    is_point_set,
    kind_of_data,
    layers,
    n_outputs,
    n_parameters,
    output_transform,
    real,
    register_network,
    tf,
    undisturbed,
)
from .equations import (  # noqa: F401
    NoDerivatives,
    Wave,
    columns,
    residual_function,
    residuals,
    wave_residuals,
)
from .faster import (  # noqa: F401
    Share,
    derivatives_from,
    not_plain_training,
    penalises_parameters,
    share_of_points,
    sharing,
    training_batch,
)
from .hooks import (  # noqa: F401
    announce,
    around,
    before,
    instead,
    is_first_rank,
    without_optimizer,
)
from .local import LocalResiduals, local_residuals  # noqa: F401
from .points import (  # noqa: F401
    condition_points,
    interior_points,
    script_points,
    seeded,
    wave_data,
)
from .precision import (  # noqa: F401
    double_numbers,
    double_precision,
    is_variable,
    set_variables,
    variable_values,
)
from .problem import (  # noqa: F401
    Samples,
    condition_values,
    line_residuals,
    operator_inputs,
    operator_values,
    training_points,
    transform_points,
    zero_output,
    zero_residuals,
)
from .process import (  # noqa: F401
    devices,
    float_name,
    hold_seed,
    random_seeds,
    replace_networks,
    set_float,
    set_random_seeds,
    set_rank,
    set_seed,
    settings,
    version,
)
from .shapes import COLUMNS, WrongShape  # noqa: F401
from .sides import Side, axis_names, part_of, sides  # noqa: F401
from .state import (  # noqa: F401
    COUNTERS,
    HISTORY,
    PROGRESS,
    callback_state,
    condition_points_now,
    counters,
    data_sizes,
    data_state,
    progress,
    set_callback_state,
    set_data_state,
    set_progress,
)
from .training import (  # noqa: F401
    Standing,
    callbacks,
    compile_once,
    compiled_loss_weights,
    is_compiled,
    is_lbfgs,
    lbfgs_iterations,
    lbfgs_options,
    lbfgs_steps,
    limit_iterations,
    limit_lbfgs_pass,
    loops_lbfgs,
    loss_history,
    loss_names,
    losses,
    optimizer,
    optimizer_name,
    planned_iterations,
    recorded_terms,
    session,
    set_output_layer,
    standing,
    step,
    steps_taken,
    synchronize,
    term_tensors,
    test_losses,
    traced_loss_weights,
    unknowns,
)
