"""Acronyms and how to read them, common words that may be written in capitals for emphasis, names in CamelCase."""

from nightingale.text.lexicon import words

ACRONYMS = frozenset(words(
    "AAA AAC ABC AC ACLU ACM AFC AI AKA ALAC AM AMD AOL API APR ASAP ASCII ASEAN ATM AVI AWS BBC BBQ BC BCE BMW CBS "
    "CCTV CD CDC CEO CFO CIA CLI CNN COO COVID CPR CPU CSS CSV CTO DC DIY DJ DMV DNA DNS DOJ DR DVD EDT EKG EPA EPS "
    "ESPN EST EU FAA FAQ FBI FDA FEMA FIFA FLAC FTP GDP GDPR GIF GMAT GMO GMT GOP GPA GPS GPT GPU GRE HBO HDMI HIV HP "
    "HR HSBC HTML HTTP HTTPS IAEA IBM ICC ICU ID IDE IEEE ILO IMF IOS IP IPA IQ IRA IRS ISBN ISO ISP JFK JPEG JSON "
    "KFC KGB KPMG LAPD LCD LED LGBT LLC LLM LSAT LSD MBA MCAT MIT MKV MLB MMA MP MRI MSNBC MTV MVP NAACP NAFTA NASA "
    "NASDAQ NATO NBA NBC NCAA NFL NGO NHL NHS NPR NSA NSFW NYC NYPD NYU OAS OECD OGG OK OPEC OS OSHA PBS PC PDF PGA "
    "PHD PIN PM PNG POW PR PS PST PTSD PVC RAF RAM REST RIP RNA ROI ROM RSS RSVP SARS SAT SDK SEC SIM SMS SOS SQL SSD "
    "SSH SSL SUV SWAT TCP TNT TSA TTS TV UAE UBS UCLA UFC UFO UI UK UN UNC UNDP UNESCO UNHCR UNICEF UPS URL USA USB "
    "USC USD EUR GBP JPY CNY CHF CAD AUD NZD SEK NOK DKK INR USSR UTC UTF UX VCR VIP VPN VR WAV WHO WMA WTO WWF "
    "WWII XML YMCA ZIP"
))
# Also common words: in a run of capitals these are not taken for acronyms.
AMBIGUOUS = frozenset(words("REST PIN RAM ROM SAT WHO AM RIP SIM LED AID IRA AAA EST DR ZIP AC HR AI POW"))
# Common words: written in capitals, these are read in lower case.
SHOUTED = frozenset(words(
    "A ALL ALSO ALWAYS AND ANY ARE BAD BEST BIG BUT CAN COME DAY DO DONE DONT DOWN EACH EVEN EVER EVERY FINE FREE "
    "FROM FUN GET GO GOD GOOD GREAT HATE HAVE HE HELP HER HERE HEY HIM HIS HOW HUGE IF IN INTO IS JUST KEEP KNOW LESS "
    "LIKE LOVE MAD MANY MAY ME MORE MOST MUCH MUST MY NEED NEVER NEW NEXT NICE NO NOBODY NONE NOPE NOT NOTE NOW OF "
    "OFF OH ON ONE ONLY OR OUR OUT OVER OWN PAST PLEASE RARE REAL READ RIGHT RUN SAD SAY SHE SO SOME SOON STAY STILL "
    "STOP SUCH SURE THAT THE THEIR THEM THEN THERE THEY THIS TIP TO TODO TODAY TOO TOP TRUE FALSE NULL TRY TWO UP USE "
    "VERY WAIT WAR WAS WE WHAT WHEN WHY WILL WITH WORK WORST WOW WRONG YES YET YOU YOUR END BEGIN ERROR WARN FAIL "
    "PASS INFO DEBUG OPEN SALE WIN KILL FIRE CASE PART ABOUT AFTER AGAIN ALONE BACK CRAZY EARLY FIRST FOUND GIVE GONE "
    "HAPPY HELLO HOME LAST LATE LATER LEAVE LONG LOOK LOUD LUCKY MAKE MAYBE MEAN MONEY OLD ORDER OTHER QUIET SEE SORRY "
    "START TELL THANK THINK TIME UNTIL WATCH WHERE WHICH WOMEN WORLD WRITE"
))
# Acronyms that the bundled model misreads, because its training text has few: it reads API as a word, ZIP as letters.
# Those that are pronounced as words are spelled as they sound, the others letter by letter. Acronyms that a speech
# recogniser understood as they were are not listed.
SAID = {
    "OK": "okay", "TODO": "to do", "WWII": "World War two", "README": "read me", "ASEAN": "Ah see an",
    "COVID": "Covid", "FEMA": "Feema", "FIFA": "Feefa", "FLAC": "flack", "IEEE": "I triple E", "JPEG": "jay peg",
    "JSON": "Jason", "NAFTA": "Nafta", "NASA": "Nassa", "NASDAQ": "Nazdack", "NATO": "Nayto", "OPEC": "Oh peck",
    "PIN": "pin", "SARS": "Sarz", "SIM": "sim", "SWAT": "swat", "UNESCO": "You nesco", "UNICEF": "You ni seff",
    "ZIP": "zip",
} | {acronym: " ".join(acronym) for acronym in words(
    "AFC API AVI CLI EST FAQ FYI GMAT GOP IDE ILO IOS ISO LAPD MIT NSFW PST ROI SEC SQL SSH WWF"
)}
SAID_PLURAL = SAID | {"ID": "I D", "NGO": "N G O"}
# Read as one word; other words in CamelCase are read in parts.
CAMEL_NAMES = frozenset(words(
    "YouTube JavaScript GitHub GitLab LinkedIn PlayStation FaceTime MacBook PowerPoint WordPress TikTok WhatsApp "
    "FedEx PayPal PhD AirPods AirBnB DeepMind ChatGPT BitTorrent TypeScript"
))
