"""Files to models: finds, reads and checks model folders and voice files.

loading.py      a model folder, native or official, to a `Model`; strict about names, shapes and types
chatterbox/     the official Chatterbox checkpoints: their files, names and layouts, sizes, defaults
cloning.py      the networks that make a voice, of a model folder
hub.py          models by their name on the hub, fetched once
conversion.py   an official checkpoint to a native folder
quantize.py     which weights are stored in few bits, quantizing and dequantizing them
safetensors.py  reads a safetensors file and checks that it is complete
torch_file.py   reads a PyTorch file, and nothing but tensors and their containers
tokenizer.py    tokenizer.json: text to ids
voices.py       voice files
bundled.py      where the bundled voices are; imports no mlx

Every fault of a file is a CheckpointMismatch that names the file and the entry.
"""
