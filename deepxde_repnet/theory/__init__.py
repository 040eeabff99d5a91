"""Mathematics of RepNets: initialization, magnitudes, spectra. NumPy and SciPy only."""
