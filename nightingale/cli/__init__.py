"""The command line: options (arguments), one run from text to sound (main), messages and progress on stderr (console).

Text is read by nightingale.text.input and decoded by nightingale.text.decode; signals are handled in
nightingale.signals; figures for --stats come from nightingale.statistics.
"""
