"""Cloning: a reference recording becomes a voice.

features.py   samples to what the cloning networks read, as the official code computes it

The networks are in models/cloning.
"""
