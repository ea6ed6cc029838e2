"""Cloning: a reference recording becomes a voice.

recording.py  reads a sound file, and refuses a recording that would make a bad voice
features.py   samples to what the cloning networks read, as the official code computes it
clone.py      a recording and the networks to a voice

The networks are in models/cloning.
"""
