"""The characters of polynomial text: what each one means, and which are refused.

Names are of ASCII letters, digits, underscores and Greek letters that look like no Latin one.
A character that has one meaning in a formula is read as that; any other one outside of ASCII is
refused by its name, because text that looks the same would be another variable.
"""

import re
import unicodedata

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
GREEK = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"

# Signs with one meaning each.
_SIGNS = str.maketrans({"·": "*", "⋅": "*", "×": "*", "∗": "*", "−": "-"})
_POWERS = str.maketrans(SUPERSCRIPTS, "0123456789")
_ALLOWED = frozenset(SUPERSCRIPTS + GREEK)
_NAME = re.compile(rf"[A-Za-z_{GREEK}][A-Za-z0-9_{GREEK}]*")
# A quotation in a message is cut, so that the message stays one line that can be read.
_QUOTED = 60


def plain(text: str) -> str:
    """Return text with signs for products and differences as ``*`` and ``-``.

    Raises:
        ValueError: If it has a character that could be taken for another one.
    """
    if text.isascii():
        return text
    text = text.translate(_SIGNS)
    for letter in text:
        if not (letter.isascii() or letter in _ALLOWED or letter.isspace()):
            raise ValueError(f"cannot read {quoted(text)} as a polynomial: {_refusal(letter)}")
    return text


def superscript(digits: str) -> str:
    """Return the digits that superscript digits stand for."""
    return digits.translate(_POWERS)


def is_name(text: str) -> bool:
    """Return whether text can stand for a variable."""
    return _NAME.fullmatch(text) is not None


def quoted(text: str) -> str:
    """Return text as a literal, cut to the length of a line."""
    return repr(text if len(text) <= _QUOTED else text[: _QUOTED - 3] + "...")


def _refusal(letter: str) -> str:
    name = unicodedata.name(letter, f"U+{ord(letter):04X}")
    simple = unicodedata.normalize("NFKC", letter)
    written = simple.isascii() or all(c in _ALLOWED for c in simple)
    hint = f"; write {simple.strip()!r}" if written and simple.strip() else ""
    visible = letter.isprintable() and not unicodedata.combining(letter)
    shown = f"{letter!r} ({name})" if visible else name
    return f"{shown} is neither a sign nor a letter of a name{hint}"
