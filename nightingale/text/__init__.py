"""Text as typed to sentences as spoken. Text only: no models, no mlx.

The steps. `SentenceStream` in stream.py takes all but the first, for text that arrives in pieces:

1. Decode bytes (input/).
2. Fold characters to ASCII and a few symbols (characters.py); shorten white space. Indentation and wide gaps are
   kept for the next step, which removes them (stream.py).
3. Cut the raw text into sentences (split.py). Only this step has to decide whether a full stop ends a sentence
   (full_stops.py): "Dr.", "e.g." and "J. K." do not, and "3.5" or "example.com" have no white space after the stop; and
   whether a line end does (lines.py): it does in lists, tables and logs, not in prose that was wrapped.
4. Remove markup (markup.py) and rewrite each sentence by the rules below (normalize.py). After that every full stop,
   question mark and exclamation mark ends a sentence.
5. Cut sentences that are too long for the model (split.py): punctuation alone is enough to split normalized text.

The rules are functions from text to text, one module of rules/ for each kind. Their tables of words are in lexicon/.
They run in this order, because each relies on the work of those before it:

- LaTeX, raw code: before markup is removed, because "_", "*", "[3]" and "<int>" would be taken for it. Emoji after it.
- identifiers: hashes and addresses, before their digits are taken for numbers.
- rates without a number, pairs of currencies: the slash of "litres/day" and "EUR/USD" is that of no path.
- links, paths: URLs and file names hold dots, slashes and capitals that mean something else in prose.
- places, bible, abbreviations: these need full stops and capitals as they were typed. Places come first, because
  whether "St." is a street depends on the words around it. After these no full stop of an abbreviation is left.
- code, Roman numerals, capitals: CamelCase is divided and numerals are read before capitals become lower case.
- formulas, comparisons: "2x + 3" before x could be a unit or "times", "<$5" before the price becomes words.
- PINs, ranges, dates, times, telephone numbers, durations, rates, money, units: what numbers count. The most specific
  form comes first, so that the digits of a date are not taken for a telephone number, nor "5 m" of a price for meters.
- symbols: before numbers, because signs between digits need the digits.
- numbers: all remaining digits.

At the end only the characters of `characters.ALPHABET` remain; `SentenceStream.warnings` counts the others.
"""
