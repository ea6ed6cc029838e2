"""How the bundled voice is made, in PyTorch: see README.md. Not in the wheel."""
