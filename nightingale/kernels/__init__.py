"""Arithmetic for which MLX has no fast form, and the one place that decides what computes it."""
