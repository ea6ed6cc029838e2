"""The text front end: tables of what is written and what is spoken, cutting into sentences, and properties."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
import tracemalloc

import pytest

from nightingale.text.characters import ALPHABET
from nightingale.text.split import CUT_MARK, split
from nightingale.text.stream import Sentence, SentenceStream, normalize

ROWS: dict[str, list[tuple[str, str]]] = {
    "cardinals": [
        ("I have 3 cats.", "I have three cats."),
        (
            "He paid 1,234,567 marks.",
            "He paid one million two hundred and thirty-four thousand five hundred and sixty-seven marks.",
        ),
        ("It weighs 12345 tons.", "It weighs twelve thousand three hundred and forty-five tons."),
        ("From 0 to 100.", "From zero to one hundred."),
        ("It fell to -12.5 degrees.", "It fell to minus twelve point five degrees."),
        ("Agent 007 is here.", "Agent zero zero seven is here."),
        ("1,50,000 people came.", "One hundred and fifty thousand people came."),
        (
            "12345678901234567890",
            "One two three four five six seven eight nine zero one two three four five six seven eight nine zero.",
        ),
        ("The answer is 42!", "The answer is forty-two!"),
    ],
    "ordinals": [
        ("The 1st, 2nd, 3rd and 22nd.", "The first, second, third and twenty-second."),
        ("The 101st and the 1,000th visitor.", "The one hundred and first and the one thousandth visitor."),
        ("The 21st century.", "The twenty-first century."),
        ("An 18th-century house.", "An eighteenth-century house."),
    ],
    "years": [
        ("Born in 1985, she left in 2003.", "Born in nineteen eighty-five, she left in two thousand and three."),
        ("In 1066 and in 1905.", "In ten sixty-six and in nineteen oh five."),
        ("1999 was good.", "Nineteen ninety-nine was good."),
        ("In 2024 it ended.", "In twenty twenty-four it ended."),
        ("From 1990-1995.", "From nineteen ninety to nineteen ninety-five."),
        ("The 1920s and the 1800s.", "The nineteen twenties and the eighteen hundreds."),
        ("The '90s and the '60s.", "The nineties and the sixties."),
        ("The class of '99.", "The class of ninety-nine."),
        ("He is in his 30s, in the mid-1990s.", "He is in his thirties, in the mid-nineteen nineties."),
        ("1500 people came in 1500.", "One thousand five hundred people came in fifteen hundred."),
        ("About 1984 of them voted.", "About one thousand nine hundred and eighty-four of them voted."),
        ("It costs 2000 dollars.", "It costs two thousand dollars."),
        ("The war of 1914-18.", "The war of nineteen fourteen to eighteen."),
    ],
    "decimals": [
        ("3.14159", "Three point one four one five nine."),
        ("It was 3.5 on a scale of 10.0.", "It was three point five on a scale of ten point zero."),
        (".5 is a half.", "Point five is a half."),
        (
            "1e-5 of 6.02e23",
            "One times ten to the power of minus five of six point zero two times ten to the power of twenty-three.",
        ),
    ],
    "fractions": [
        ("Add 1/2 cup.", "Add one half cup."),
        ("3 1/2 miles and 1½ cups.", "Three and a half miles and one and a half cups."),
        ("3/4 of them, 2/3 of us.", "Three quarters of them, two thirds of us."),
        ("5/8 inch", "Five eighths inch."),
        ("Open 24/7.", "Open twenty-four seven."),
        ("9/11", "Nine eleven."),
        ("I scored 10/10, and 1⁄2 of it in a day.", "I scored ten out of ten, and one half of it in a day."),
    ],
    "ranges": [
        ("Pages 10-20 and 30–40.", "Pages ten to twenty and thirty to forty."),
        ("They won 3-2.", "They won three to two."),
        ("5–10 minutes", "Five to ten minutes."),
        ("Mon–Fri 9am–5pm, or Jan.-Mar.", "Monday to Friday nine AM to five PM, or January to March."),
        ("It was closed on Monday - Tuesday was better.", "It was closed on Monday - Tuesday was better."),
        ("May-June, the 10th–12th grade.", "May to June, the tenth to twelfth grade."),
    ],
    "money": [
        ("It costs $4.50.", "It costs four dollars and fifty cents."),
        ("£3, £3.20 and €1.2 million.", "Three pounds, three pounds and twenty pence and one point two million euros."),
        ("$5k, $1.2M and $3bn.", "Five thousand dollars, one point two million dollars and three billion dollars."),
        ("$0.99 or $1.", "Ninety-nine cents or one dollar."),
        ("$1,000,000", "One million dollars."),
        ("A $5 bill and a $5 million deal.", "A five dollar bill and a five million dollar deal."),
        ("$20-30 each.", "Twenty to thirty dollars each."),
        ("10€ or 5 USD.", "Ten euros or five dollars."),
        ("US$5, A$7", "Five dollars, seven Australian dollars."),
        ("$19.99/month", "Nineteen dollars and ninety-nine cents per month."),
        ("50¢", "Fifty cents."),
        ("-$5", "Minus five dollars."),
        ("He won $1.2 million dollars.", "He won one point two million dollars."),
    ],
    "percent": [
        ("5% of 3.5 %.", "Five percent of three point five percent."),
        ("10-20% off.", "Ten to twenty percent off."),
        ("100%!", "One hundred percent!"),
        ("10%/yr", "Ten percent per year."),
    ],
    "times": [
        ("At 5:30 p.m. we left.", "At five thirty PM we left."),
        ("At 5:05 am.", "At five oh five AM."),
        ("At 17:00 and 17:45.", "At seventeen hundred and seventeen forty-five."),
        ("5:00", "Five o'clock."),
        ("5 o'clock", "Five o'clock."),
        ("He came at 5 p.m. Then he left.", "He came at five PM. Then he left."),
        ("The train left at 6 a.m. Monday.", "The train left at six AM Monday."),
        ("9am-5pm", "Nine AM to five PM."),
        ("Open 9:30-10:15.", "Open nine thirty to ten fifteen."),
        ("8 a.m.-5 p.m.", "Eight AM to five PM."),
        ("5:30 PM EST.", "Five thirty PM E S T."),
        ("A ratio of 3:1, in 16:9.", "A ratio of three to one, in sixteen to nine."),
        ("At 7:30AM or 8:15pm.", "At seven thirty AM or eight fifteen PM."),
        ("From 22:00h to 3 a.m.–5 a.m.", "From twenty-two hundred to three AM to five AM."),
    ],
    "dates": [
        ("May 3rd, 1999", "May third, nineteen ninety-nine."),
        ("On May 3, 1999, it rained.", "On May third, nineteen ninety-nine, it rained."),
        ("Jan. 5, 2020", "January fifth, twenty twenty."),
        ("Dec 25", "December twenty-fifth."),
        ("3 May 1999", "The third of May, nineteen ninety-nine."),
        ("The 3rd of May.", "The third of May."),
        ("It was May 2024.", "It was May twenty twenty-four."),
        ("July 4-6, 2020", "July fourth to sixth, twenty twenty."),
        ("3/5/2024", "March fifth, twenty twenty-four."),
        ("25/12/2023", "December twenty-fifth, twenty twenty-three."),
        ("2024-05-03", "May third, twenty twenty-four."),
        ("2024-05-03T10:20:30Z", "May third, twenty twenty-four, ten twenty and thirty seconds UTC."),
        ("12/31/99", "December thirty-first, nineteen ninety-nine."),
        ("On Sat. the 5th.", "On Saturday the fifth."),
    ],
    "phone": [
        ("Call (555) 123-4567 now.", "Call five five five, one two three, four five six seven now."),
        ("555-1234", "Five five five, one two three four."),
        ("1-800-555-0199", "One, eight zero zero, five five five, zero one nine nine."),
        ("+44 20 7946 0958", "Plus four four, two zero, seven nine four six, zero nine five eight."),
        ("Dial 911.", "Dial nine one one."),
        ("07700 900123", "Zero seven seven zero zero, nine zero zero one two three."),
        ("Ring (020) 7946 0018", "Ring zero two zero, seven nine four six, zero zero one eight."),
        ("My PIN: 1234.", "My pin: one two three four."),
        ("Your security code is 2021, or 1999.", "Your security code is two zero two one, or nineteen ninety-nine."),
        ("ZIP code 90210-1234", "Zip code nine zero two one zero one two three four."),
    ],
    "units": [
        ("5 km, 10kg and 70 mph.", "Five kilometers, ten kilograms and seventy miles per hour."),
        ("20°C or 68°F", "Twenty degrees Celsius or sixty-eight degrees Fahrenheit."),
        ("3 GB, 16GB, 5 MB/s", "Three gigabytes, sixteen gigabytes, five megabytes per second."),
        ("1 lb, 12 oz", "One pound, twelve ounces."),
        ("5 km/h, 10 m/s", "Five kilometers per hour, ten meters per second."),
        ("He is 6'2\" tall.", "He is six foot two tall."),
        ("A 5-km run and a 20-minute walk.", "A five-kilometer run and a twenty-minute walk."),
        ("A 10-year-old boy.", "A ten-year-old boy."),
        ("50 kWh at 2.4 GHz", "Fifty kilowatt hours at two point four gigahertz."),
        ("5 m² and 10 km^2", "Five square meters and ten square kilometers."),
        ("It took 20 min. and 10 s.", "It took twenty minutes and ten seconds."),
        ("5ms, 500ml, 2 L", "Five milliseconds, five hundred milliliters, two liters."),
        ("A 90° turn.", "A ninety degree turn."),
        ("5 ft. tall", "Five feet tall."),
        ("1080p in 4K on 5G.", "Ten eighty P in four K on five G."),
        ("10 kΩ", "Ten kiloohms."),
        (
            "It is 5 in. wide. A 5-in. pipe, 6 ft 2 in tall. Come in. Now.",
            "It is five inches wide. A five-inch pipe, six feet two inches tall. Come in. Now.",
        ),
        (
            "5 sq. ft. of it, 3 cu. m, 20 sq km.",
            "Five square feet of it, three cubic meters, twenty square kilometers.",
        ),
        ("75° F at 9.8 m/s²", "Seventy-five degrees Fahrenheit at nine point eight meters per second squared."),
        ("2 qt. of milk", "Two quarts of milk."),
    ],
    "abbreviations": [
        ("Dr. Smith met Mr. and Mrs. Jones.", "Doctor Smith met Mister and Missus Jones."),
        ("Ms. Green, Prof. Xavier, Gen. Lee.", "Miz Green, Professor Xavier, General Lee."),
        ("Dr Smith and Mr Brown", "Doctor Smith and Mister Brown."),
        ("St. Louis, St. Paul.", "Saint Louis, Saint Paul."),
        ("123 Main St., Springfield", "One twenty-three Main Street, Springfield."),
        ("He lives on Main St. in town.", "He lives on Main Street in town."),
        ("He lives on Main St. The house is old.", "He lives on Main Street. The house is old."),
        ("5th Ave. is long.", "Fifth Avenue is long."),
        ("E.g. this, i.e. that.", "For example this, that is that."),
        ("Cats, dogs, etc. The end.", "Cats, dogs, et cetera. The end."),
        ("Cats, etc., were there.", "Cats, et cetera, were there."),
        ("Smith vs. Jones", "Smith versus Jones."),
        ("Roe v. Wade", "Roe versus Wade."),
        ("No. 5 is alive.", "Number five is alive."),
        ("No. I said no.", "No. I said no."),
        ("See Fig. 3 on p. 10, vol. 2.", "See Figure three on page ten, volume two."),
        ("Apple Inc. makes it.", "Apple Incorporated makes it."),
        ("King Jr. Day came.", "King Junior Day came."),
        ("Mt. Everest and Ft. Worth.", "Mount Everest and Fort Worth."),
        ("He has a Ph.D. in math.", "He has a P H D in math."),
        ("Ste. 100 on Rte. 66.", "Suite one hundred on Route sixty-six."),
        ("It rains on Wed. and on Thurs. too.", "It rains on Wednesday and on Thursday too."),
    ],
    "initials": [
        ("J. K. Rowling wrote it.", "J K Rowling wrote it."),
        ("J.R.R. Tolkien and George W. Bush.", "J R R Tolkien and George W Bush."),
        ("The U.S. The end.", "The US. The end."),
        ("U.S. troops left the U.S.A. today.", "US troops left the USA today."),
        ("Plan B. The plan failed.", "Plan B. The plan failed."),
        ("So did I. Then we left.", "So did I. Then we left."),
        ("Washington, D.C. is big.", "Washington, DC is big."),
    ],
    "mixes": [
        ("B2B, MP3, A4 and Covid-19.", "B two B, MP three, A four and Covid nineteen."),
        ("H2O and CO2", "H two O and C O two."),
        ("R2D2", "R two D two."),
        ("An F-16 and GPT-4.", "An F sixteen and GPT four."),
        ("x86 and utf-8", "x eighty-six and utf eight."),
        ("A 4x4 at 1920x1080.", "A four by four at nineteen twenty by ten eighty."),
        ("2x faster", "Two times faster."),
        ("Room 101, Flight 1549", "Room one oh one, Flight fifteen forty-nine."),
        ("Rm. 204B, Apartment 12 W", "Room two oh four B, Apartment twelve W."),
        ("6 x 7 = 42; a 2 x 4, 10 x 20 x 30 cm", "Six times seven equals forty-two; a two by four, ten by twenty by "
         "thirty centimeters."),
        ("WW1 and WW2", "World War one and World War two."),
    ],
    "roman": [
        ("Chapter IV, Part III.", "Chapter four, Part three."),
        ("Henry VIII and Louis XIV's court.", "Henry the eighth and Louis the fourteenth's court."),
        ("World War II", "World War two."),
        ("Pope John Paul II", "Pope John Paul the second."),
        ("I, II, III and IV", "One, two, three and four."),
        ("I, II, and I like it.", "One, two, and I like it."),
        ("Rocky IV", "Rocky four."),
        ("Malcolm X spoke.", "Malcolm X spoke."),
        ("Vitamin C and Audio CD.", "Vitamin C and Audio CD."),
        ("Of I and II, and of XIII.", "Of I and two, and of thirteen."),
    ],
    "links": [
        ("See https://www.example.com/docs?x=1#top.", "See example dot com slash docs."),
        ("Go to example.com. Then stop.", "Go to example dot com. Then stop."),
        ("(See example.com)", "(See example dot com)."),
        ("bbc.co.uk", "bbc dot co dot U K."),
        ("user@example.org", "user at example dot org."),
        ("john.doe_99@my-site.com", "john dot doe underscore ninety-nine at my dash site dot com."),
        ("192.168.0.1", "One nine two dot one six eight dot zero dot one."),
        ("localhost:8080", "localhost port eight zero eight zero."),
    ],
    "symbols": [
        ("R&D at AT&T", "R and D at AT and T."),
        ("A + B = C", "A plus B equals C."),
        ("2+2=4", "Two plus two equals four."),
        ("5 - 3 = 2", "Five minus three equals two."),
        ("3 * 4 and 3 × 4", "Three times four and three times four."),
        ("10 / 2", "Ten divided by two."),
        ("x > 5 and y <= 3", "x greater than five and y less than or equal to three."),
        ("~50 of them", "About fifty of them."),
        ("#1 in #music", "Number one in hashtag music."),
        ("Meet @ 5pm.", "Meet at five PM."),
        ("He/she and/or they.", "He or she and or they."),
        ("© 2024", "copyright twenty twenty-four."),
        ("π is about 3.14.", "pi is about three point one four."),
        ("2^10 and x²", "Two to the power of ten and x squared."),
        ("A → B", "A to B."),
        ("50% & more", "Fifty percent and more."),
    ],
    "code": [
        ("snake_case and CamelCase", "snake case and Camel Case."),
        ("getElementById", "get Element By Id."),
        ("Version v1.2.3 of foo.py.", "Version one point two point three of foo dot pie."),
        ("Python 3.11", "Python three point eleven."),
        ("__init__.py and README.md", "init dot pie and read me dot M D."),
        ("/usr/local/bin", "slash user slash local slash bin."),
        ("C:\\Users\\Bob\\file.txt", "C drive backslash Users backslash Bob backslash file dot text."),
        ("C++ and C#", "C plus plus and C sharp."),
        ("self.x = y", "self dot x equals y."),
        ("iPhone, YouTube, McDonald", "iPhone, YouTube, McDonald."),
        ("archive.tar.gz", "archive dot tar dot G Z."),
        ("C and .NET", "C and dot NET."),
    ],
    "capitals": [
        ("NASA and the FBI.", "Nassa and the FBI."),
        ("NASA's budget, a JPEG", "Nassa's budget, a jay peg."),
        ("The API of a CLI reads JSON, not SQL", "The A P I of a C L I reads Jason, not S Q L."),
        ("APIs and PINs, IDs and URLs", "A P I's and pins, I D's and URLs."),
        ("An IEEE standard, a PIN and OPEC", "An I triple E standard, a pin and Oh peck."),
        ("one of NASA'S plans, at UNESCO", "one of Nassa's plans, at You nesco."),
        ("THIS IS NOT A DRILL", "This is not a drill."),
        ("GIVE US THE NASA FILES NOW!", "Give us the Nassa files now!"),
        ("I'M HERE", "I'm here."),
        ("I am SO happy.", "I am so happy."),
        ("HELLO", "Hello."),
        ("WARNING: do NOT touch.", "Warning: do not touch."),
        ('He said "THE END IS NEAR" and left.', 'He said "the end is near" and left.'),
        ("BREAKING NEWS", "Breaking news."),
        ("OK", "Okay."),
        ("IBM CIA FBI", "IBM CIA FBI."),
        ("N.Y., L.A., USA, UTF-8, FYI.", "NY, LA, USA, UTF eight, F Y I."),
        ("It was 500 BCE.", "It was five hundred BCE."),
    ],
    "punctuation": [
        ("Wow!!! What??? No?!", "Wow! What? No?"),
        ("“Curly” ‘quotes’ and don’t", "\"Curly\" 'quotes' and don't."),
        ("A—B, A – B, A--B", "A - B, A - B, A - B."),
        ("Wait… what", "Wait... what."),
        ("Well... maybe. So... Then it went.", "Well... maybe. So... Then it went."),
        ("hello ,world", "hello, world."),
        ("(unclosed and done", "unclosed and done."),
        ('"Go!" he said. "Stop?" She did.', '"Go!" he said. "Stop?" She did.'),
        ("Hello,", "Hello,"),
        ("Dear all:", "Dear all."),
        ("¿Qué? ¡Café, naïve, Łódź, Straße!", "Que? Cafe, naive, Lodz, Strasse!"),
    ],
    "markup": [
        ("**bold** and *it* and `code`", "bold and it and code."),
        ("# Heading", "Heading."),
        ("[text](http://example.com/x)", "text."),
        ("- item one", "item one."),
        ("1. First thing", "One, First thing."),
        ("<b>bold</b> &amp; more", "bold and more."),
        ("> quoted", "quoted."),
        ("$ make test", "Make test."),
        ("foo.cpp.o", "foo dot C P P dot O."),
        ("foo[2] bar", "foo bar."),
        (":-) hello", "hello."),
        ("It&rsquo;s a caf&eacute;&nbsp;&copy;", "It's a cafe copyright."),
    ],
    "more": [
        ("1.1M people, 5 million", "One point one million people, five million."),
        ("Run `python -m foo --help`.", "Run python dash m foo dash dash help."),
        ("He said --no-- and left.", "He said - no - and left."),
        ("ISBN 978-3-16-148410-0", "ISBN nine seven eight, three, one six, one four eight four one zero, zero."),
        ("9.5/10, John 13:4-7", "Nine point five out of ten, John thirteen four to seven."),
        ("Jan. and Feb. were cold.", "January and February were cold."),
        ("221B Baker St.", "Two hundred and twenty-one B Baker Street."),
        (
            "The U.S. Senate voted 52-48 at 3 p.m. EST on Tues., Mar. 5.",
            "The US Senate voted fifty-two to forty-eight at three PM E S T on Tuesday, March fifth.",
        ),
        ("#BlackLivesMatter @elonmusk", "Hashtag Black Lives Matter at elonmusk."),
        ("100 km/h = 62 mph", "One hundred kilometers per hour equals sixty-two miles per hour."),
        ("So-called (e.g., him) -- no!", "So-called (for example, him) - no!"),
        (
            "Mr. Jones paid $4.50 at 5:30 p.m. on May 3rd, 1999.",
            "Mister Jones paid four dollars and fifty cents at five thirty PM on May third, nineteen ninety-nine.",
        ),
    ],
    "faces": [
        ("He is 83 years old.", "He is eighty-three years old."),
        ("It ended 8-3, or 8/3 and x3.", "It ended eight to three, or eight thirds and x three."),
        ("Windows XP, X3 and XO.", "Windows XP, X three and XO."),
        ("(1) this, 7) that, 8) more", "One, this, seven that, eight more."),
        ("lol xD ok 8-) and :D or =) :-/ XD", "lol ok and or."),
        ("I love you <3. If x <3 then stop.", "I love you. If x less than three then stop."),
    ],
    "durations": [
        ("It took 3m 20s.", "It took three minutes twenty seconds."),
        (
            "1h 23m 45s, 2m30s and 1h30m.",
            "One hour twenty-three minutes forty-five seconds, two minutes thirty seconds and one hour thirty minutes.",
        ),
        ("It is 5m long. The 20s were fun.", "It is five meters long. The twenties were fun."),
        ("Under-18s, the under 12s and over-50s.", "Under eighteens, the under twelves and over-fifties."),
        ("1.2 m people came.", "One point two million people came."),
        ("2 min 30 sec. later", "Two minutes thirty seconds later."),
    ],
    "places": [
        ("He lives in Portland, OR 97201.", "He lives in Portland, Oregon nine seven two zero one."),
        ("Bangor, ME and Gary, IN are far.", "Bangor, Maine and Gary, Indiana are far."),
        ("He is from Tulsa, OK 74101-1234.", "He is from Tulsa, Oklahoma seven four one zero one one two three four."),
        ("In Austin, TX it rains.", "In Austin, Texas it rains."),
        ("She lives in Los Angeles, CA.", "She lives in Los Angeles, California."),
        ("Tell Bob, OK? Come in, OR else.", "Tell Bob, okay? Come in, or else."),
        ("Monday, OR Tuesday. Call me OR ME.", "Monday, or Tuesday. Call me or me."),
        ("John Smith, MD is here.", "John Smith, MD is here."),
        ("We left Boise, ID. He is in Boston, MA.", "We left Boise, Idaho. He is in Boston, Massachusetts."),
        ("Washington, D.C. 20500.", "Washington, DC two zero five zero zero."),
        ("St. Louis, Missouri 63101", "Saint Louis, Missouri six three one zero one."),
    ],
    "streets": [
        ("45 W 34th St", "Forty-five West thirty-fourth Street."),
        ("200 W Main St, New York", "Two hundred West Main Street, New York."),
        ("12 L St NW", "Twelve L Street Northwest."),
        ("1600 Pennsylvania Ave NW", "Sixteen hundred Pennsylvania Avenue Northwest."),
        ("Route S. 5th St. is closed.", "Route South fifth Street is closed."),
        ("123 N. 2nd Ave. is old.", "One hundred and twenty-three North second Avenue is old."),
        ("500 E. Oak Ln. is new.", "Five hundred East Oak Lane is new."),
        ("45 W of power, 2 L of milk.", "Forty-five watts of power, two liters of milk."),
    ],
    "degrees": [
        ("350°F/180°C", "Three hundred and fifty degrees Fahrenheit or one hundred and eighty degrees Celsius."),
        ("5°C/41°F", "Five degrees Celsius or forty-one degrees Fahrenheit."),
        ("45°N, 122.5°W", "Forty-five degrees north, one hundred and twenty-two point five degrees west."),
        ("At 40°26'46\"N.", "At forty degrees twenty-six minutes forty-six seconds north."),
        ("360°/day", "Three hundred and sixty degrees per day."),
        ("20°C-25°C", "Twenty degrees Celsius to twenty-five degrees Celsius."),
        ("20ºC and 68˚F", "Twenty degrees Celsius and sixty-eight degrees Fahrenheit."),
    ],
    "algebra": [
        ("2x + 3 = 7", "Two x plus three equals seven."),
        ("It is 2x faster.", "It is two times faster."),
        ("y = x - 1", "y equals x minus one."),
        ("n-1 nodes, n - 1 nodes", "n minus one nodes, n minus one nodes."),
        ("y = -x", "y equals minus x."),
        ("(a+b)/2", "(a plus b) over two."),
        ("x/2 and 3x/4", "x over two and three x over four."),
        ("10⁻⁹ m and 5 m s⁻²", "Ten to the power of minus nine meters and five meters per second squared."),
        ("x² - 3x + 2 = 0", "x squared minus three x plus two equals zero."),
        ("f(x) = 2x + 1, so a = b.", "f(x) equals two x plus one, so a equals b."),
        ("An A-1 steak, plan B - 2 people, I/O, A/B.", "An A one steak, plan B - two people, I O, A B."),
    ],
    "lengths": [
        ('a 55" TV', "a fifty-five inch TV."),
        ('2" x 4"', "Two inches by four inches."),
        ('1/4" thick', "One quarter inch thick."),
        ('9" x 13"', "Nine inches by thirteen inches."),
        ("6' fence, 30' x 40'", "Six foot fence, thirty feet by forty feet."),
        (
            'he said "55" twice and "I am 55" then "55".',
            'he said "fifty-five" twice and "I am fifty-five" then "fifty-five".',
        ),
        (
            "It is 5' 10\" tall, 3\" long and 1\" wide.",
            "It is five foot ten tall, three inches long and one inch wide.",
        ),
        ("A 3 1/2\" disk, a '60' sign.", "A three and a half inch disk, a 'sixty' sign."),
        ('See "/usr/bin" now.', 'See "slash user slash bin" now.'),
    ],
    "abbreviations that look like ends": [
        ("Add 2 Tbsp. Sugar and 2 tbsp. salt.", "Add two tablespoons Sugar and two tablespoons salt."),
        (
            "1 c. flour, 1 1/2 c. milk, 2 pt. cream, 1 pkg. yeast",
            "One cup flour, one and a half cups milk, two pints cream, one package yeast.",
        ),
        ("8 fl. oz. of it", "Eight fluid ounces of it."),
        ("Rm. 5, 3rd Fl., Bldg. 4 is open.", "Room five, third Floor, Building four is open."),
        ("Eq. (5) and eq. 6 hold.", "Equation (five) and equation six hold."),
        ("It needs 5 years exp. in it.", "It needs five years experience in it."),
        (
            "Gen. 1:1, Matt. 5:3 and 1 Cor. 13:4 tell it. Rev. 3:20 too.",
            "Genesis one one, Matthew five three and First Corinthians thirteen four tell it. Revelation three twenty"
            " too.",
        ),
        ("Psalm 23:4, Rom. 8:28-30.", "Psalm twenty-three four, Romans eight twenty-eight to thirty."),
        ("I met Phil 5:30 pm. John met Sam. Then it rang.", "I met Phil five thirty PM. John met Sam. Then it rang."),
        ("Tues. & Wed. are off.", "Tuesday and Wednesday are off."),
        ("Two Ph.D.s and F.B.I.s came.", "Two P H Ds and FBIs came."),
        ("See p.5, Fig.3, No.5, Sec.2 now.", "See page five, Figure three, Number five, Section two now."),
    ],
    "days and ratings": [
        ("It is due 12/25. On 3/15 we left.", "It is due December twenty-fifth. On March fifteenth we left."),
        ("Meet on 3/14 in Rome.", "Meet on March fourteenth in Rome."),
        ("Cut it on 3/4 in plywood.", "Cut it on three quarters in plywood."),
        (
            "The deadline is 3/15, from 12/25 to 1/2.",
            "The deadline is March fifteenth, from December twenty-fifth to January second.",
        ),
        ("It is 3/4 full, reduced to 3/4 of it.", "It is three quarters full, reduced to three quarters of it."),
        ("It grew from 3/8 to 5/8 inch.", "It grew from three eighths to five eighths inch."),
        ("5-Mar-24", "March fifth, twenty twenty-four."),
        (
            "I give it 8/10, and 85/100 for style.",
            "I give it eight out of ten, and eighty-five out of one hundred for style.",
        ),
        ("3/10 of it, 7/10 mile.", "Three tenths of it, seven tenths mile."),
        ("A GPA of 3.9/4.0.", "A GPA of three point nine out of four point zero."),
    ],
    "currencies": [
        (
            "R$5, S$5, MX$20, NT$30",
            "Five reais, five Singapore dollars, twenty Mexican pesos, thirty New Taiwan dollars.",
        ),
        ("HK$1, C$2 million, NZ$4", "One Hong Kong dollar, two million Canadian dollars, four New Zealand dollars."),
        ("a R$5 note or $.50", "a five real note or fifty cents."),
    ],
    "spaced ranges": [
        ("5:30 - 6:30 PM", "Five thirty to six thirty PM."),
        ("9 am - 5 pm", "Nine AM to five PM."),
        ("$5 - $10, 5% - 10%", "Five dollars to ten dollars, five percent to ten percent."),
        ("20°C - 25°C", "Twenty degrees Celsius to twenty-five degrees Celsius."),
        ("5.30pm, 5.30 - 6.30pm", "Five thirty PM, five thirty to six thirty PM."),
        ("Call 5551234567 now.", "Call five five five, one two three, four five six seven now."),
        ("It has 2000000000 bytes.", "It has two billion bytes."),
    ],
    "runs of acronyms": [
        ("OECD, UNDP, WTO, ILO, IAEA", "OECD, UNDP, WTO, I L O, IAEA."),
        ("USA, UAE, UK, and EU", "USA, UAE, UK, and EU."),
        ("MIT, UCLA, USC, NYU", "M I T, UCLA, USC, NYU."),
        ("FLAC, OGG, AAC, WAV", "Flack, OGG, AAC, WAV."),
        ("STOP, WAIT, LISTEN. RED, BLUE, GREEN, they said.", "Stop, wait, listen. Red, blue, green, they said."),
        ("NaOH, NaCl and KCl, but NaN.", "N A O H, N A C L and K C L, but NaN."),
    ],
    "seen on the way": [
        ("32\"x24\" poster, 5'x7' rug.", "Thirty-two inches by twenty-four inch poster, five feet by seven foot rug."),
        ("(555) 123-4567 is mine.", "Five five five, one two three, four five six seven is mine."),
        ("Mon. - Fri., 8 a.m. - 5 p.m.", "Monday to Friday, eight AM to five PM."),
        ("He ran 100m in 20 s.", "He ran one hundred meters in twenty seconds."),
        ("In the 20s, 100m 9.58s", "In the twenties, one hundred meters nine point five eight seconds."),
        ("2 lb. Sugar, 3 oz. Gold", "Two pounds Sugar, three ounces Gold."),
        ("It was -5°C/23°F today.", "It was minus five degrees Celsius or twenty-three degrees Fahrenheit today."),
        ("It is 5,280' high.", "It is five thousand two hundred and eighty feet high."),
    ],
    "short": [
        ("a", "a."),
        ("Hi.", "Hi."),
        ("No!", "No!"),
        ("I", "I."),
        ("Yes", "Yes."),
    ],
}

_ALL = [pytest.param(*row, id=f"{group}-{i}") for group, rows in ROWS.items() for i, row in enumerate(rows)]

# written, the sentences that are spoken
SENTENCES = [
    (
        "Dr. Smith paid 3.5 dollars, e.g. to J. K. Rowling. She left.",
        ["Doctor Smith paid three point five dollars, for example to J K Rowling.", "She left."],
    ),
    ("See example.com. It is good! Is it? Yes.", ["See example dot com.", "It is good!", "Is it?", "Yes."]),
    ("In 1999. Then 2000.", ["In nineteen ninety-nine.", "Then two thousand."]),
    ("Hi there. how are you. fine", ["Hi there.", "how are you.", "fine."]),
    ("(He went. She stayed.) Done.", ["He went.", "She stayed.", "Done."]),
    ('"Go." he said.', ['"Go." he said.']),
    ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
    ("I... I don't know. Wait... Then it rang.", ["I... I don't know.", "Wait...", "Then it rang."]),
    ("We were in the U.S. It was hot.", ["We were in the US.", "It was hot."]),
    (
        "He came in Jan. 2020 and left in Feb. The end.",
        ["He came in January twenty twenty and left in February.", "The end."],
    ),
    ("1. Milk\n2. Eggs\n3. Bread", ["One, Milk.", "Two, Eggs.", "Three, Bread."]),
    ("- milk\n- eggs and\n  ham\n* bread", ["milk.", "eggs and ham.", "bread."]),
    ("# Title\nText goes on.", ["Title.", "Text goes on."]),
    ("Title\n=====\nText", ["Title.", "Text."]),
    ("Shopping list\nMilk", ["Shopping list.", "Milk."]),
    (
        "This line was wrapped by an editor at about seventy columns, as\nPeople do in mail.",
        ["This line was wrapped by an editor at about seventy columns, as People do in mail."],
    ),
    ("one\r\ntwo\r\n\r\nthree", ["one two.", "three."]),
    ("| a | b |\n|---|---|\n| 1 | 2 |", ["a, b.", "One, two."]),
    ("```python\nprint(1)\n```\nDone.", ["print(one).", "Done."]),
    ("a \x1b[31mred\x1b[0m word\x07\x00 \x1b]0;title\x07here", ["a red word here."]),
    ("one\ttwo\u00a0three\u200bfour", ["one two threefour."]),
    ("[![build](https://img.io/x.svg)](https://ci.io/y) hello", ["build hello."]),
    ("See [a](http://example.org/wiki/A_(b)) now.", ["See a now."]),
    ("A [link][ref] here.\n[ref]: https://example.com/a_(b) \"Title\"\n\nMore.", ["A link here.", "More."]),
    ("A note.[^1]\n\n[^1]: The note itself.", ["A note.", "The note itself."]),
    ("<details>\n<summary>Click me</summary>\n\nHidden text.\n</details>", ["Click me.", "Hidden text."]),
    ("<script>a. B. C;\n\n foo();</script>\n<style>\n.a { b: c; }\n\n.d {}</style>\nHi.", ["Hi."]),
    ("Use the <script> tag. It is good.", ["Use the script tag.", "It is good."]),
    (
        "The cat sat on the\nMat. And then it went over\nBoston and\nNew York to see it.",
        ["The cat sat on the Mat.", "And then it went over Boston and New York to see it."],
    ),
    (
        "a narrow column of text that\nwas wrapped here by somebody\nGeorge went on.",
        ["a narrow column of text that was wrapped here by somebody George went on."],
    ),
    ("Log in\nSign up", ["Log in.", "Sign up."]),
    ("Well . . . I don't know . . . maybe.", ["Well... I don't know... maybe."]),
    ("Wait . . . Then he left. . . . So", ["Wait...", "Then he left.", "So."]),
    ("?", []),
    ("...", []),
    ("", []),
    (" \n\t ", []),
    ("---", []),
    ("😀", []),
    ('"', []),
    ("?!", []),
    ("你好", []),
]


@pytest.mark.parametrize(("written", "spoken"), _ALL)
def test_reads(written: str, spoken: str) -> None:
    assert normalize(written) == (spoken, [])


def test_enough_rows() -> None:
    assert len(_ALL) >= 150


@pytest.mark.parametrize("spoken", [row[1] for rows in ROWS.values() for row in rows])
def test_what_is_normalized_stays(spoken: str) -> None:
    assert normalize(spoken)[0] == spoken


@pytest.mark.parametrize(("written", "spoken"), SENTENCES)
def test_sentences(written: str, spoken: list[str]) -> None:
    assert [s.text for s in _stream([written])[0]] == spoken
    assert split(normalize(written)[0]) == spoken


def test_no_number_is_lost() -> None:
    """Neither a number nor a score is taken for a face, a footnote or a mark."""
    for value in range(12000):
        spoken = normalize(f"It is {value} here.")[0]
        assert len(spoken.split()) > 3, value
    for a, b in itertools.product(range(13), repeat=2):
        spoken = normalize(f"It ended {a}-{b} now.")[0]
        assert len(spoken.split()) == 6 and " to " in spoken, (a, b)


def test_warnings() -> None:
    assert normalize("I ❤️ you 👍🏽.") == (
        "I you.",
        ["left out 2 characters that cannot be spoken, such as '❤' (U+2764)"],
    )
    assert normalize("a\ufffdb")[1] == ["left out 1 character that cannot be spoken, such as '\ufffd' (U+FFFD)"]
    assert normalize("\ud800 x")[1] == ["left out 1 character that cannot be spoken, such as U+D800"]
    for nothing in ("?", "...", "!!!", "-"):
        assert normalize(nothing) == ("", ["the text has nothing that can be spoken"])
    assert normalize("Привет, мир")[1] == [
        "left out 9 characters that cannot be spoken, such as 'П' (U+041F)",
        "the text has nothing that can be spoken",
    ]
    assert normalize("") == normalize(" \n") == ("", [])


def test_split_long() -> None:
    clause = "the river runs slowly past the old stone bridge and the quiet mill"
    text = ", ".join([clause] * 12) + "."
    parts = split(text)
    assert all(200 < len(part) <= 300 for part in parts[:-1])
    assert [part.count(clause) for part in parts] == [4, 4, 4]
    assert all(part.endswith(CUT_MARK) for part in parts[:-1]) and parts[-1].endswith("mill.")
    words = split("word " * 120)
    assert len(words) == 3 and "".join(words).count("word") == 120 and "wor," not in " ".join(words)
    assert [len(part) for part in split("a" * 700)] == [300, 300, 103]
    assert split("One. Two! Three? Four") == ["One.", "Two!", "Three?", "Four."]
    assert split(". - !") == []


def test_paragraphs() -> None:
    got, _ = _stream(["One. Two.\n\n***\n\nThree\nfour.\r\n \r\nFive"])
    assert got == [
        Sentence("One.", False),
        Sentence("Two.", False),
        Sentence("Three four.", True),
        Sentence("Five.", True),
    ]


def test_sentences_come_at_once() -> None:
    """A plain end needs only the blank behind it; where the next word decides, only that word."""
    stream = SentenceStream()
    assert list(stream.feed("Hello there.")) == []
    assert [s.text for s in stream.feed(" ")] == ["Hello there."]
    assert [s.text for s in stream.feed("Really? ")] == ["Really?"]
    assert list(stream.feed("Cats, etc. ")) == []
    assert [s.text for s in stream.feed("Then ")] == ["Cats, et cetera."]
    assert [s.text for s in stream.feed("it ended\n\n")] == ["Then it ended."]
    assert [s.text for s in stream.feed("5 p.m. Mon")] == []
    assert [s.text for s in stream.close()] == ["Five PM Mon."]


def _stream(pieces: list[str]) -> tuple[list[Sentence], list[str]]:
    stream = SentenceStream()
    got = [sentence for piece in pieces for sentence in stream.feed(piece)]
    return [*got, *stream.close()], stream.warnings


_ATOMS = [
    "the cat ",
    "Then ",
    "I ",
    "etc. ",
    "Dr. ",
    "U.S. ",
    "e.g. ",
    "p.m. ",
    "Mr.",
    "J. ",
    "5.0",
    "3:30",
    "99",
    "1999 ",
    "-",
    ".",
    ". ",
    "...",
    "!",
    "?",
    ",",
    ";",
    ":",
    '"',
    "'",
    "(",
    ")",
    "[",
    "]",
    "*",
    "**",
    "_",
    "`",
    "# ",
    "#",
    "@",
    "&",
    "%",
    "$",
    "£",
    "\\",
    "/",
    "|",
    "<",
    ">",
    "~",
    "^",
    "=",
    "+",
    "0",
    "2",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    " ",
    " ",
    "\x1b[31m",
    "\x1b]0;t\x07",
    "\x1b",
    "\x00",
    "é",
    "ß",
    "½",
    "²",
    "π",
    "你",
    "😀",
    "…",
    "–",
    "—",
    "“",
    "”",
    "- ",
    "1. ",
    "http://a.com/x",
    "a@b.co",
    "II ",
    "THE ",
    "ABC ",
    "<script>",
    "</script>",
    " . ",
    "x",
    "°",
    "º",
    "m ",
    "1 Sam. ",
    "c. ",
    "S. ",
    "[a]: ",
    "\ud800",
    "\ufeff",
    "٣",
]


def _random_text(rng: random.Random) -> str:
    if rng.random() < 0.3:
        tops = (0x110000, 0x3000, 0x300, 0x80)
        return "".join(chr(rng.randrange(rng.choice(tops))) for _ in range(rng.randrange(80)))
    return "".join(rng.choice(_ATOMS) for _ in range(rng.choice((8, 40, 400))))


@pytest.mark.parametrize("seed", range(8))
def test_any_text(seed: int) -> None:
    """Never raises; only the alphabet comes out; no empty or endless sentence; the pieces make no difference."""
    rng = random.Random(seed)
    for _ in range(25):
        text = _random_text(rng)
        spoken, _ = normalize(text)
        assert set(spoken) <= set(ALPHABET), repr(text)
        whole = _stream([text])
        cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(1, 12)))
        pieces = [text[i:j] for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert _stream(pieces) == _stream(list(text)) == whole, repr(text)
        for sentence, _ in whole[0]:
            assert 1 < len(sentence) <= 300 and any(c.isalpha() for c in sentence), repr(text)
            assert sentence == sentence.strip() and "  " not in sentence, repr(text)
            assert sentence.rstrip("\"'")[-1] in ".!?,)", repr(text)
        for size in (2, 11, 60):
            assert all(1 < len(part) <= size for part in split(spoken, size)), repr(text)


def test_long_input_in_constant_memory() -> None:
    """A line of 1 MB without a full stop, in pieces."""
    stream, count = SentenceStream(), 0
    tracemalloc.start()
    for _ in range(250):
        count += sum(1 for _ in stream.feed("and on it goes, " * 250))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 3000 and peak < 1_000_000


@pytest.mark.parametrize("text", [
    "It was a bright cold day in April, and the clocks were striking thirteen. ",
    "Mr. Jones paid $4.50 at 5:30 p.m. on May 3rd, 1999. NASA's A4 & B2B met in 1985, 20 km north of St. Louis. ",
    "a", "1", '"', "(", ". ", "a.", "*a_", "\x1b]", "😀",
])  # fmt: skip
def test_speed(text: str) -> None:
    """Prose runs at 1 MB a second; the bound for 200 KB leaves room for a busy machine and fails what is quadratic."""
    start = time.process_time()
    _stream([text * (200_000 // len(text))])
    assert time.process_time() - start < 4


def test_imports_little() -> None:
    code = (
        "import sys; from nightingale.text.stream import normalize; normalize('It is 1 May 1999.');"
        "print([m for m in ('mlx', 'mlx.core', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
