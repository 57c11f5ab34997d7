"""Uses are found by window and studio without a look at the rest, late ones in their place."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain import usage
from licensing.domain.usage import Usage, Use

START = datetime(2025, 11, 1, tzinfo=UTC)
USES = st.lists(
    st.builds(
        lambda hours, title, device, studio: Use(
            START + timedelta(hours=hours), title, device, studio
        ),
        st.integers(0, 24 * 500),
        st.sampled_from(["t1", "t2"]),
        st.sampled_from(["d1", "d2"]),
        st.sampled_from(["Toho", "MGM", None]),
    ),
    max_size=30,
)
INSTANTS = st.none() | st.integers(-900, 24 * 520).map(lambda hours: START + timedelta(hours=hours))


@given(USES, INSTANTS, INSTANTS, st.sampled_from(["Toho", "MGM", None, "nobody"]), st.booleans())
def test_nothing_that_counts_is_left_out(
    uses: list[Use],
    start: datetime | None,
    end: datetime | None,
    studio: str | None,
    by_studio: bool,
) -> None:
    whole = Usage()
    for use in uses:
        whole = usage.add(whole, "downloads", use)
    same = {"studio": studio} if by_studio else {}
    found = list(usage.between(whole, "downloads", same, start, end))
    wanted = [
        use
        for use in uses
        if (not by_studio or use.studio == studio)
        and (start is None or use.at >= start)
        and (end is None or use.at <= end)
    ]
    for use in wanted:
        found.remove(use)
    assert all(use in uses for use in found)
    assert list(usage.between(whole, "playbacks", same, start, end)) == []


@given(USES)
def test_a_late_report_is_put_where_it_belongs(uses: list[Use]) -> None:
    whole = Usage()
    for use in uses:
        whole = usage.add(whole, "playbacks", use)
    found = [use.at for use in usage.between(whole, "playbacks", {}, None, None)]
    assert found == sorted(use.at for use in uses)


def test_a_window_reads_its_months_and_no_others() -> None:
    whole = Usage()
    for month in range(1, 13):
        whole = usage.add(
            whole, "downloads", Use(datetime(2025, month, 9, tzinfo=UTC), "t", "d", "Toho")
        )
    may = datetime(2025, 5, 20, tzinfo=UTC)
    found = list(usage.between(whole, "downloads", {}, may - timedelta(days=20), may))
    assert [use.at.month for use in found] == [4, 5]
