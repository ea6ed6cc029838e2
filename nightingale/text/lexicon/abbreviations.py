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
    "Mt": "Mount", "Ft": "Fort", "St": "Saint", "Ste": "Sainte", "Msgr": "Monsignor", "Bp": "Bishop",
    "Abp": "Archbishop", "Brig": "Brigadier", "Cdr": "Commander", "Lieut": "Lieutenant", "Pte": "Private",
    "Pfc": "Private First Class", "Asst": "Assistant",
    "Wm": "William", "Chas": "Charles", "Geo": "George", "Thos": "Thomas", "Robt": "Robert", "Benj": "Benjamin",
    "Edw": "Edward", "Jos": "Joseph", "Br": "Brother", "Det": "Detective", "Amb": "Ambassador", "Cllr": "Councillor",
    "Atty": "Attorney", "Ald": "Alderman", "Profs": "Professors", "Sens": "Senators", "Reps": "Representatives",
    "Gens": "Generals",
}
# Never the last word of a sentence.
CONNECTIVES = {
    "vs": "versus", "cf": "compare", "viz": "namely", "approx": "approximately", "incl": "including",
    "excl": "excluding", "esp": "especially", "aka": "also known as", "resp": "respectively", "tel": "telephone",
    "ca": "circa", "orig": "originally", "usu": "usually", "attn": "attention", "suppl": "supplementary",
    "attrib": "attributed",
}
DOTTED = {
    "e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "a.m": "AM", "p.m": "PM", "n.b": "note well",
    "w.r.t": "with respect to", "p.s": "P S", "p.p.s": "P P S", "p.a": "per annum", "q.v": "which see",
    "n.d": "no date", "s.t": "such that", "i.q": "the same as",
}
BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "nr": "number", "fig": "figure", "figs": "figures", "vol": "volume",
    "vols": "volumes", "p": "page", "pp": "pages", "pg": "page", "ch": "chapter", "chap": "chapter", "sec": "section",
    "sect": "section", "eq": "equation", "ver": "version", "rev": "revision", "op": "opus", "c": "circa",
    "exp": "expires", "ext": "extension", "rte": "route", "ste": "suite", "pt": "part", "pts": "parts", "v": "version",
    "para": "paragraph", "paras": "paragraphs", "art": "article", "arts": "articles", "sc": "scene", "l": "line",
    "ll": "lines", "vv": "verses", "bk": "book", "bks": "books", "pl": "plate", "pls": "plates", "fn": "footnote",
    "nn": "notes", "n": "note", "col": "column", "cols": "columns", "app": "appendix", "tab": "table", "tbl": "table",
    "ex": "example", "exs": "examples", "prob": "problem", "thm": "theorem", "lem": "lemma", "prop": "proposition",
    "def": "definition", "eqn": "equation", "eqns": "equations", "eqs": "equations", "ref": "reference",
    "refs": "references", "chs": "chapters", "chaps": "chapters", "secs": "sections", "cl": "clause", "sch": "schedule",
    "reg": "regulation", "iss": "issue", "f": "folio", "fol": "folio", "ser": "series", "ss": "sections",
    "s": "section", "cat": "category", "lot": "lot", "pop": "population", "temp": "temperature",
    "temps": "temperatures", "alt": "altitude", "lat": "latitude", "long": "longitude", "elev": "elevation",
    "ht": "height", "wt": "weight", "diam": "diameter", "dia": "diameter", "circ": "circumference",
    "freq": "frequency", "qty": "quantity", "amt": "amount", "conc": "concentration", "vel": "velocity",
    "precip": "precipitation", "ph": "phone", "mob": "mobile", "bldg": "building", "rm": "room", "cap": "cap",
    "hum": "humidity", "max": "maximum", "min": "minimum", "avg": "average", "est": "estimated", "pr": "price",
    "ep": "episode", "lv": "level", "lvl": "level", "bap": "baptized", "pub": "published", "publ": "published",
    "cir": "circuit", "bur": "buried",
}
# Before a word in lower case: "the temp. is 20", "pop. density".
BEFORE_WORD = {
    "temp": "temperature", "temps": "temperatures", "pop": "population", "elev": "elevation", "qty": "quantity",
    "vol": "volume", "vols": "volumes", "fig": "figure", "figs": "figures", "op": "op", "loc": "loc",
    "avg": "average", "max": "maximum", "min": "minimum", "est": "estimated", "freq": "frequency",
    "precip": "precipitation",
}
# Also before a letter: "App. B", "para. (b)".
BEFORE_LETTER = frozenset(words("app fig figs sec sect para sch bldg rm apt tab"))
# Behind "N." and the like: "N. Korea".
REGIONS = words(
    "Korea Africa America Carolina Dakota Virginia Ireland Yorkshire Sussex Vietnam Sudan Hampshire Atlantic "
    "Pacific Sea London Wales Germany Europe Asia"
)
# Before a year or a date; elsewhere these mean something else.
BEFORE_YEAR = {"b": "born", "d": "died", "m": "married", "r": "reigned", "fl": "flourished", "est": "established"}
# In books: "ed. by A. Smith", "trans. M. Jones", "2nd ed.", "(eds.)".
BOOK_ROLES = {
    "ed": "edited", "eds": "edited", "trans": "translated", "transl": "translated", "tr": "translated",
    "illus": "illustrated", "comp": "compiled", "rev": "revised", "introd": "introduced",
}
# Behind a number: "2 lg. eggs".
SIZES = {"lg": "large", "med": "medium", "sm": "small"}
# Behind a number: "502 pp.".
COUNTED = {"pp": "pages", "vols": "volumes", "figs": "figures", "chs": "chapters", "pls": "plates",
           "ff": "and following", "f": "and following", "illus": "illustrations", "ll": "lines",
           "eps": "episodes", "pers": "persons"}
# Before "No.": "Inv. No. 4711".
BEFORE_NO = {"inv": "invoice", "cat": "catalog", "acc": "account", "acct": "account", "ref": "reference",
             "reg": "registration", "ser": "serial", "pat": "patent", "tel": "telephone"}
# In names of journals: "J. Biol. Chem.". Only with a capital.
JOURNALS = {
    "Biol": "Biology", "Chem": "Chemistry", "Phys": "Physics", "Lett": "Letters", "Sci": "Science",
    "Math": "Mathematics", "Res": "Research", "Bull": "Bulletin", "Psychol": "Psychology", "Genet": "Genetics",
    "Clin": "Clinical", "Mol": "Molecular", "Appl": "Applied", "Theor": "Theoretical", "Int": "International",
    "Environ": "Environmental", "Technol": "Technology", "Commun": "Communications", "Educ": "Education",
    "Econ": "Economics", "Hist": "History", "Philos": "Philosophy", "Amer": "American", "Brit": "British",
    "Med": "Medicine", "Conf": "Conference", "Eng": "Engineering", "Nat": "National",
}
# Written behind a city and a comma: "Boston, Mass.".
STATES_WITH_STOP = {
    "Ala": "Alabama", "Ariz": "Arizona", "Ark": "Arkansas", "Calif": "California", "Cal": "California",
    "Colo": "Colorado", "Conn": "Connecticut", "Del": "Delaware", "Fla": "Florida", "Ga": "Georgia", "Ill": "Illinois",
    "Ind": "Indiana", "Kan": "Kansas", "Kans": "Kansas", "Ky": "Kentucky", "La": "Louisiana", "Md": "Maryland",
    "Mass": "Massachusetts", "Mich": "Michigan", "Minn": "Minnesota", "Miss": "Mississippi", "Mo": "Missouri",
    "Mont": "Montana", "Neb": "Nebraska", "Nebr": "Nebraska", "Nev": "Nevada", "Okla": "Oklahoma", "Ore": "Oregon",
    "Pa": "Pennsylvania", "Penn": "Pennsylvania", "Tenn": "Tennessee", "Tex": "Texas", "Va": "Virginia",
    "Vt": "Vermont", "Wash": "Washington", "Wis": "Wisconsin", "Wyo": "Wyoming", "Ont": "Ontario", "Que": "Quebec",
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
    "ie": "that is", "eg": "for example", "ff": "and following", "cont": "continued", "assoc": "associate",
    "inst": "Institute", "soc": "Society", "proc": "Proceedings", "mgr": "manager", "mts": "Mountains",
    "adj": "adjective", "adv": "adverb", "spp": "species", "sp": "species", "subsp": "subspecies",
    "pres": "president", "repr": "reprinted", "abbr": "abbreviated", "cres": "Crescent", "mfr": "manufacturer",
    "depts": "departments", "cit": "cit", "acad": "Academy", "dist": "District", "hosp": "Hospital", "edn": "edition",
    "edns": "editions", "ult": "ultimo", "prox": "proximo", "orgs": "organizations",
} | {short.lower(): name for short, name in ROADS.items()}
ALSO_WORDS = frozenset(["max", "min", "est", "avg"])  # words or names where they end a sentence
# EST is not "est."; but these are the same as in lower case.
SENTENCE_FINAL_CAPITALS = frozenset(words("INC LTD CORP JR SR AVE BLVD ETC VS"))
TWO_LETTER_ACRONYMS = frozenset(words("US UK EU UN DC LA NY TV PC AM PM"))
WITHOUT_STOP = {
    "n/a": "N A", "km/h": "kilometers per hour", "WiFi": "Wi-Fi", "vs": "versus", "etc": "et cetera",
    "PhD": "P H D", "PhDs": "P H Ds", "w/o": "without", "w/": "with", "c/o": "care of", "b/c": "because",
    "p/w": "per week", "gov't": "government", "govt": "government", "int'l": "international", "nat'l": "national",
    "ass'n": "association", "cont'd": "continued", "dept": "department", "approx": "approximately"
}
# Names that end in a mark, and are no end of a sentence where the sentence goes on.
NAMES_WITH_MARK = frozenset(words("Yahoo Jeopardy Wham Oliver Oklahoma Panic Kahoot Yum Guess Airplane"))
