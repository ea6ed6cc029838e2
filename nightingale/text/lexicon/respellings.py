"""Other spellings of words that the bundled voices say wrongly, kept because they are heard right more often."""

# A whole sentence.
UTTERANCES = {"I.": "I...", "O.": '"Oh."', "Oh.": '"Oh."', "Go.": '"Go."'}

# Words as the rules leave them. Those in lower case are found in any case.
WORDS = {
    # words
    "unary": "yoonary", "hyperbole": "hy-perba-lee",
    # names
    "Sean": "Shawn", "Niamh": "Neev", "Joaquin": "Wah-keen", "Nietzsche": "Neecha", "Dvorak": "Dvor-zhack",
    "La Jolla": "La Hoya", "Yosemite": "Yo-semmity", "Chloe": "Cloey", "Zoe": "Zoh-ee", "Beyonce": "Bee-on-say",
    # acronyms
    "Radar": "radar", "NOAA": "Noah", "ASAP": "A S A P", "SaaS": "sass", "Sonar": "so-nar", "GAAP": "gap",
    "BTW": "by the way", "IMO": "in my opinion", "You ni seff": "Yuni-sef", "Nayto": "Nay-toe", "OSHA": "oh-sha",
    "Laser": "laser", "Scuba": "scuba", "LAN": "lan", "DIY": "D I Y", "LOL": "L O L", "TBD": "T B D",
    "AFAIK": "as far as I know", "TLDR": "T L D R", "NAACP": "N double A C P", "NCAA": "N C double A",
    "AAA": "triple A", "Mo MA": "Moma", "covid": "co-vid",
    # food
    "gnocchi": "nyokee", "schadenfreude": "shah-den-froyda", "acai": "ah-sigh-ee",
}  # fmt: skip

# Words as they are typed, whose accents the rules remove.
ACCENTED = {
    "résumé": "rezzoo-may", "blasé": "blah-zay", "protégé": "proto-zhay", "protégée": "proto-zhay",
    "fiancé": "fee-on-say", "fiancée": "fee-on-say", "sauté": "saw-tay", "purée": "pure-ay", "soufflé": "soo-flay",
    "piñata": "pin-yah-ta", "crème brûlée": "krem brulay", "déjà vu": "day-zhah-voo", "Brontë": "Bron-tay",
    "Beyoncé": "Bee-on-say", "José": "Hose-ay", "René": "Ren-ay", "Renée": "Ren-ay", "André": "On-dray",
    "Pelé": "Pay-lay", "Zürich": "Zurick", "pâté": "pat-ay",
    "passé": "pass-ay", "touché": "too-shay", "exposé": "ex-po-zay", "rosé": "rose-ay",
    "entrée": "on-tray", "soirée": "swar-ay", "matinée": "matin-ay", "café": "cafe", "cliché": "cliche",
}  # fmt: skip
