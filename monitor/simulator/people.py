"""Fictional people and what they say, the same ones for the same seed."""

from typing import Final

MASK: Final = (1 << 64) - 1
FIRST = ("Asha", "Bela", "Chen", "Dara", "Emil", "Farah", "Goran", "Hana", "Ivo", "Juna")
LAST = ("Example", "Sample", "Placeholder", "Nobody", "Fictional", "Test", "Specimen")
SAY = (
    "Hello, I am calling about your renewal.",
    "Yes, tell me.",
    "Your plan ends soon and I wanted to go over the options with you.",
    "What would it cost for the whole family?",
    "It is twelve thousand a year and covers four people.",
    "Let me think about it and call you back.",
)
SUMMARIES = (
    "The customer is interested and asked for the offer in writing.",
    "The customer wants to speak with the family first.",
    "The customer is not interested; a polite end.",
)


def mix(*parts: int) -> int:
    """A well-spread number from some numbers: the same for the same, on every machine."""
    value = 0x9E3779B97F4A7C15
    for part in parts:
        value = ((value ^ (part & MASK)) * 0xBF58476D1CE4E5B9) & MASK
        value ^= value >> 29
    value = (value * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 32)


def share(*parts: int) -> float:
    """A number in [0, 1) from some numbers."""
    return mix(*parts) / (MASK + 1)


def full_name(key: int) -> str:
    """Somebody's name."""
    return f"{FIRST[key % len(FIRST)]} {LAST[(key >> 8) % len(LAST)]}"


def indian_number(batch: int, person: int) -> str:
    """An Indian-looking number that is different for every person of the world."""
    return f"+919{(batch * 50_000 + person) % 1_000_000_000:09d}"


def american_number(batch: int, person: int) -> str:
    """A number in the area code 555, which nobody has."""
    return f"+1555{(batch * 50_000 + person) % 10_000_000:07d}"


def own_number(index: int) -> str:
    """A number that the account calls from, out of the range kept for fiction."""
    return f"+155501001{index % 100:02d}"


def speech(key: int) -> list[str]:
    """The lines of one conversation, agent and person in turn."""
    return [SAY[(key >> (3 * turn)) % len(SAY)] for turn in range(4 + key % 12)]
