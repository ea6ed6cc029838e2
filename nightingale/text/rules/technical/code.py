"""Code in a text: snake_case, CamelCase, indices, generic types, operators, flags, shell commands, C++, NaOH."""

import re

from nightingale.text.lexicon.capitals import CAMEL_NAMES
from nightingale.text.lexicon.code import ARRAYS, COMMANDS, KEYS, NAMES, SIGN_NAMES, SQL_WORDS
from nightingale.text.lexicon.names import HTML_TAGS
from nightingale.text.number_words import spell_number
from nightingale.text.patterns import INNER_DOT, regex, rule

_SNAKE_CASE = regex(r"(?<=[A-Za-z0-9])_+(?=[A-Za-z0-9])|\b__?(?=[A-Za-z])|(?<=[A-Za-z0-9])_+\b")
_INNER_CAPITAL = regex("[A-Z](?<=[A-Za-z].)")
# NaOH, KCl: symbols of common elements, each with a capital
_COMPOUND = regex(
    r"\b(?=[A-Z][A-Za-z]*[a-z][A-Z]|[A-Z]+[a-z]\b)(?!No|Co|NaN\b)(?:Na|Mg|Al|Si|Cl|Ca|Fe|Cu|Zn|Br|Ag|Ba|Pb|Hg|Li|Mn|"
    r"[HCNOFPSKI]){2,}\b")


_RAW_SIGN = regex(r"[][<>|*#%&@=~^_{}$\\+/]")


# --- before markup is removed ----------------------------------------------------------------------------------------
_FOOTNOTE_MARK = regex(r"(?:\[(?:[0-9]{1,3}|\^[^\]]*|citation needed|sic|note [0-9]{1,3}|[a-z])\])+")
_TYPE_ARGUMENTS = regex(r"\[[A-Za-z_.]{2,40}(?:, ?[A-Za-z_.]{2,40}|\[[^\[\]]*\]|\.\.\.){0,6}\]")
_NUMBER = regex(r"(?<![\w.])[0-9]{1,9}(?![\w.])")
_CODE_AFTER = regex(r" ?[-+*/]?=(?!>)|\.[A-Za-z_]|\+\+|->")


@rule(r"(?<![\w\])])([A-Za-z_](?:[\w.]{0,40}\w)?)((?:\[(?:[^\[\]\n]|\[[^\[\]\n]{0,40}\]){1,40}\]){1,4})(?![\w(]|\[)")
def _indices(match: re.Match[str]) -> str:
    """array[3], x[i], d["key"], a[1:3]; but "as shown[3]" has a footnote."""
    name, brackets = match.groups()
    is_code = (
        not _FOOTNOTE_MARK.fullmatch(brackets) or brackets[:3] in ("[0]", "[i]", "[j]", "[k]", "[n]")
        or name.lower() in ARRAYS or (len(name) == 1 and name.islower()) or re.search(r"[_.0-9]|[a-z][A-Z]", name)
        or _CODE_AFTER.match(match.string, match.end()))
    if not is_code:
        return match[0]
    if _TYPE_ARGUMENTS.fullmatch(brackets) and (name[0].isupper() or name in ("dict", "list", "set", "tuple", "type")):
        return f"{name} of {_indices(brackets[1:-1])}"
    said = brackets[1:-1].replace("][", " ").replace("'", "").replace('"', "")
    said = re.sub(r"(?<![\w.])-(?=\w)", "minus ", re.sub(r"(?<=\w):(?=[\w-])", " to ", said)).replace(":", " colon ")
    return f"{name} {_NUMBER.sub(lambda number: spell_number(number[0]), said)}"


@rule(r"\b([A-Za-z_][\w:.]{0,60})<((?:[^<>\n=]|<[^<>\n=]{0,40}>){0,80})>(?![\w>]*[a-z]>)")
def _generic(match: re.Match[str]) -> str:
    """std::vector<int>, Map<String, List<Integer>>; not text<br>."""
    name, arguments = match[1], match[2].strip()
    tag = re.split(r"[\s/>]", arguments.lstrip("/"), maxsplit=1)[0].lower()
    is_markup = tag in HTML_TAGS and ":" not in name
    if is_markup or re.match(r"https?:|mailto:|[0-9 /!]|\S+@", arguments) or re.search("[+;]| (?:and|or) ", arguments):
        return match[0]
    if name[-1] in ".:":
        return f"{name.rstrip('.:')} dot {arguments}"
    arguments = _generic(arguments).lstrip("(), ")
    return f"{name} of {arguments}" if arguments else name


_LONG_TAGS = frozenset(["body", "main", "code", "head", "link", "form", "span", "div"])


@rule(r"(\b(?:the|an?|any|each|this|that|no|one|its|missing|closing|opening) |`)</?([a-z][a-z0-9]{0,12})(?: ?/)?>"
      r"(?=`| |$)")
def _named_tag(match: re.Match[str]) -> str:
    """the <div> element: here a tag is not markup."""
    closing = "closing " if "</" in match[0] else ""
    name = match[2] if len(match[2]) > 4 or match[2] in _LONG_TAGS else " ".join(match[2].upper())
    return f"{match[1]}{closing}{name}"


@rule(r"(?<!\S)(?=[0-9,/-]*\*)(?:[0-9*,/-]{1,8} ){4}[0-9*,/-]{1,8}(?!\S)")
def _cron(match: re.Match[str]) -> str:
    """*/5 * * * *"""
    return re.sub(" +", " ", match[0].replace("*", " star ").replace("/", " slash ")).strip()


@rule(r"(?<![|\w])\|(?=[^|]*\w)([\w+*/^-][\w +*/^-]{0,20}[\w+*/^-]|\w)\|(?![|\w])")
def _absolute_value(match: re.Match[str]) -> str:
    """|x| < 1"""
    return f"the absolute value of {match[1]}"


_ANY_SIGN = "".join(map(re.escape, SIGN_NAMES))
_SIGN_NOUN = r"(?:signs?|symbols?|characters?|keys?|operators?|buttons?|prefix|suffix|separators?)\b"


_NO_KEY_AFTER = regex(r" (?:sign|symbol|character|operator|prefix|suffix|separator)s?\b")


_SIGN = rf"([{_ANY_SIGN}]|&&|\|\||===|!==|==|!=|<=|>=|->|=>|::)"


@rule(rf"(?<![\w<>=&|*#-])([\"'(`\[])?{_SIGN}(?(1)[\"')`\]]|(?= {_SIGN_NOUN}))"
      rf"|(?<=\b[Pp]ress )[{_ANY_SIGN}](?=[.,;]?(?:\s|$))|(?<=\b[Tt]ype )[{_ANY_SIGN}](?=[.,;]?(?:\s|$))")
def _named_sign(match: re.Match[str]) -> str:
    """the % sign, less than (<), press #"""
    sign = match[2] or match[0]
    if sign in "#*" and not match[1] and not _NO_KEY_AFTER.match(match.string, match.end()):
        return match[0]  # a key of a telephone
    name = SIGN_NAMES.get(sign) or " ".join(SIGN_NAMES[char] for char in sign)
    return f"{match[1]}{name}{match[0][-1]}" if match[1] else name


_PROMPT = regex(r"^(?:\[?[\w.-]{1,40}@[\w.-]{1,60}[: ][^\s$#\]]{0,80}\]?[$#] |#!(?=/))")  # user@host:~$
_PROGRESS_BAR = regex(r"\[[=#>.\s-]{4,100}\]")
_SUPERSCRIPT = regex(r"(?<=\w)<sup>(-?[0-9]{1,3}|[nxk])</sup>")


def read_raw_code(text: str) -> str:
    """array[3] = 5 -> array three = 5: what would be taken for markup."""
    if not _RAW_SIGN.search(text):
        return text
    text = _named_sign(_PROGRESS_BAR.sub(" ", _PROMPT.sub("", text)))
    if "*" in text:
        text = _cron(text)
    if "|" in text:
        text = _absolute_value(text)
    if "[" in text:
        text = _indices(text)
    if "<" in text:
        text = _generic(_named_tag(_SUPERSCRIPT.sub(r"^\1", text)))
    return text


# --- shell -----------------------------------------------------------------------------------------------------------
_COMMAND_LINE = regex(
    rf"(?:[$#] |sudo |[A-Z_]+=\S* )*(?:{'|'.join(COMMANDS)}) (?=.*(?:(?<!\S)--?[A-Za-z0-9]|[|<>&$=/~*:@]))"
    r"(?!.*(?:[.!?] [A-Z]|, [a-z]+ [a-z]+ ))")
_SHELL_SIGNS = [(regex(pattern), reading) for pattern, reading in (
    (r"(?<= )2>&1(?!\S)", " errors to output "),
    (r" >> ?", " append to "),
    (r" [12]?> ?", " to "),
    (r" < ", " from "),
    (r" \|\| ", " or "),
    (r" \| ", " pipe "),
    (r"(?<=[\w}]):(?=[\w$/])", " colon "),
    (r"(?<= )-(?=[A-Za-z0-9]+(?:[ =]|$))", "dash "),
    (r"(?<= )\*(?= |$)", "star"),
    (r"(?<= )\.(?= |$)", "dot"),
    (r"(?<= )\.\.(?= |$)", "dot dot"),
    (r"(?<= )~(?= |$)", "home"),
    (r"(?<= )/(?= |$)", "slash"),
    (r"(?<=\w)/(?=\w)", " slash "),
)]


_JOINED_FLAGS = regex(r"(?<= )-([A-Za-z]{2,3})(?= |$)")


@rule(r"(?<!\w)(-[A-Za-z]|--publish|--port)([ =])([0-9.]{1,21}):([0-9]{1,5})(?!\w)")
def _ports(match: re.Match[str]) -> str:
    """-p 80:80"""
    return f"{match[1]}{match[2]}{match[3]} colon {match[4]}"


def read_commands(text: str) -> str:
    """ls | grep foo > out -> ls pipe grep foo to out. Other texts keep their signs."""
    if ":" in text and "-" in text:
        text = _ports(text)
    if _COMMAND_LINE.match(text):
        text = _JOINED_FLAGS.sub(lambda match: f"dash {' '.join(match[1].upper())}", text)
        for pattern, reading in _SHELL_SIGNS:
            text = pattern.sub(reading, text)
    return text


_SPELLED_FLAGS = frozenset(["la", "al", "lah", "aux", "it", "ef", "xe", "eu", "av", "avz", "ia", "oe"])


@rule(r"(?<![^\s(\"'`=,/|])-([A-Za-z]{2,5})(?![\w'-])")
def _flags(match: re.Match[str]) -> str:
    """-la -> dash L A; -name -> dash name, but "so -name it- is" has dashes."""
    letters = match[1]
    spelled = letters in _SPELLED_FLAGS or not re.search("[aeiouy]", letters)
    return f"dash {' '.join(letters.upper())}" if spelled else match[0]


# --- operators and names ---------------------------------------------------------------------------------------------
_OPERATORS = [(regex(pattern), reading) for pattern, reading in (
    (r"(?<=[\w>)])::(?=[\w~<*{])", " "),
    (r"(?<=[\w)\]]) ?\*\* ?(?=[\w(])", "^"),
    (r"(?<![\w*])\*\*(?=[a-z_])", "star star "),
    (r"(?<![\w*)])\*(?=[A-Za-z_]\w* ?(?:=(?!=)|\)|;))", "star "),
    (r"(?<=[A-Za-z_)\]]) % (?=[0-9a-z(])|(?<=[0-9]) % (?=[0-9])", " mod "),
    (r"(?<=[\w)]) // (?=[\w(])", " divided by "),
    (r"(?<=[\w)]) << (?=[0-9])", " shifted left by "),
    (r"(?<=[\w)]) >> (?=[0-9])", " shifted right by "),
    (r"(?<![\w!)\]])!(?=[A-Za-z_(])", "not "),
    (r"(?<=\w)&(?=[),>'])", " reference"),
    (r"(?<=\b[a-z])--(?!\w)", " minus minus"),
    (r"(?<=\b[A-Z][0-9]):(?=[A-Z]{1,2}[0-9])", " to "),
    (r"\$\{([A-Za-z_]\w{0,40})[^{}]{0,20}\}", r"dollar \1"),
    (r"(?<=[a-z])\([+-]+\)", ""),
    (r"(?<=[\"\]}0-9])([:,])(?=[\"\[{])", r"\1 "),
    (r"(?<=\bCOUNT\()\*(?=\))|(?<=\bcount\()\*(?=\))|(?<=\bimport )\*|(?<=\bSELECT )\*|(?<=\bselect )\*", "star"),
    (r"(?<!\w)#(?=(?:include|define|undef|ifdef|ifndef|endif|if|else|pragma|import)\b)", "hash "),
    (r"(?<=\w)/(?=--?[a-z])", " or "),
    (r" \? ([^?:]{1,60}) : ", r" question mark \1 colon "),
    (r"(?<=[{ (,])\$(?=[0-9]\b[^{}]*\})", "dollar "),
)]
_KEY = "|".join([*KEYS, "F[0-9]{1,2}", "Enter", "Tab", "Space", "Up", "Down", "Left", "Right", "[A-Za-z0-9]"])


@rule(rf"\b(?:{'|'.join(KEYS)})(?:[+-](?:{_KEY})\b){{1,4}}|(?<!\S)\^([A-Z])(?!\w)")
def _key_press(match: re.Match[str]) -> str:
    """Ctrl+Shift+P, ^C"""
    if match[1]:
        return f"Control {match[1]}"
    return " ".join(KEYS.get(key, key.upper() if len(key) == 1 else key) for key in re.split("[+-]", match[0]))


@rule(rf"\b(?:{'|'.join(SQL_WORDS)})\b")
def _sql_word(match: re.Match[str]) -> str:
    return match[0].lower()


@rule(r"\b[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){2,8}\b|\b[A-Za-z_]\w*\.[A-Z]\w*(?=\()|\b[A-Za-z_]\w*\.(?:[A-Z][a-z]+){2,}\b"
      r"|\b[b-df-hj-np-tv-xz]{2,5}\.[A-Z]\w*")
def _dotted_name(match: re.Match[str]) -> str:
    """java.util.List; not U.S.A, nor "the end.Then"."""
    parts = match[0].split(".")
    return " dot ".join(parts) if sum(len(part) > 1 for part in parts) > 1 else match[0]


@rule(r"\b(?!Ma?c[A-Z])(?!O'|D[ei][A-Z]|L[aeo][A-Z])[A-Za-z]*[a-z][A-Z][A-Za-z]*\b|\b[A-Z]{3,}[a-z]{2,}\b")
def _camel_case(match: re.Match[str]) -> str:
    """Divides CamelCase and XMLHttpRequest; leaves McDonald, iPhone, YouTube and PDFs."""
    if match[0] in CAMEL_NAMES:
        return match[0]
    spaced = re.sub(r"(?<!^[a-z])(?<=[a-z])(?=[A-Z][a-z]|[A-Z]{2})", " ", match[0])
    return re.sub(r"(?<=[A-Z]{2})(?=[A-Z][a-z]{2})|(?<=^[A-Z][A-Z])(?=[A-Z][a-z]{2})", " ", spaced)


@rule(rf"\b(?:{'|'.join(NAMES)})\b")
def _known_name(match: re.Match[str]) -> str:
    return NAMES[match[0]]


_DIGIT = regex("[0-9]")
_SIGNS = regex(r"[*%/<>!#+$&]|:(?=\S)|(?<=\s):|(?<![A-Za-z])-|-(?![A-Za-z])")  # not those of prose


def read_code(text: str) -> str:
    """snake_case -> snake case, CamelCase -> Camel Case, C++ -> C plus plus, NaOH -> N A O H."""
    has_inner_capital = _INNER_CAPITAL.search(text)
    if has_inner_capital:
        text = _COMPOUND.sub(lambda match: " ".join(match[0].upper()), text)
    if "#" in text:
        text = re.sub(r"\b([CFGAD])#(?!\w)", r"\1 sharp", text)
    if "++" in text:
        text = re.sub(r"(?<=\w)\+\+", " plus plus", text)
    if text.startswith(("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ALTER ", "DROP ", "WITH ")):
        text = _sql_word(text)
    if _SIGNS.search(text):
        text = _flags(_key_press(read_commands(text)))
        for pattern, reading in _OPERATORS:
            text = pattern.sub(reading, text)
    if INNER_DOT.search(text):
        text = _dotted_name(text)
    if "_" in text:
        text = _SNAKE_CASE.sub(" ", text)
    if _DIGIT.search(text) or "std" in text:
        text = _known_name(text)
    return _camel_case(text) if has_inner_capital else text
