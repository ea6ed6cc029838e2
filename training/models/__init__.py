"""The networks of `nightingale.models` in PyTorch, with the same names and with the sizes of the bundled voices."""
