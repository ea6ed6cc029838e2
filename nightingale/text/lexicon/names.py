"""Names: states, roads, books of the Bible, monarchs, HTML tags, Internet domains, file extensions, Greek letters."""

from nightingale.text.lexicon import words

# --- places in the United States
STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma",
    "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "DC", "PR": "Puerto Rico",
}
STATES_LIKE_WORDS = frozenset(["IN", "ME", "OR"])
OFTEN_NOT_STATES = frozenset(["OK", "HI", "OH", "ID", "MA", "AL"])
NEED_ZIP_CODE = frozenset(["MD", "MS", "PA", "LA", "PR"])  # states only before a ZIP code: John Smith, MD
# Before a comma and a code these are no cities: Okay, OK.
NOT_CITIES = frozenset(words("Yes No Yeah Well Fine Sure Oh Now So Please Thanks Okay Right Hey Come"))
DIRECTIONS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast",
    "SW": "Southwest",
}
ROADS = {"Ave": "Avenue", "Rd": "Road", "Blvd": "Boulevard", "Ln": "Lane", "Pkwy": "Parkway"}

# --- books of the Bible
BOOKS = {
    "Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers", "Deut": "Deuteronomy",
    "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel", "Kgs": "Kings", "Chr": "Chronicles", "Chron": "Chronicles",
    "Neh": "Nehemiah", "Esth": "Esther", "Ps": "Psalm", "Pss": "Psalms", "Prov": "Proverbs", "Eccl": "Ecclesiastes",
    "Isa": "Isaiah", "Jer": "Jeremiah", "Lam": "Lamentations", "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea",
    "Mic": "Micah", "Nah": "Nahum", "Hab": "Habakkuk", "Zeph": "Zephaniah", "Hag": "Haggai", "Zech": "Zechariah",
    "Mal": "Malachi", "Matt": "Matthew", "Mt": "Matthew", "Mk": "Mark", "Lk": "Luke", "Jn": "John", "Rom": "Romans",
    "Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians",
    "Thess": "Thessalonians", "Tim": "Timothy", "Philem": "Philemon", "Heb": "Hebrews", "Jas": "James", "Pet": "Peter",
    "Rev": "Revelation",
}
BOOK_NAMES = [
    *BOOKS.values(), *words("Ruth Ezra Job Joel Amos Obadiah Jonah Acts Titus Jude Psalms Sirach Wisdom Tobit"),
]
BOOK_COUNTS = {"1": "First", "2": "Second", "3": "Third", "I": "First", "II": "Second", "III": "Third"}
BOOKS_WITH_COUNT = frozenset(["Sam", "Tim", "Pet"])  # 1 Sam. 3:4; without the count, people
BOOKS_WITH_STOP = frozenset(["Dan", "Phil", "Col", "Gal", "Ex", "Mt"])  # without the full stop, other words

# --- before numbers that are names, which are read in two parts: Form ten forty, Room two oh four
NAMED_BY_NUMBER = [*words(
    "Room Flight Highway Hwy Route Rte Suite Apartment Boeing Airbus Bus Area Form Schedule RFC PEP RTX GTX RX Ryzen "
    "Xeon Pentium Porsche Peugeot Renault Volvo Ferrari Mercedes BMW Xbox Office Fahrenheit Unit Error HTTP status "
    "port Channel Interstate Exit Gate Train Nokia Commodore Atari Thinkpad ThinkPad Latitude Studio Lab Hall Zone "
    "Locker Windows Ward Battalion Regiment Squadron Tower Building Pier DIN ISO EN Section error Cell Tram "
    "exit room flight gate highway route"
), "error code", "exit code", "Error code", "HTTP status", "status code", "Ryzen [3579]", "Core i[3579]"]

# --- before Roman numerals
MONARCHS = words(
    "Alexander Alfonso Benedict Catherine Charles Christian Clement Constantine Darius Edward Elizabeth Ferdinand "
    "Francis Frederick George Gregory Gustav Harald Henry Innocent Ivan James John Paul Juan Carlos Julius Leo Leopold "
    "Louis Margaret Mary Mehmed Napoleon Nicholas Otto Pedro Peter Philip Pius Ramesses Richard Robert Rudolf Selim "
    "Ramses Thutmose Amenhotep Seti Ptolemy Haakon Olav Umberto Fuad Sixtus Urban Victor Wilhelm William Xerxes"
)
NUMBERED = [*words(
    "Act Appendix Article Book Chapter Class Division Episode Figure Grade Group Level Mark Opus Page Part Phase "
    "Scene Season Section Stage Step Table Title Type Unit Version Vol Volume Canto Psalm Schedule Category Clause "
    "Paragraph Item Annex Amendment Plate Year Century Sonnet Symphony Number Mk Prelude Exhibit Footnote Line "
    "Verse"
), "World War", "Super Bowl"]

# --- markup, links and files
HTML_TAGS = words(
    "a abbr article aside b big blockquote body br code dd del details dfn div dl dt em figcaption figure "
    "font footer h1 h2 h3 h4 h5 h6 head header hr html i img ins kbd li "
    "mark nav ol p pre q s samp section small span strong sub summary sup table tbody td th thead title tr tt u ul"
)
TOP_LEVEL_DOMAINS = words(
    "com org net edu gov mil int io ai co uk us ca de fr it es nl eu ch at au nz jp cn in ru br se no fi dk pl be "
    "info biz dev app me tv ly gg xyz tech online site blog"
)
EXTENSIONS = {
    "py": "pie", "txt": "text", "json": "jason", "wav": "wave", "jpeg": "jay peg", "jpg": "jay peg", "md": "M D",
    "js": "J S", "ts": "T S", "html": "H T M L", "htm": "H T M", "css": "C S S", "csv": "C S V", "pdf": "P D F",
    "png": "P N G", "gif": "gif", "svg": "S V G", "mp3": "M P three", "mp4": "M P four", "sh": "S H", "exe": "E X E",
    "zip": "zip", "tar": "tar", "gz": "G Z", "xz": "X Z", "toml": "tom ul", "yaml": "yaml", "yml": "yaml",
    "xml": "X M L", "ini": "I N I", "cfg": "config", "conf": "conf", "log": "log", "c": "C", "h": "H", "cpp": "C P P",
    "hpp": "H P P", "rs": "R S", "go": "go", "java": "java", "rb": "R B", "php": "P H P", "sql": "sequel", "doc": "doc",
    "docx": "doc X", "xls": "X L S", "xlsx": "X L S X", "ppt": "P P T", "pptx": "P P T X", "bak": "back",
    "lock": "lock", "flac": "flack", "ogg": "ogg", "webp": "web P", "swift": "swift", "kt": "K T", "ipynb": "I pie N B",
    "safetensors": "safe tensors", "env": "env", "gitignore": "git ignore", "bashrc": "bash R C", "zshrc": "Z S H R C",
    "vimrc": "vim R C", "dll": "D L L", "so": "S O", "o": "O",
    "tsx": "T S X", "jsx": "J S X", "mjs": "M J S", "scss": "S C S S", "lua": "lua", "iso": "I S O", "deb": "deb",
    "rpm": "R P M", "apk": "A P K", "jar": "jar", "whl": "wheel", "rst": "R S T", "tex": "tek", "srt": "S R T",
    "mov": "mov", "mkv": "M K V", "avi": "A V I", "epub": "E pub", "cc": "C C", "hs": "H S", "ex": "E X", "pl": "P L",
    "pyc": "P Y C", "db": "D B", "bat": "bat", "ps1": "P S one", "vue": "view", "svelte": "svelte", "tf": "T F",
    "proto": "proto", "graphql": "graph Q L", "parquet": "parquet", "onnx": "onnix", "out": "out", "local": "local",
    "service": "service", "properties": "properties", "git": "git", "dockerignore": "docker ignore",
    "profile": "profile", "pub": "pub",
    "pem": "pem", "key": "key", "crt": "C R T", "bz2": "B Z two", "tgz": "T G Z", "7z": "seven Z", "rar": "rar",
    "bin": "bin", "img": "I M G", "dmg": "D M G", "msi": "M S I", "gradle": "gradle", "patch": "patch", "diff": "diff",
    "woff2": "woff two", "ttf": "T T F", "ico": "I C O", "psd": "P S D", "heic": "hike", "opus": "opus",
}
SCHEMES = {"s3": "S three", "gs": "G S", "ssh": "S S H", "sftp": "S F T P", "ipfs": "I P F S"}
# A path without a slash at its start has one of these folders, or a file name with an extension.
FOLDER_NAMES = frozenset(words(
    "app apps assets bin bugfix chore config deps dist docs etc examples feat feature features heads hotfix lib libs "
    "locale locales migrations modules node_modules opt origin packages pkg refs remotes scripts site-packages spec "
    "src static templates tests third_party tmp upstream usr utils var vendor"
))
FOLDERS = {
    "usr": "user", "tmp": "temp", "src": "source", "etc": "E T C", "cfg": "config", "img": "image", "pkg": "package",
}

GREEK = dict(zip("αβγδεζηθικλνξοπρστυφχψω", words(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda nu xi omicron pi rho sigma tau upsilon phi chi "
    "psi omega"
), strict=True))
