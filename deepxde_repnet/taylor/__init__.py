"""Derivatives of a network with respect to its inputs, carried forward through the layers."""
