"""The networks, independent of any checkpoint: T3, S3Gen, HiFT and their layers."""
