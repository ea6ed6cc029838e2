"""The interactive prompt: each line typed at the terminal is spoken. Imported only when the prompt is used.

prompt.py         starts and ends the prompt
speech_thread.py  the thread that makes and plays the speech
utterance.py      the audio, sentences and statistics of one text
commands.py       /commands and settings
screen.py         the prompt with toolbar and keys, on prompt_toolkit
plain.py          the prompt for terminals without cursor movement
completion.py     Tab completion
history.py        history file, readable by its owner only
"""
