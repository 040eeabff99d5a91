def build(sizes):
    """DeepXDE is imported where it is used."""
    import deepxde.nn

    module = deepxde.nn
    return module.FNN(sizes, "sin", "Glorot uniform")
