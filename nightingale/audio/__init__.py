"""Audio output: chunks of samples to a WAV file, a pipe or a sound device.

chunk.py      AudioChunk, the unit of audio that the engine makes
wav.py        the WAV header, and the sink for -o and pipes
files.py      output files that appear only when they are complete
sink.py       the protocol of a playback sink, and the null sink
speaker.py    the playback sink for a sound device
ring.py       the ring buffer between the writer and PortAudio's callback
resample.py   sample rate conversion, for devices that need it
stream.py     the PortAudio stream, closed while there is no sound
devices.py    finding a device and its format
portaudio.py  loading PortAudio, and calling it with a timeout
"""
