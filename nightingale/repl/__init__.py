"""The interactive prompt: each line typed at the terminal is spoken. Imported only when the prompt is used.

prompt.py         starts the prompt on a screen or a plain terminal, and ends it
speech_thread.py  the thread that makes and plays the speech, and its queue
utterance.py      the audio, sentences and statistics of one text
commands.py       what each line does: text, /commands, settings
screen.py         the prompt with a toolbar and key bindings, on prompt_toolkit
plain.py          the prompt for terminals without cursor movement
completion.py     Tab completion
history.py        the history file, readable by its owner only
"""
