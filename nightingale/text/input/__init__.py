"""Bytes from files, standard input and arguments to pieces of text."""
