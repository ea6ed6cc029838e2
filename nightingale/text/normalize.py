"""One raw sentence to the form that is spoken: removes markup, applies all rules, then tidies the punctuation."""

from nightingale.text.characters import DroppedCharacters, keep_alphabet, remove_accents
from nightingale.text.markup import strip_markup
from nightingale.text.patterns import apply_rules, regex
from nightingale.text.respelling import NO_RESPELLING, Respelling, show_words
from nightingale.text.rules.abbreviations import read_abbreviations
from nightingale.text.rules.amounts.degrees import read_percentages, read_units
from nightingale.text.rules.amounts.money import read_currency_pairs, read_currency_signs, read_money
from nightingale.text.rules.amounts.rates import read_rates, read_word_rates
from nightingale.text.rules.bible import read_verses
from nightingale.text.rules.capitals import read_capitals
from nightingale.text.rules.digits.codes import read_codes
from nightingale.text.rules.digits.fractions import read_parts
from nightingale.text.rules.digits.grouping import read_grouping
from nightingale.text.rules.digits.named import read_named_numbers
from nightingale.text.rules.digits.numbers import read_numbers
from nightingale.text.rules.digits.phone import read_phone_numbers
from nightingale.text.rules.digits.ranges import read_ranges
from nightingale.text.rules.digits.roman import read_roman_numerals
from nightingale.text.rules.places import read_places
from nightingale.text.rules.technical.code import read_code, read_raw_code
from nightingale.text.rules.technical.comparisons import read_comparisons
from nightingale.text.rules.technical.emoji import read_emoji
from nightingale.text.rules.technical.identifiers import read_identifiers
from nightingale.text.rules.technical.latex import read_latex
from nightingale.text.rules.technical.links import read_links
from nightingale.text.rules.technical.paths import read_paths
from nightingale.text.rules.technical.symbols import read_formulas, read_symbols
from nightingale.text.rules.time.calendar import read_calendar
from nightingale.text.rules.time.dates import read_dates
from nightingale.text.rules.time.spans import read_spans
from nightingale.text.rules.time.times import read_times
from nightingale.text.split import with_final_mark

# The package docstring explains the order.
_WORD_RULES = (
    read_identifiers, read_word_rates, read_currency_pairs, read_links, read_paths, read_codes, read_grouping,
    read_places, read_calendar, read_named_numbers, read_verses, read_abbreviations, read_roman_numerals,
    read_code, read_capitals,
    read_formulas, read_comparisons,
)
_QUANTITY_RULES = (
    read_parts, read_ranges, read_dates, read_spans, read_times, read_phone_numbers, read_percentages, read_rates,
    read_money, read_units,
)

_SAYS_SOMETHING = regex(r"[^\s.,;:!?'\"()-]")
_SPACED_DOTS = regex(r"\.(?: \.){2,}")
_DIGIT = regex("[0-9]")
_FIRST_CHARACTER = regex("[A-Za-z0-9$]")

_PLAIN_TEXT = regex(r"(?:[A-Za-z'-]*[A-Za-z][,;:]? )*[A-Za-z]+[.!?]?")
_PUNCTUATION = [(regex(pattern), replacement) for pattern, replacement in (
    (r"\(\s*\)|\"\s*\"(?!\w)", " "),
    (r"\s+", " "),
    (r" +([,.;:!?)])", r"\1"),
    (r"\( +", "("),
    (r"([,;:!?])(?=[A-Za-z])", r"\1 "),
    # Of several marks the strongest stays.
    (r"(?<!\.)\.{2}(?!\.)", "."),
    (r"[!?.,;:]*\?[?!.,;:]*", "?"),
    (r"[!.,;:]*![!.,;:]*", "!"),
    (r"[,;:]+\.\.\.|\.\.\.[,;:]+", "..."),
    (r"[,;:]*(?<!\.)\.(?!\.)[,;:]*", "."),
    (r"[,;:]*;[,;:]*", ";"),
    (r"[,:]*:[,:]*", ":"),
    (r",[, ]*,", ","),
    # Dashes stand between words.
    (r"(?: -)+(?= |$)", " -"),
    (r" - ?(?=[,.;:!?)])|^- ", ""),
    (r"(?<=[,;:]) - ", " "),
    (r"([.!?][\"')]*) - ", r"\1 "),
    (r"^[\s,.;:!?)-]+(?=.*[A-Za-z])", ""),
)]


def normalize_sentence(
    raw: str,
    line_start: bool,
    dropped: DroppedCharacters,
    mark: str = ".",
    respelling: Respelling = NO_RESPELLING,
) -> str:
    """A raw sentence as it is spoken, with a final mark; empty if there is nothing to speak.

    line_start: whether it begins at the start of a line; mark: the final mark, if the sentence has none.
    """
    if not _SAYS_SOMETHING.search(raw):
        return ""
    raw = _SPACED_DOTS.sub("...", raw)
    text = strip_markup(read_raw_code(read_latex(raw)), line_start)
    if not text.isascii():
        text = read_emoji(text, line_start)
    text, readings = respelling.hide_words(text)
    text = apply_rules(remove_accents(text), _WORD_RULES)
    if _DIGIT.search(text):
        text = apply_rules(text, _QUANTITY_RULES)
    text = read_symbols(read_currency_signs(text))
    if _DIGIT.search(text):
        text = read_numbers(text)
    text = _tidy(keep_alphabet(text, dropped))
    if text[:1].islower() and (first := _FIRST_CHARACTER.search(raw)) and not first[0].islower():
        text = text[0].upper() + text[1:]  # the sentence began with a digit
    text = respelling.respell(with_final_mark(text, mark))
    if readings:
        text = with_final_mark(_tidy(show_words(text, readings)), mark)
    return text


def _tidy(text: str) -> str:
    """Single blanks, single marks in their usual places, no unpaired brackets."""
    if not _PLAIN_TEXT.fullmatch(text):
        text = _remove_unpaired_brackets(text)
        for pattern, replacement in _PUNCTUATION:
            text = pattern.sub(replacement, text)
    return text.strip()


def _remove_unpaired_brackets(text: str) -> str:
    """Sentences are also cut inside brackets, so one of a pair may be missing."""
    if "(" not in text and ")" not in text:
        return text
    kept, open_at = list(text), []
    for i, char in enumerate(text):
        if char == "(":
            open_at.append(i)
        elif char == ")":
            if open_at:
                open_at.pop()
            else:
                kept[i] = ""
    for i in open_at:
        kept[i] = ""
    return "".join(kept)
