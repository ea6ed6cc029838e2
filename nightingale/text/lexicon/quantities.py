"""Words that numbers count: units, currencies, scales, months, days."""

SCALES = {
    "k": "thousand", "m": "million", "mm": "million", "mn": "million", "b": "billion", "bn": "billion", "t": "trillion",
    "tn": "trillion",
}

# unit -> (one, many)
UNITS = {
    "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
    "m": ("meter", "meters"), "nm": ("nanometer", "nanometers"), "µm": ("micrometer", "micrometers"),
    "um": ("micrometer", "micrometers"), "mi": ("mile", "miles"), "yd": ("yard", "yards"), "yds": ("yard", "yards"),
    "ft": ("foot", "feet"), "kg": ("kilogram", "kilograms"), "mg": ("milligram", "milligrams"), "g": ("gram", "grams"),
    "µg": ("microgram", "micrograms"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "qt": ("quart", "quarts"), "doz": ("dozen", "dozen"),
    "mph": ("mile per hour", "miles per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "fps": ("frame per second", "frames per second"), "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"), "dpi": ("dot per inch", "dots per inch"),
    "ppm": ("part per million", "parts per million"), "psi": ("P S I", "P S I"),
    "mpg": ("mile per gallon", "miles per gallon"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"), "l": ("liter", "liters"),
    "L": ("liter", "liters"), "gal": ("gallon", "gallons"), "tsp": ("teaspoon", "teaspoons"),
    "tbsp": ("tablespoon", "tablespoons"), "ha": ("hectare", "hectares"), "sq": ("square", "square"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"), "s": ("second", "seconds"), "sec": ("second", "seconds"),
    "secs": ("second", "seconds"), "ms": ("millisecond", "milliseconds"), "µs": ("microsecond", "microseconds"),
    "us": ("microsecond", "microseconds"), "ns": ("nanosecond", "nanoseconds"), "yr": ("year", "years"),
    "yrs": ("year", "years"), "mos": ("month", "months"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "THz": ("terahertz", "terahertz"),
    "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "PB": ("petabyte", "petabytes"), "KiB": ("kibibyte", "kibibytes"), "MiB": ("mebibyte", "mebibytes"),
    "GiB": ("gibibyte", "gibibytes"), "TiB": ("tebibyte", "tebibytes"), "kb": ("kilobit", "kilobits"),
    "Mb": ("megabit", "megabits"), "Gb": ("gigabit", "gigabits"), "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "V": ("volt", "volts"), "kV": ("kilovolt", "kilovolts"), "mV": ("millivolt", "millivolts"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"), "GW": ("gigawatt", "gigawatts"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "mAh": ("milliamp hour", "milliamp hours"),
    "mA": ("milliamp", "milliamps"), "J": ("joule", "joules"), "kJ": ("kilojoule", "kilojoules"),
    "kcal": ("kilocalorie", "kilocalories"), "Pa": ("pascal", "pascals"), "kPa": ("kilopascal", "kilopascals"),
    "hPa": ("hectopascal", "hectopascals"), "dB": ("decibel", "decibels"), "px": ("pixel", "pixels"),
    "MP": ("megapixel", "megapixels"), "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"), "°": ("degree", "degrees"), "Ω": ("ohm", "ohms"),
    "kΩ": ("kiloohm", "kiloohms"), "MΩ": ("megaohm", "megaohms"), "mol": ("mole", "moles"), "ct": ("carat", "carats"),
    "acre": ("acre", "acres"),
}
POWERS = {"2": "square", "3": "cubic"}
TOUCHING_ONLY = frozenset(["J", "us", "MP", "l"])  # after a blank these are more likely something else
# Units of recipes that have another meaning unless a number stands before them.
RECIPE_UNITS = {"c": ("cup", "cups"), "pt": ("pint", "pints"), "pkg": ("package", "packages")}
MEASURES = frozenset([*RECIPE_UNITS, "tbsp", "tsp", "oz", "qt", "gal", "lb", "lbs"])  # "2 lb. Sugar" is one phrase

# symbol -> (one, many, one hundredth, many hundredths)
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"), "R$": ("real", "reais", "centavo", "centavos"),
    "MX$": ("peso", "pesos", "centavo", "centavos"),
}
CURRENCY_CODES = {"USD": "$", "US$": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "INR": "₹"}
CURRENCY_PREFIXES = {
    "A$": "Australian ", "C$": "Canadian ", "CA$": "Canadian ", "AU$": "Australian ", "NZ$": "New Zealand ",
    "HK$": "Hong Kong ", "S$": "Singapore ", "NT$": "New Taiwan ", "MX$": "Mexican ",
}

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")
MONTH_SHORT = {name[:3]: name for name in MONTHS} | {"Sept": "September"}
DAY_SHORT = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}
# May follow "p.m." or a short month or day in the same sentence.
CALENDAR = frozenset([*MONTHS, *MONTH_SHORT, *DAY_SHORT, *DAY_SHORT.values(), "Eastern", "Pacific", "Central",
                      "EST", "EDT", "CST", "CDT", "MST", "PST", "PDT", "GMT", "UTC", "BST", "CET", "ET", "PT"])
