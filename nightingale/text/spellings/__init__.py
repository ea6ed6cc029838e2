"""Readings of single words: tables of them, the lexicon of the user, and the spellings that the bundled voices need."""
