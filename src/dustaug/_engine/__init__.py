"""How dust is drawn and painted on a CPU, with NumPy and Numba only."""
