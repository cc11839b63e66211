"""A small configuration that is read as commands read it: with a provider and a receiver."""

from pathlib import Path

from monitor.app.context import context_to_read
from monitor.config import Config, load
from monitor.config.document import Document, read_document
from monitor.evaluation.context import Context
from tests.builders import NOON

_HEAD = """\
[providers.renewals]
vendor = "graine"
api_key = "k"
[receivers.ops]
kind = "slack"
webhook_url = "https://hooks.slack.com/services/T/B/x"
"""


def read(path: Path, text: str) -> tuple[Config, Document, Context]:
    """What is written behind that, checked, as a document, and as the rules see it."""
    file = path / "config.toml"
    file.write_text(_HEAD + text)
    file.chmod(0o600)
    config = load(file, environ={}, secrets=False)
    return config, read_document(file), context_to_read(config, NOON)
