"""The command line: options, one run from text to sound, messages and progress on stderr."""
