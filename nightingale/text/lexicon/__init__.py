"""Tables of words, apart from the rules that use them: abbreviations, capitals, quantities, names, sentences."""


def words(text: str) -> list[str]:
    """The words of a table that is written as one string."""
    return text.split()
