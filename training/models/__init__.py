"""PyTorch twins of the modules in `nightingale`, with the sizes of the bundled voice. Names are the same in both."""
