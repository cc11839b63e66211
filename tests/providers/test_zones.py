import pytest

from monitor.providers.zones import zones_of


@pytest.mark.parametrize(
    ("timezone", "country", "area", "zones"),
    [
        pytest.param("Europe/Paris", "US", "415", ("Europe/Paris",), id="the vendor tells"),
        pytest.param("Eastern", "US", "415", ("America/Los_Angeles",), id="it tells no zone"),
        pytest.param(None, "US", "212", ("America/New_York",), id="an area"),
        pytest.param(None, "IN", None, ("Asia/Calcutta",), id="a country of one zone"),
        pytest.param(None, None, None, (), id="nothing tells"),
        pytest.param(None, "ZZ", None, (), id="no country"),
        pytest.param("../etc/passwd", None, None, (), id="no zone at all"),
    ],
)
def test_where_a_person_may_be(
    timezone: str | None, country: str | None, area: str | None, zones: tuple[str, ...]
) -> None:
    assert zones_of(timezone, country, area) == zones


def test_where_the_area_tells_nothing_it_may_be_any_zone_of_the_country() -> None:
    australia = zones_of(None, "AU", None)

    assert {"Australia/Perth", "Australia/Sydney"} <= set(australia)
