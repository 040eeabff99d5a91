"""Generated inputs for every public constructor and function."""
