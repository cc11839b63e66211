"""Where a list ends: only what says so ends it, and nothing that merely cannot be read."""

from typing import Any

import pytest

from monitor.errors import ProviderError
from monitor.providers.http_json.expressions import compiled
from tests.loopback import NOW, Asked, Reply
from tests.providers.test_http_json import CURSOR, asking, job, pages, people, row

LINK = {"style": "link", "next": "following"}
SIZED = {"size_param": "limit", "size": 2}
GONE = object()


def one_page(following: Any, length: int = 2) -> Any:
    said = {"data": {"rows": [row(number) for number in range(length)]}}
    return said if following is GONE else said | {"following": following}


@pytest.mark.parametrize("paging", [CURSOR, LINK], ids=["cursor", "link"])
@pytest.mark.parametrize(
    "following",
    [
        pytest.param({"id": 1}, id="table"),
        pytest.param(["a"], id="list"),
        pytest.param(2.5, id="fraction"),
        pytest.param(True, id="true"),
        pytest.param("x" * 5000, id="5,000 characters"),
    ],
)
async def test_a_cursor_that_cannot_be_read_ends_no_list(
    paging: dict[str, Any], following: Any
) -> None:
    said = one_page(following)
    async with asking(lambda _: said, ("items.paging", paging)) as (provider, _):
        with pytest.raises(ProviderError, match="another shape") as caught:
            await pages(provider)
    assert caught.value.kind == "garbage"


@pytest.mark.parametrize("paging", [CURSOR | SIZED, LINK | SIZED, CURSOR])
@pytest.mark.parametrize("following", [None, "", False])
async def test_nothing_empty_or_false_ends_a_full_page(
    paging: dict[str, Any], following: Any
) -> None:
    said = one_page(following)
    async with asking(lambda _: said, ("items.paging", paging)) as (provider, _):
        assert [page.last for page in await pages(provider)] == [True]


@pytest.mark.parametrize(
    ("paging", "length"),
    [
        pytest.param(CURSOR | SIZED, 2, id="cursor"),
        pytest.param(CURSOR | SIZED, 3, id="more rows than asked for"),
        pytest.param(LINK | SIZED, 2, id="link"),
        pytest.param(CURSOR, 1, id="nobody knows how long a page is"),
        pytest.param(CURSOR | SIZED | {"next": "data.nxt"}, 2, id="misspelt"),
        pytest.param(CURSOR | SIZED | {"next": "more && following"}, 2, id="half of it"),
        pytest.param({"style": "link", "size": 2}, 2, id="Link header"),
    ],
)
async def test_a_full_page_without_the_key_ends_no_list(
    paging: dict[str, Any], length: int
) -> None:
    said = one_page(GONE, length) | {"more": True}
    async with asking(lambda _: said, ("items.paging", paging)) as (provider, _):
        with pytest.raises(ProviderError, match="what follows it") as caught:
            await pages(provider)
    assert caught.value.kind == "garbage"


async def test_a_list_of_batches_is_not_ended_by_a_missing_key_either() -> None:
    said = {"data": {"jobs": [job(1), job(2)]}}
    async with asking(lambda _: said, ("list.paging", CURSOR | SIZED)) as (provider, _):
        with pytest.raises(ProviderError, match=r"the list of batches: .*what follows it"):
            await provider.discover(since=NOW, known={}, memory={})


@pytest.mark.parametrize(
    ("paging", "length"),
    [
        pytest.param(CURSOR | SIZED, 1, id="short page"),
        pytest.param(CURSOR, 0, id="empty page"),
        pytest.param(CURSOR | SIZED | {"next": "following || `false`"}, 2, id="told so"),
        pytest.param({"style": "link"}, 2, id="Link header"),
    ],
)
async def test_a_missing_key_ends_a_list_where_that_is_sure(
    paging: dict[str, Any], length: int
) -> None:
    said = one_page(GONE, length)
    async with asking(lambda _: said, ("items.paging", paging)) as (provider, _):
        assert [page.last for page in await pages(provider)] == [True]


@pytest.mark.parametrize("style", ["cursor", "link", "Link header"])
async def test_a_missing_key_ends_a_list_where_it_was_seen_before(style: str) -> None:
    paging = CURSOR if style == "cursor" else LINK
    if style == "Link header":
        paging = {"style": "link"}

    def answer(asked: Asked) -> Any:
        if asked.params.get("after"):
            return one_page(GONE)
        link = "/jobs/j1/rows?after=1"
        if style == "Link header":
            return Reply(one_page(GONE), headers={"link": f'<{link}>; rel="next"'})
        return one_page("1" if style == "cursor" else link)

    async with asking(answer, ("items.paging", paging | {"size": 2})) as (provider, _):
        assert len(await people(provider)) == 4


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param("ceil(to_number(a))", {"a": "inf"}, id="infinite"),
        pytest.param("floor(to_number(a))", {"a": "nan"}, id="no number"),
        pytest.param("to_number(a)", {"a": "9" * 6000}, id="long"),
    ],
)
def test_an_expression_that_fails_finds_nothing(text: str, data: Any) -> None:
    compiled(text).find(data)
    assert compiled(f"[{text}][?@ > `0` && @ < `9`] | [0]").find(data) is None


def test_an_expression_that_goes_too_deep_finds_nothing() -> None:
    def deep(_: Any) -> Any:
        raise RecursionError

    found = compiled("a[0]")
    object.__setattr__(found, "search", deep)
    assert found.find({"a": [1]}) is None
