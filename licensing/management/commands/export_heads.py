"""`manage.py export_heads`: lists every stream's head, signed, to be kept somewhere else."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from licensing import heads


class Command(BaseCommand):
    """Writes the list."""

    help = (
        "Write the head of every stream (id, version, hash) and a signature. Keep the file where "
        "nobody with power over the database can change it: `verify --heads FILE` then names a "
        "history whose tail was cut or rewritten since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("file", help="the file to write")

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes all lines, the signature last."""
        lines = list(heads.listed())
        try:
            Path(options["file"]).write_bytes(b"".join(lines))
        except OSError as error:
            raise CommandError(f"cannot write {options['file']}: {error.strerror}") from None
        self.stdout.write(f"{len(lines) - 1:,} heads listed in {options['file']}")
