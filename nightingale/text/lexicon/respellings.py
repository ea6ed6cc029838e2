"""Other spellings of words that the bundled voices say wrongly, kept because they are heard right more often."""

# A whole sentence.
UTTERANCES = {"I.": "I...", "O.": '"Oh."', "Oh.": '"Oh."', "Go.": '"Go."'}

# Words as the rules leave them. Those in lower case are found in any case.
WORDS = {
    # words
    "unary": "yoonary", "mischievous": "mischevous", "hyperbole": "hy-perba-lee", "coup": "kooh",
    "schadenfreude": "shah-den-froyda", "blase": "blah-zay", "passe": "pass-ay", "touche": "too-shay",
    "protege": "proto-zhay", "protegee": "proto-zhay", "fiance": "fee-on-say", "fiancee": "fee-on-say",
    "deja vu": "day-zhah-voo", "pinata": "pin-yah-ta",
    # food
    "gnocchi": "nyokee", "croissant": "kwah-sahn", "prosciutto": "pro-shoot-oh",
    "tzatziki": "tsat-see-kee", "pho": "fuh", "hors d'oeuvre": "or-derv", "entree": "on-tray", "saute": "saw-tay",
    "puree": "pure-ay", "souffle": "soo-flay", "creme brulee": "krem brulay",
    # names
    "andre": "On-dray", "aoife": "Eefa", "beyonce": "Bee-on-say", "bronte": "Bron-tay", "camus": "Cam-oo",
    "caoimhe": "Keeva", "chloe": "Cloey", "dijkstra": "Dike-stra", "dvorak": "Dvor-zhack", "eoin": "Owen",
    "foucault": "Foo-coe", "goethe": "Gur-ta", "hermione": "Her-my-o-knee", "javier": "Hah-vee-air",
    "joaquin": "Wah-keen", "jorge": "Horhay", "jose": "Hose-ay", "nguyen": "Win", "niamh": "Neev",
    "nietzsche": "Neecha", "pele": "Pay-lay", "rene": "Ren-ay", "renee": "Ren-ay", "saoirse": "Sur-sha",
    "schwarzenegger": "Shwortsen-egger", "sean": "Shawn", "siobhan": "Shavawn", "zoe": "Zoh-ee",
    # places
    "des moines": "Duh Moyn", "kyiv": "Keev", "la jolla": "La Hoya", "oaxaca": "Wah-hah-ka", "phuket": "Poo-ket",
    "Reims": "Rance", "thames": "Temz", "wroclaw": "Vrots-wahf", "xi'an": "Shee-ahn", "yosemite": "Yo-semmity",
    "zurich": "Zurick",
    # acronyms
    "AAA": "triple A", "afaik": "as far as I know", "asap": "A S A P", "btw": "by the way", "covid": "co-vid",
    "DIY": "D I Y", "GAAP": "gap", "IMO": "in my opinion", "imo": "in my opinion", "LAN": "lan", "Laser": "laser",
    "lol": "L O L", "Mo MA": "Moma", "NAACP": "N double A C P", "NCAA": "N C double A",
    "noaa": "Noah", "OSHA": "oh-sha", "Radar": "radar", "saas": "sass", "Scuba": "scuba", "Sonar": "so-nar",
    "TBD": "T B D", "tldr": "T L D R", "You ni seff": "Yuni-sef",
    # technical words and brands
    "airbnb": "air B and B", "anthropic": "an-throp-ick", "chatgpt": "chat G P T", "cuda": "koo-da", "ebay": "E-bay",
    "emacs": "Ee-max", "enum": "E-num", "github": "Git hub", "gucci": "Goochy", "huawei": "Wha-way",
    "ikea": "eye-kee-a", "jupyter": "Jupiter", "kubectl": "cube control", "kubernetes": "koo-ber-net-eez",
    "LaTeX": "lay-teck", "localhost": "local host", "louis vuitton": "Louie Veeton", "nginx": "engine X",
    "paypal": "Pay pal", "peugeot": "pur-joe", "regex": "redge ex", "renault": "Renno", "tmux": "T mux",
    "tuple": "tuppel", "xiaomi": "shau-mee",
}  # fmt: skip

# Words as they are typed whose spelling without accents is another word, or is said rightly.
ACCENTED = {
    "résumé": "rezzumay", "exposé": "ex-po-zay", "rosé": "rose-ay", "pâté": "pat-ay", "soirée": "soiree",
    "café": "cafe", "cliché": "cliche", "matinée": "matinee", "crème brûlée": "krem brulay",
}  # fmt: skip
