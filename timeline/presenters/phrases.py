"""A sentence in three parts, so that a page can set in bold what it is about."""

import msgspec


class Phrase(msgspec.Struct, frozen=True, gc=False):
    """A sentence in three parts; the middle one names what it is about and is set in bold."""

    before: str
    bold: str
    after: str

    @property
    def text(self) -> str:
        """The sentence as plain text."""
        return f"{self.before}{self.bold}{self.after}"
