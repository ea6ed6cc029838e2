"""Audio output: chunks of samples to a WAV file, a pipe or a sound device."""
