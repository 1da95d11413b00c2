"""What events say, on a terminal."""


def printable(text: str) -> str:
    """With escapes instead of what could change the terminal, or the order or look of what is beside it."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
