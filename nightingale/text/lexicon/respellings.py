"""Other spellings of words that the bundled voices say wrongly, kept because they are heard right more often."""

# A whole sentence.
UTTERANCES = {"I.": "I...", "O.": '"Oh."', "Oh.": '"Oh."', "Go.": '"Go."'}

# Words as the rules leave them. Those in lower case are found in any case.
WORDS = {
    # words
    "unary": "yoonary", "hyperbole": "hy-perba-lee", "gnocchi": "nyokee", "schadenfreude": "shah-den-froyda",
    "acai": "ah-sigh-ee", "croissant": "kwah-sahn", "prosciutto": "pro-shoot-oh", "tzatziki": "tsat-see-kee",
    "pho": "fuh", "hors d'oeuvre": "or-derv",
    # names
    "sean": "Shawn", "niamh": "Neev", "joaquin": "Wah-keen", "nietzsche": "Neecha", "dvorak": "Dvor-zhack",
    "la jolla": "La Hoya", "yosemite": "Yo-semmity", "chloe": "Cloey", "zoe": "Zoh-ee", "beyonce": "Bee-on-say",
    "siobhan": "Shavawn", "saoirse": "Sur-sha", "caoimhe": "Keeva", "aoife": "Eefa",
    "jorge": "Horhay", "javier": "Hah-vee-air", "nguyen": "Win", "eoin": "Owen", "goethe": "Gur-ta", "camus": "Cam-oo",
    "foucault": "Foo-coe", "dijkstra": "Dike-stra", "schwarzenegger": "Shwortsen-egger",
    # places
    "kyiv": "Keev", "thames": "Temz", "des moines": "Duh Moyn", "oaxaca": "Wah-hah-ka", "Reims": "Rance",
    "phuket": "Poo-ket", "xi'an": "Shee-ahn", "wroclaw": "Vrots-wahf",
    # acronyms
    "Radar": "radar", "noaa": "Noah", "asap": "A S A P", "saas": "sass", "Sonar": "so-nar", "GAAP": "gap",
    "btw": "by the way", "IMO": "in my opinion", "imo": "in my opinion", "You ni seff": "Yuni-sef", "Nayto": "Nay-toe",
    "OSHA": "oh-sha", "Laser": "laser", "Scuba": "scuba", "LAN": "lan", "DIY": "D I Y", "lol": "L O L", "TBD": "T B D",
    "afaik": "as far as I know", "tldr": "T L D R", "NAACP": "N double A C P", "NCAA": "N C double A",
    "AAA": "triple A", "Mo MA": "Moma", "covid": "co-vid",
    # technical words and brands
    "nginx": "engine X", "regex": "redge ex", "emacs": "Ee-max", "paypal": "Pay pal", "localhost": "local host",
    "kubernetes": "koo-ber-net-eez", "jupyter": "Jupiter", "tmux": "T mux", "kubectl": "cube control",
    "LaTeX": "lay-teck", "tuple": "tuppel", "enum": "E-num", "ebay": "E-bay", "ikea": "eye-kee-a", "renault": "Renno",
    "xiaomi": "shau-mee", "gucci": "Goochy", "louis vuitton": "Louie Veeton", "airbnb": "air B and B",
    "chatgpt": "chat G P T", "anthropic": "an-throp-ick",
}  # fmt: skip

# Words as they are typed, whose accents the rules remove.
ACCENTED = {
    "résumé": "rezzoo-may", "blasé": "blah-zay", "protégé": "proto-zhay", "protégée": "proto-zhay",
    "fiancé": "fee-on-say", "fiancée": "fee-on-say", "sauté": "saw-tay", "purée": "pure-ay", "soufflé": "soo-flay",
    "passé": "pass-ay", "touché": "too-shay", "exposé": "ex-po-zay", "rosé": "rose-ay", "pâté": "pat-ay",
    "entrée": "on-tray", "soirée": "swar-ay", "matinée": "matin-ay", "café": "cafe", "cliché": "cliche",
    "piñata": "pin-yah-ta", "crème brûlée": "krem brulay", "déjà vu": "day-zhah-voo", "zürich": "Zurick",
    "brontë": "Bron-tay", "beyoncé": "Bee-on-say", "josé": "Hose-ay", "rené": "Ren-ay", "renée": "Ren-ay",
    "andré": "On-dray", "pelé": "Pay-lay",
}  # fmt: skip
