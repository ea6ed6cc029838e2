"""Units of measure: spellings and units that CLDR's table (cldr.py) lacks, and what stands behind "per"."""

from nightingale.text.lexicon import words

# spelling -> sign in CLDR's table
SPELLINGS = {
    "ml": "mL", "cl": "cL", "dl": "dL", "hl": "hL", "l": "L", "ul": "µL", "uL": "µL", "lt": "L", "ltr": "L",
    "lbs": "lb", "ozs": "oz", "yds": "yd", "fl. oz": "fl oz", "floz": "fl oz", "Tbsp": "tbsp", "tbs": "tbsp",
    "Tsp": "tsp", "hrs": "h", "mins": "min", "secs": "s", "yr": "yrs", "wk": "wks", "um": "µm", "ug": "µg",
    "mcg": "µg", "us": "µs", "uF": "µF", "uA": "µA", "uV": "µV", "uM": "µM", "KB": "kB", "kt": "kn", "kts": "kn",
    "bbls": "bbl", "BTU": "Btu", "BTUs": "Btu", "btu": "Btu", "HP": "hp", "gr": "g", "AU": "au",
    "mbit": "Mbit", "gbit": "Gbit", "Mb": "Mbit", "Gb": "Gbit", "kb": "kbit", "kgs": "kg", "kms": "km", "cms": "cm",
    "mmHG": "mmHg", "Mhz": "MHz", "Ghz": "GHz", "khz": "kHz", "KHz": "kHz", "kw": "kW", "kwh": "kWh", "KWh": "kWh",
    "Kbps": "kbps", "Kcal": "kcal", "KJ": "kJ", "mhz": "MHz", "ghz": "GHz", "hz": "Hz", "gals": "gal", "qts": "qt",
    "mps": "m/s", "µl": "µL", "db": "dB", "degs": "deg", "v": "V", "KN": "kN", "Kg": "kg", "Km": "km",
}
# sign -> one, or "one|many" if the plural has no plain "s"
EXTRA_UNITS = {
    "kph": "kilometer per hour|kilometers per hour", "kmph": "kilometer per hour|kilometers per hour",
    "kmh": "kilometer per hour|kilometers per hour", "m/s": "meter per second|meters per second",
    "fps": "frame per second|frames per second", "rpm": "revolution per minute|revolutions per minute",
    "RPM": "revolution per minute|revolutions per minute", "bpm": "beat per minute|beats per minute",
    "wpm": "word per minute|words per minute", "cpm": "count per minute|counts per minute",
    "cfm": "cubic foot per minute|cubic feet per minute", "gpm": "gallon per minute|gallons per minute",
    "kbps": "kilobit per second|kilobits per second", "Mbps": "megabit per second|megabits per second",
    "Gbps": "gigabit per second|gigabits per second", "Tbps": "terabit per second|terabits per second",
    "MBps": "megabyte per second|megabytes per second", "GBps": "gigabyte per second|gigabytes per second",
    "psi": "P S I|P S I", "PSI": "P S I|P S I", "mA": "milliamp", "A": "amp", "kA": "kiloamp", "µA": "microamp",
    "nA": "nanoamp", "pA": "picoamp", "Ah": "amp hour", "mAh": "milliamp hour", "kVA": "kilovolt amp",
    "MVA": "megavolt amp", "VA": "volt amp", "Wh": "watt hour", "kWh": "kilowatt hour", "MWh": "megawatt hour",
    "GWh": "gigawatt hour", "TWh": "terawatt hour", "mWh": "milliwatt hour", "kWp": "kilowatt peak|kilowatts peak",
    "dB": "decibel", "dBA": "decibel A|decibels A", "dBm": "D B M|D B M", "dBi": "D B I|D B I", "dBu": "D B U|D B U",
    "dBFS": "D B F S|D B F S", "dBV": "D B V|D B V", "LUFS": "L U F S|L U F S", "ct": "carat", "doz": "dozen|dozen",
    "cc": "C C|C C", "sqft": "square foot|square feet", "sqm": "square meter", "sqkm": "square kilometer",
    "cuft": "cubic foot|cubic feet", "cbm": "cubic meter", "Nm": "newton meter", "N m": "newton meter",
    "kN m": "kilonewton meter", "Pa s": "pascal second", "mPa s": "millipascal second",
    "lb ft": "pound foot|pound feet", "ft lb": "foot pound", "ft lbs": "foot pound", "in lb": "inch pound",
    "in lbs": "inch pound", "A h": "amp hour", "mA h": "milliamp hour", "W h": "watt hour", "kW h": "kilowatt hour",
    "V A": "volt amp", "J s": "joule second", "acre": "acre", "in": "inch|inches", "Tb": "terabit",
    "acre ft": "acre foot|acre feet", "mM": "millimolar|millimolar", "µM": "micromolar|micromolar",
    "nM": "nanomolar|nanomolar", "pM": "picomolar|picomolar", "IU": "I U|I U", "mIU": "milli I U|milli I U",
    "kDa": "kilodalton", "bp": "base pair", "kbp": "kilobase pair",
    "rpms": "revolution per minute|revolutions per minute", "Å": "angstrom",
    "bhp": "brake horsepower|brake horsepower", "nits": "nit", "FLOPS": "flops|flops",
    "TFLOPS": "teraflops|teraflops", "GFLOPS": "gigaflops|gigaflops", "MFLOPS": "megaflops|megaflops",
    "TOPS": "tops|tops", "mths": "month", "mos": "month", "mo": "month", "arcsec": "arcsecond", "arcmin": "arcminute",
    "Myr": "million years|million years", "Gyr": "billion years|billion years", "Ma": "million years|million years",
    "Mt": "megaton", "Gt": "gigaton", "mpt": "metric pint", "pkg": "package", "pkt": "packet", "pc": "piece",
    "pts": "point", "pp": "page", "pcs": "piece", "ppt": "part per trillion|parts per trillion", "µ": "micron",
    "MMBtu": "million B T U|million B T U", "°": "degree", "°K": "kelvin", "°R": "degree Rankine|degrees Rankine",
    "Mpx": "megapixel", "rev": "revolution", "furlongs": "furlong", "lm": "lumen", "lx": "lux|lux",
    "cd": "candela|candela",
}
# After a blank these are more likely words or names; "5us" and "1.5in" are units.
TOUCHING_ONLY = frozenset(["us", "in", "MP", "Ma", "TOPS", "mo", "pc"])
# After a digit without a blank these are labels, as in "iPhone 5S" and "Section 5A", unless the number has a point.
SPACED_CAPITALS = frozenset("ABKNT")
# Letters that are no units by themselves: temperatures need a word that says so, and "5 S" is a label.
NO_UNITS = frozenset(["C", "F", "H", "S", "MN", "ML", "kat", "pA"])
# Read in any case: 5 KM, 10 Lbs.
ANY_CASE = frozenset(words(
    "km cm kg lb lbs oz ft mph kph hr hrs min mins sec secs tsp tbsp gal qt ml mg yd yds yr yrs mi kmh rpm kcal pcs"
))
# What stands behind "/" or "per" in a rate, where it is no unit of CLDR's table.
PER_WORDS = {
    "mo": "month", "wk": "week", "yr": "year", "y": "year", "a": "year", "d": "day", "hr": "hour", "min": "minute",
    "sec": "second", "people": "person", "pers": "person", "litre": "liter", "metre": "meter",
} | {word: word for word in words(
    "month week year annum day night hour minute second quarter person capita head user seat household unit piece item "
    "page word share serving session lesson trip ride ticket room game shift cup liter kilo gallon mile pound "
    "ton tonne dozen bottle box pack bag employee student child adult guest car vehicle call request meter acre "
    "kilometer kilogram ounce foot inch yard pint quart patient line file bit byte frame play episode match "
    "episode class"
)}
# Nouns that an amount before them describes: "60W bulb", "a 12 pt font" are read with the singular.
DESCRIBED = words(
    "bulb bottle bag can jar cup glass sprint dash run race charging solar laser speaker walk hike swim ride drive "
    "truck lorry supply cable lens gun tank container battery batteries charger adapter motor engine screen display "
    "monitor file disk disc card font type radius resistor capacitor plug socket fuse dose tablet pill capsule block "
    "page chunk limit zone mark mesh"
)
LENGTHS = frozenset(words("m cm mm km in ft yd mi px nm µm"))  # "4x100m" is read with "by", "2 x 400 g" with "times"
# Units of which people take half, or a quarter; "25/33 mpg" are two numbers.
PARTED = frozenset(words(
    "tsp tbsp Tbsp c t T oz lb lbs pt qt gal in ft yd mi km m cm h hr hrs min s sec acre ac g kg L l ml mL pkg "
    "doz nmi ly"
)) | {"fl oz", "fl. oz"}
# Before these, "1 t" is a teaspoon and "1 c" a cup.
INGREDIENTS = frozenset(words(
    "salt sugar vanilla pepper baking cinnamon oil olive butter flour soda powder yeast honey nutmeg ginger "
    "cumin paprika garlic onion milk cream water broth stock rice oats cornstarch cocoa vinegar lemon lime "
    "mustard soy sauce syrup parsley basil oregano thyme cheese chopped ground minced grated diced sliced brown "
    "white fresh dried warm hot cold melted packed heavy sour chicken beef tomato tomatoes nuts raisins"
))
# "mg/dL", "km/h" and the like are read without a number too, if both parts are among these.
BARE_NUMERATORS = frozenset(words("mg g kg µg ng km m cm mm ft mi L mL ml W kW MB GB Mb kB J kJ mol mmol lb gal kWh"))
BARE_DENOMINATORS = frozenset(words("s h hr min day kg L dL dl mL ml l m^2 m^3 cm^2 cm^3 ft^2 K mol yr year sec g"))
POWERS = {"2": "square", "3": "cubic"}
COMPASS = {"N": "north", "E": "east", "S": "south", "W": "west"}
# Full stops after these belong to them: "5 ft. long". Units of recipes have another meaning without a number.
RECIPE_UNITS = {"c": ("cup", "cups"), "pt": ("pint", "pints"), "pkg": ("package", "packages")}
MEASURES = frozenset([*RECIPE_UNITS, "tbsp", "tsp", "oz", "qt", "gal", "lb", "lbs"])  # "2 lb. Sugar" is one phrase
STOPPED_UNITS = frozenset(words(
    "km cm mm m nm mi yd yds ft kg mg g lb lbs oz qt doz mph kph rpm bpm psi mpg ml mL cl dl l L gal tsp tbsp ha sq h "
    "hr hrs min mins s sec secs ms yr yrs mo mos wk wks Hz kHz MHz GHz KB MB GB TB V W kW kWh J ct acre deg bbl bu pcs "
    "gals qts pts kts ozs kr"
))
