"""Fetching everything about batches, as somebody does who remembers nothing.

Lists that answer for several batches are asked for once, and lists are cut into the pages
that the adapters ask for.
"""

from collections.abc import Sequence
from contextlib import aclosing

from monitor.core.model import Batch, Item
from monitor.http import HttpClient
from monitor.providers import Known, LookFailed, Page, Provider


async def people_with_calls(
    http: HttpClient, address: str, key: str, batch_id: str, people: int
) -> None:
    """All people of a batch at Graine, which lists the calls with them for who asks for them."""
    for skip in range(0, people, 100):
        await http.request(
            "GET",
            f"{address}/batches/{batch_id}/contacts",
            headers={"authorization": f"Bearer {key}"},
            params={"include_calls": "true", "skip": skip, "limit": 100},
        )


async def read_whole(provider: Provider, known: Sequence[Known]) -> None:
    """How batches stand, every page of their lists, and the calls that the lists lack."""
    async with aclosing(provider.looks(known)) as looks:
        found = [look async for look in looks]
    for look in found:
        if isinstance(look, LookFailed):
            raise look.error
        async with aclosing(provider.sweep(look)) as pages:
            async for page in pages:
                await _calls_of(provider, look, page)


async def _calls_of(provider: Provider, batch: Batch, page: Page) -> None:
    items: list[tuple[int, Item]] = []
    for position, raw in enumerate(provider.split(page)):
        item = provider.decode(batch, page, raw)
        if provider.lacks_calls(batch, item):
            items.append((position, item))
    if items:
        await provider.calls(batch, page, items)
