"""Callbacks and helpers for ``dde.Model.train``."""
