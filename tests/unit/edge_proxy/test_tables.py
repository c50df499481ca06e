"""Budgets are found by what they are for, whatever has become of them."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge_proxy.control.tables import Budget, BudgetTable


def budget(id_: str, subject: str, **fields: Any) -> Budget:
    return Budget(
        id=id_,
        name="n",
        scope="tenant",
        subject=subject,
        amount=1,
        warn_above=1,
        hard=True,
        schedule="daily",
        timezone="UTC",
        starts_at=datetime(2026, 1, 1, tzinfo=UTC),
        **fields,
    )


ids = st.sampled_from("abcd")
subjects = st.sampled_from("xyz")
changes = st.one_of(
    st.tuples(st.just("put"), ids, subjects),
    st.tuples(st.just("drop"), ids, st.just("")),
    st.tuples(st.just("replace"), ids, subjects),
)


@given(st.lists(changes, max_size=30))
def test_the_index_agrees_with_the_table(history: list[tuple[str, str, str]]) -> None:
    table = BudgetTable()
    for what, id_, subject in history:
        if what == "put":
            table.put(id_, budget(id_, subject))
        elif what == "drop":
            table.drop(id_)
        else:
            table.replace({id_: budget(id_, subject)})
        for name in "xyz":
            assert {each.id for each in table.of("tenant", name)} == {
                each.id for each in table.values() if each.subject == name
            }
    assert table.of("key", "x") == ()
