"""Words with two pronunciations, and the spellings that make the bundled voices say the one that they miss.

Each spelling was chosen by the distance of the voices' takes to the teacher saying the right and the wrong phonemes
(docs/quality.md). Words that the voices say rightly, or that no spelling cures, are not listed.
"""

# Senses are told by the first pattern that fits the sentence. In it _ stands for the word; an empty spelling leaves the
# word as it is. A word with a capital has patterns of its own.
SENSES: dict[str, tuple[tuple[str, str], ...]] = {
    "bass": (
        (r"\b(?:fish|fishes|fishing|fisherman|fishermen|angler|anglers|trout|perch|salmon|pike|carp|lake|caught|catch|"
         r"bait|lure|grilled|fried|fillets?)\b", ""),
        (r"\b(?:sea|largemouth|smallmouth|striped|black|white|rock|spotted|freshwater) _|_ (?:boat|pond|lake|"
         r"river)", ""),
        (r"_", "base"),
    ),
    "content": (
        (r"_ (?:myself|himself|herself|itself|yourself|ourselves|themselves)\b", "contente"),
        (r"\b(?:am|i'm|is|are|was|were|be|been|being|he's|she's|we're|you're|they're|feel|feels|felt|seem|seems|"
         r"seemed|look|"
         r"looks|looked|remain|remained|become|became|grew|quite|perfectly|well|more than|not|so|very|too|never|always|"
         r"happy and) _(?=[,.;:!?]| (?:with|to|and|in|just|enough|for|that|until|if|as|here|there)\b)", "contente"),
        (r"^\W*_ (?:with|to)\b", "contente"),
    ),
    "blessed": (
        (r"\b(?:(?i:the|this)|that|a|every|o|our|most|what a) _ (?:saints?|virgin|sacrament|day|thing|lady|mother|"
         r"hope|land|"
         r"relief|souls?|moment|lord|trinity|one|place|state|peace|be)\b|^\W*_ (?:are|is) the\b", "blessid"),
    ),
    "learned": (
        (r"\b(?:an?|most|very|so|this|that|my|our|other) _ (?:\w+ )?(?:man|men|woman|women|judge|professor|doctor|"
         r"friend|"
         r"scholars?|society|societies|people|counsel|gentleman|gentlemen|profession|author|paper|work|discourse|"
         r"books?)\b|"
         r"\bthe _ (?:man|men|judge|professor|doctor|gentleman|counsel|societies|professions?|author)\b|"
         r"\b(?:very|most|so|and) _(?=[.;!?])", "lurnid"),
    ),
    "dove": (
        (r"(?i:\b(?:the|an?|this|that|one|each|every|no|my|his|her|white|turtle|rock|mourning|gray|wounded|"
         r"dead)) _", ""),
        (r"_ (?:\w+ly )?(?:in|into|under|underneath|down|off|over|for|through|beneath|behind|onto|from|below|straight|"
         r"head\w*|deep\w*|back|out|right|at|after|between|across|towards?|to|with)\b", "doave"),
    ),
    "does": (
        (r"\b(?:(?i:two|three|four|five|six|seven|eight|nine|ten|twelve|several|those|these|both|pregnant|wild|"
         r"young) _|"
         r"(?i:the) _(?= and| or| were| are| have| had| ran| with|[.,]))(?! (?:he|she|it|this|that|not|the|an?|one)\b)",
         "doze"),
        (r"\b(?:bucks?|stags?|fawns?|harts?) (?:and|or) _|_ (?:and|or) (?:\w+ )?(?:fawns?|bucks?|stags?)\b", "doze"),
    ),
    "lead": (
        (r"\b(?:made|out|bits?|pieces?|lumps?|sheets?|tons?|pounds?|ounces?|layers?|levels?|traces?|amounts?|grams|"
         r"milligrams|micrograms|bars?|ingots?|plates?|strips?|veins?|deposits|ores?|oxides?|salts|isotopes?|"
         r"compounds?|"
         r"alloys?|exposure|toxicity|concentrations?) of (?:\w+ )?_\b", "led"),
        (r"_ (?:pipe|piping|poison|paint|acid|bullet|crystal|weight|ore|mine[sd]?\b|mining|shot|sheet|sheath|glaze|"
         r"glass|"
         r"oxide|acetate|azide|nitrate|sul[fp]|carbonate|chromate|chloride|iodide|content|level|exposure|contaminat|"
         r"pollution|pencil|solder\b|ball|plate|coffin|roof|smelt|shield|apron|plumbing|brick|sinker|foil|toxicity|"
         r"alloy|"
         r"fume|dust|tetroxide|dioxide|seal|ingot|isotope|batter|compound|deposit|"
         r"and (?:zinc|copper|tin|silver|iron|mercury|arsenic|cadmium))", "led"),
        (r"\b(?:zinc|copper|tin|silver|iron|mercury|arsenic|cadmium|gold|antimony|bismuth|nickel|uranium|asbestos),? "
         r"(?:and |or )?_(?! to\b)|_, (?:zinc|copper|tin|silver|mercury|arsenic|cadmium|iron)\b", "led"),
        (r"^\W*_ (?:is|was|has|can|may|melts|occurs)\b|\b(?:use|production|free|compounds|forms|price) of _\b|"
         r"\b(?:covered|lined|coated|sealed|filled) (?:in|with) _\b", "led"),
        (r"_ is (?:an? |very |so |too )?(?:heavy|soft|toxic|poison\w*|dense|metal|malleable|dangerous)", "led"),
        (r"\b(?:heavy as|heavier than|softer than|like|molten|melted|red|white|black|tetraethyl) _"
         r"(?! (?:singer|actor|actress|guitar|vocal|role|character))", "led"),
        (r"_ in (?:(?:the|our|its|their|his|her|your) )?(?:water|paint|blood|soil|petrol|gasoline|pencils?|pipes?|"
         r"bones)\b",
         "led"),
        (r"\b(?:has|have|had|contain\w*|of|mined?|mining|melt\w*|without|into|pencil) _(?: in it\b|[.,;])", "led"),
        (r"_ (?:in)?to gold\b", "led"),
    ),
    "moderate": (
        (r"\b(?:mild|low|light|minor|weak|small|slight|easy|short|gentle|from \w+) (?:to|or|-) _", ""),
        (r"\bto _ (?!(?:the|an?|his|her|its|our|their|this|that|these|those|your|my)\b)", ""),
    ),
    "minute": (
        (r"(?i:\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|fifteen|twenty|thirty|forty|fifty|sixty|"
         r"ninety|last|"
         r"every|per|each|this|that|half|another|next|first|final|extra|the)) _(?! (?:amount|quantit|particle|detail|"
         r"difference|trace|fraction|variation|creature|organism|examination|inspection|crystal|dose|insect|droplet|"
         r"crack|"
         r"portion|fragment|speck|grain|bubble|cells|flowers))", ""),
        (r"_ (?:amount|quantit|particle|detail|difference|trace|fraction|variation|creature|organism|examination|"
         r"inspection|crystal|dose|insect|droplet|crack|portion|fragment|speck|grain|bubble|cells|flowers|hairs|holes|"
         r"changes|scales|spots)", "mynoot"),
        (r"\b(?:very|so|extremely|most|exceedingly|infinitely|incredibly|too|quite|rather|is|are|was|were) _"
         r"(?=[,.;:!?]| and| in size| to)", "mynoot"),
    ),
    "moped": (
        (r"\b(?:(?i:an?|the|my|your|his|her|their|our|this|that|by)|electric|old|new|red|rented) _", "moe-ped"),
    ),
    "row": (
        (r"\b(?:front|back|top|bottom|first|second|third|fourth|next|last|long|straight|middle|single|double|death|"
         r"skid) _", ""),
        (r"(?<!in )\b(?:had|have|having|has|mak\w+|made|kick\w*|start\w*|caus\w+|into) (?:up )?(?:such )?an? (?:\w+ )?_"
         r"(?= (?:about|over|with|at|last|yesterday|this|when|again|and|because)|[,.;:!?])", "rauw"),
        (r"\b(?:terrible|furious|blazing|awful|bitter|heated|diplomatic|public|political|flaming|almighty|fierce|"
         r"frightful|"
         r"domestic|violent|nasty|tremendous|dreadful|fearful) _", "rauw"),
        (r"_ (?:broke out|erupted|ensued)|\b(?:the|this|that|latest) _ (?:about|over)\b", "rauw"),
    ),
    "sow": (
        (r"\b(?:(?i:the|an?)|old|fat|wild|pregnant|big|her|his|that|one) _\b(?! (?:the|his|their|her|"
         r"seeds?)\b)", "saow"),
    ),
    "wound": (
        (r"(?<!\bto )_ (?:up|around|round|through|down|its way|his way|her way|their way|itself|himself|herself|"
         r"along|back|"
         r"tight\w*|in and out)\b", "wownd"),
        (r"\b(?i:he|she|it) (?:\w+ly )?_ (?:the|an?|his|her|it|them)\b", "wownd"),
    ),
    "invalid": (
        (r"\b(?:an?|elderly|chronic|poor|helpless|confirmed|permanent|bedridden|hopeless|old) _"
         r"(?= (?:for|who|in|with|since|at|was|is|had|has|lay|wife|husband|mother|father|sister|brother|son|daughter|"
         r"chair|"
         r"soldiers?)\b|[.,;!?])", "invulid"),
        (r"\bthe _(?=[.!?]| (?:who|was lying|had|has|lay|could|would|said|smiled)\b)", "invulid"),
    ),
    "bow": (
        (r"\b(?:arrows?|archers?|quiver|violin|fiddle|ribbons?|hair|tie|strings?|hunt\w*|rain|cross)\b", ""),
        (r"\b(?:took|take|takes|taken|taking) (?:an?|his|her|their|another|one final|a final) _\b(?! and)", "bough"),
        (r"_ (?:of|on) (?:the|an?|his|her|our|their|its) (?:ship|boat|vessel|canoe|yacht|barge|galley|cutter|launch|"
         r"steamer|schooner|ferry|raft)", "bough"),
        (r"\b(?:ships?|boats?|vessels?|canoes?|yachts?|gondola|deck|anchor|stern|hull|torpedo\w*|port|starboard|"
         r"bulbous) ?\b\b", "bough"),
        (r"\b(?:deep|low|slight|stiff|polite|formal|graceful|profound|respectful|courtly|grave|ceremonious|curt|"
         r"sweeping) _",
         "bough"),
        (r"_ (?:down|low|before|out of|to (?:the|his|her|no|my|your|their|him|them|me))\b", "bough"),
    ),
    "live": (
        (r"\b(?:broadcast|stream|streamed|streaming|performed|performing|recorded|go|goes|going|went|gone|aired|airing|"
         r"televised|captured|filmed|play|played|sang|watch it|watch us) _|_ (?:on (?:air|stage|television|T V|radio)|"
         r"from (?:the studio|[A-Z])|music|album|band|show|audience|broadcast|performance|recording|concert|stream|"
         r"television|coverage|wire|ammunition|animals?|bait|video|events?|version|chat|action)\b", "lyve"),
    ),
    "Polish": (
        (r"^\W*_ (?:the|your|my|his|her|it|them|all|each|every|with|until)\b", ""),
        (r"", "Poalish"),
    ),
    "tear": (
        (r"_ (?:gas|ducts?|drops?|stains?)\b|_ (?:in|from) (?:my|his|her|the|your|an?|each|their|"
         r"one) (?:\w+ )?eyes?\b", ""),
        (r"\b(?:wear and|muscle|ligament|meniscus|tendon|cuff|partial|complete|retinal) _|"
         r"_ in (?:my|his|her|the|your|an?|its|their|our|one)\b|_ (?:down|apart|off|away|open|through)\b", "tehr"),
    ),
}  # fmt: skip

# Spellings of words that are verbs in the sentence; the voices say them as nouns or adjectives.
AS_VERB = {
    "abuse": "abyuze", "addict": "addicte", "bow": "bough", "close": "cloze",
    "compact": "compacte", "compound": "compounde", "conflict": "conflicte", "console": "consoul",
    "contest": "conteste", "contract": "contracte", "contrast": "contraste", "convict": "convicte", "defect": "defecte",
    "delegate": "delegayte", "desert": "dessert", "entrance": "in-trance", "estimate": "estimayt", "export": "ex-port",
    "graduate": "graduaite", "house": "howz", "houses": "howzes", "impact": "impacte", "misuse": "misyuze",
    "moderate": "moderayt", "object": "objecte", "perfect": "perfecte", "postulate": "postulait",
    "present": "preesente", "presents": "presentts", "progress": "progresse", "project": "projecte",
    "protest": "pretesst", "rebel": "rebell", "record": "recorde", "refund": "refunde", "separate": "separait",
    "subject": "subjecte", "tear": "tehr", "tears": "tairs", "wind": "wined", "winds": "whines",
}
# Spellings of words that are nouns or adjectives in the sentence; the voices say them as verbs.
AS_NOUN = {
    "invite": "innvite", "live": "lyve", "resume": "rezzumay",
}

# Classes of the words around a homograph.
WORD_CLASSES = {
    "subject": "i we they you he she it",
    "object": "me us them him",
    "possessive": "my our their your his her its whose",
    "article": "the a an this these those some any no each every another either neither both all such",
    "modal": "will would can could shall should may might must do does did don't didn't doesn't won't can't cannot "
        "couldn't wouldn't shouldn't mustn't let let's i'll you'll he'll she'll we'll they'll it'll i'd you'd he'd "
        "she'd we'd they'd please always never often sometimes usually",
    "to": "to",
    "be": "is are was were be been being am i'm you're he's she's it's we're they're isn't aren't wasn't weren't "
        "that's there's become became seem seems",
    "have": "have has had having i've you've we've they've haven't hasn't hadn't",
    "preposition": "of in on at by for from with into about against between through during before after above "
        "below under over without within upon toward towards among across behind beyond near",
    "and": "and or but nor",
    "than": "as than like if when while because since though although until unless where how why then that's "
        "whether",
    "not": "not also just only still even",
    "very": "very too more most less least quite rather so",
    "up": "up down out off away back together again here there now",
    "wh": "who which that what",
    "comma": ", ; : -",
    "stop": ". ! ?",
    "quote": "\" ( )",
}
