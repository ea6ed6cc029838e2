"""Words that numbers count: currencies, scales, months, days. Units are in units.py."""

from nightingale.text.lexicon import words

SCALES = {
    "k": "thousand", "m": "million", "mm": "million", "mn": "million", "mil": "million", "mio": "million",
    "b": "billion", "bn": "billion", "bil": "billion", "mrd": "billion", "t": "trillion", "tn": "trillion",
    "trn": "trillion", "cr": "crore", "lac": "lakh",
}

CURRENCY_SIGNS = "$£€¥₹₩₱₽₺₫₴₪₦₡₲₵₸₾₼৳฿៛₭₮₿"
# How amounts are read whose sign is that of one country: "five dollars", not "five US dollars". CLDR has all others.
# sign or code -> (one, many)
CURRENCIES = {
    "$": ("dollar", "dollars"), "£": ("pound", "pounds"), "€": ("euro", "euros"), "¥": ("yen", "yen"),
    "₹": ("rupee", "rupees"), "₿": ("bitcoin", "bitcoin"), "₵": ("cedi", "cedis"), "₡": ("colon", "colones"),
    "R$": ("real", "reais"), "S/": ("sol", "soles"), "Rs": ("rupee", "rupees"), "Rp": ("rupiah", "rupiah"),
    "RM": ("ringgit", "ringgit"), "kr": ("krona", "kronor"), "Kc": ("koruna", "koruna"), "zl": ("zloty", "zlotys"),
    "Ft": ("forint", "forints"), "SFr": ("Swiss franc", "Swiss francs"), "CN¥": ("yuan", "yuan"),
    "BTC": ("bitcoin", "bitcoin"), "ETH": ("ether", "ether"), "USD": ("dollar", "dollars"),
    "US$": ("dollar", "dollars"), "GBP": ("pound", "pounds"), "EUR": ("euro", "euros"), "JPY": ("yen", "yen"),
    "INR": ("rupee", "rupees"), "RMB": ("yuan", "yuan"),
}
# last word of the currency -> (one hundredth, many)
HUNDREDTHS = {
    "dollar": ("cent", "cents"), "pound": ("penny", "pence"), "euro": ("cent", "cents"), "yen": ("sen", "sen"),
    "rupee": ("paisa", "paise"), "real": ("centavo", "centavos"), "peso": ("centavo", "centavos"),
    "franc": ("centime", "centimes"), "rand": ("cent", "cents"), "krona": ("ore", "ore"), "krone": ("ore", "ore"),
    "zloty": ("grosz", "groszy"), "ruble": ("kopek", "kopeks"), "koruna": ("haler", "halers"),
    "shekel": ("agora", "agorot"), "ringgit": ("sen", "sen"), "baht": ("satang", "satang"),
    "sol": ("centimo", "centimos"), "lira": ("kurus", "kurus"), "lev": ("stotinka", "stotinki"),
    "leu": ("ban", "bani"), "shilling": ("cent", "cents"), "dirham": ("fils", "fils"), "naira": ("kobo", "kobo"),
    "cedi": ("pesewa", "pesewas"),
}
# letters before "$" -> ISO code
DOLLARS = {
    "A": "AUD", "AU": "AUD", "C": "CAD", "CA": "CAD", "CDN": "CAD", "NZ": "NZD", "HK": "HKD", "S": "SGD", "SG": "SGD",
    "NT": "TWD", "MX": "MXN",
    "Mex": "MXN", "J": "JMD", "TT": "TTD", "EC": "XCD", "B": "BSD", "Bds": "BBD", "BZ": "BZD",
    "FJ": "FJD", "N": "NAD", "G": "GYD", "Z": "ZWG", "L": "LRD", "CN": "CNY", "CL": "CLP", "COL": "COP",
}
# Codes that are also words or other abbreviations: "TOP 10". Currencies only if the amount has a comma, or cents.
DOUBTFUL_CODES = frozenset(words(
    "ALL TOP TRY MOP COP CUP MAD SOS PEN BAM GEL LAK RON SUR ESP SIT MAF ERN BOB ANG SLE DOP MUR NAD ARS GIP BIF "
    "LEK DEM MDC ECS STN MGA AMD MCF SAR LUC LUL CLE CSK XBA XBB SCR SDG SRD TND NIO SSP MRU"
))
CODES_IN_PAIRS = frozenset(words("USD EUR GBP JPY CHF AUD CAD NZD CNY SEK NOK MXN ZAR TRY INR SGD HKD PLN BTC ETH"))

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
