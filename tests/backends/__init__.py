"""The networks on each of DeepXDE's backends."""
