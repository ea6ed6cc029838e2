"""Names of emoji that are shorter or better known than those of Unicode."""

# Signs of a state: always named.
STATES = {
    "⚠": "warning", "🚨": "alert", "⛔": "no entry", "🚫": "prohibited", "❗": "attention", "‼": "attention",
    "🔴": "red", "🟠": "orange", "🟡": "yellow", "🟢": "green", "🔵": "blue", "⚪": "white", "⚫": "black",
    "🟥": "red", "🟧": "orange", "🟨": "yellow", "🟩": "green", "🟦": "blue", "☐": "not done",
    "👎": "thumbs down", "⏸": "paused", "📈": "rising", "📉": "falling", "🔺": "up", "🔻": "down",
    "♀": "female", "♂": "male", "☒": "cross mark", "🆗": "okay", "🆕": "new", "🆓": "free", "🔒": "locked",
    "🔓": "unlocked",
}
NAMES = {
    "❤": "heart", "♥": "heart", "♡": "heart", "♠": "spades", "♣": "clubs", "♦": "diamonds",
    "😂": "laughing", "🤣": "laughing", "😀": "smiling", "😃": "smiling", "😄": "smiling", "😊": "smiling",
    "🙂": "smiling", "😍": "in love", "😢": "crying", "😭": "crying", "😡": "angry", "😎": "cool",
    "🤔": "thinking", "🙏": "thank you", "🎉": "party", "🔥": "fire", "💯": "one hundred percent",
    "👍": "thumbs up", "👋": "waving", "👏": "applause", "💪": "strong", "🚀": "rocket", "✨": "sparkles",
    "💩": "poop", "☕": "coffee", "🍕": "pizza", "⭐": "star", "★": "star", "☆": "star", "ℹ": "information",
    "☎": "telephone", "✉": "mail", "⏰": "alarm", "🤷": "shrug", "👀": "eyes", "💀": "skull", "🏠": "home",
    "☀": "sun", "💔": "broken heart", "©": "copyright", "®": "", "☑": "check mark", "⏳": "waiting",
    "😴": "asleep", "🥳": "celebrating", "😱": "shocked", "👌": "okay", "✌": "peace", "🤝": "handshake",
}
