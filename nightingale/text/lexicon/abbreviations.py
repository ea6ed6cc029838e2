"""Abbreviations, and the words that they stand for."""

from nightingale.text.lexicon import words
from nightingale.text.lexicon.names import ROADS

# Always followed by a name.
TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Mx": "Mix", "Messrs": "Messers", "Drs": "Doctors",
    "Mme": "Madame", "Mlle": "Mademoiselle", "Prof": "Professor", "Rev": "Reverend", "Hon": "Honorable", "Fr": "Father",
    "Gen": "General", "Col": "Colonel", "Maj": "Major", "Capt": "Captain", "Cpt": "Captain", "Cmdr": "Commander",
    "Lt": "Lieutenant", "Sgt": "Sergeant", "Cpl": "Corporal", "Pvt": "Private", "Adm": "Admiral", "Gov": "Governor",
    "Sen": "Senator", "Rep": "Representative", "Pres": "President", "Supt": "Superintendent", "Insp": "Inspector",
    "Mt": "Mount", "Ft": "Fort", "St": "Saint", "Ste": "Sainte",
}
# Never the last word of a sentence.
CONNECTIVES = {
    "vs": "versus", "cf": "compare", "viz": "namely", "approx": "approximately", "incl": "including",
    "excl": "excluding", "esp": "especially", "aka": "also known as", "resp": "respectively", "tel": "telephone",
    "ca": "circa", "orig": "originally",
}
DOTTED = {
    "e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "a.m": "AM", "p.m": "PM", "n.b": "note well",
    "w.r.t": "with respect to", "p.s": "P S", "p.p.s": "P P S",
}
BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "nr": "number", "fig": "figure", "figs": "figures", "vol": "volume",
    "vols": "volumes", "p": "page", "pp": "pages", "pg": "page", "ch": "chapter", "chap": "chapter", "sec": "section",
    "sect": "section", "eq": "equation", "ver": "version", "rev": "revision", "op": "opus", "c": "circa",
    "exp": "expires", "ext": "extension", "rte": "route", "ste": "suite", "pt": "part", "v": "version",
    "para": "paragraph",
}
# May be the last word of a sentence.
SENTENCE_FINAL = {
    "etc": "et cetera", "inc": "Incorporated", "ltd": "Limited", "co": "Company", "corp": "Corporation", "jr": "Junior",
    "sr": "Senior", "bros": "Brothers", "hwy": "Highway",
    "sq": "Square", "apt": "apartment", "dept": "department", "univ": "University",
    "assn": "Association", "al": "al", "misc": "miscellaneous", "max": "maximum", "min": "minimum",
    "est": "established", "govt": "government", "asst": "assistant", "natl": "national", "intl": "international",
    "esq": "Esquire", "mfg": "manufacturing", "rm": "Room", "bldg": "Building", "fl": "Floor", "exp": "experience",
    "ph.d": "PhD", "b.sc": "B S C", "m.sc": "M S C", "encl": "enclosed", "avg": "average", "ibid": "ibid",
    "ie": "that is", "eg": "for example",
} | {short.lower(): name for short, name in ROADS.items()}
ALSO_WORDS = frozenset(["max", "min", "est", "avg"])  # words or names where they end a sentence
# EST is not "est."; but these are the same as in lower case.
SENTENCE_FINAL_CAPITALS = frozenset(words("INC LTD CORP JR SR AVE BLVD ETC VS"))
TWO_LETTER_ACRONYMS = frozenset(words("US UK EU UN DC LA NY TV PC AM PM"))
WITHOUT_STOP = {
    "n/a": "N A", "km/h": "kilometers per hour", "WiFi": "Wi-Fi", "vs": "versus", "etc": "et cetera",
    "PhD": "P H D", "w/o": "without", "w/": "with",
}
