"""Trains the bundled voices, in PyTorch; see README.md. Not part of the wheel."""
