"""The command line.

arguments.py     options and help
main.py          one run: text in, sound out, exit code
clone.py         a recording to a voice
convert.py       an official checkpoint to a native model folder
requirements.py  address space and packages that a run needs
console.py       errors, warnings and progress on stderr

Elsewhere: nightingale.text.input reads standard input and files and turns bytes into text,
nightingale.signals handles Ctrl-C, nightingale.statistics has the figures of --stats.
"""
