"""Rule 3: the equal mean of the whole group, whatever the order and number of photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ._checker import rule_3
from ._collections import PLAIN, Collection, Naming, Person, Photo, collections, paint, release
from ._settings import END_TO_END

# Photos that copies make one person's, in two expressions: no file says that they are one person.
_SPREAD = (Photo(), Photo(), Photo(expression="happy"))
_ONCE = (Photo(), Photo(expression="happy"))


@END_TO_END
@given(collections())
@example(PLAIN)
@example(
    Collection(
        (Person(_ONCE), Person(_ONCE), Person(_SPREAD), Person(_SPREAD), Person(_ONCE)),
        k=2,
        subjects="file",
        draws=True,
    )
)
def test_whatever_comes(home: Callable[[], Any], collection: Collection) -> None:
    with home() as folder:
        case = release(collection, folder)
        if case is not None:
            assert rule_3(case) == []


@END_TO_END
@given(collections(junk=0), st.integers(1, 2))
@example(PLAIN, 2)
# Photos of one person that are nearly copies of each other, each declared a person of its own.
@example(Collection(tuple(Person((Photo(),) * 3) for _ in range(5)), subjects="file"), 1)
def test_order_names_and_number_of_photos_change_no_picture(
    home: Callable[[], Any], collection: Collection, times: int
) -> None:
    """Renamed, turned round, every photo of a person put in again: the same pictures as often."""
    with home() as folder:
        truth = paint(collection, folder / "again", Naming(turned=True, times=times))
        one = release(collection, folder)
        two = release(collection, folder, name="second", photos="again", truth=truth)
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            counts = [Counter(c.digest.values()) for c in (one, two)]
            assert counts[0] == counts[1]
            labels = [
                {(c.digest[n], *r.items()) for n, r in c.manifest.items()} for c in (one, two)
            ]
            assert labels[0] == labels[1]


def test_cells_share_one_surrogate(home: Callable[[], Any]) -> None:
    """Everybody is neutral, four of five are happy: the pictures differ by the label alone."""
    both = Person((Photo(expression="neutral"), Photo(expression="happy")))
    people = (both, both, both, both, Person((Photo(expression="neutral"),)))
    with home() as folder:
        case = release(Collection(people, k=4, draws=True), folder)
        assert case is not None
        assert sorted(len(names) for names in case.pictures.values()) == [4, 5]
        assert rule_3(case) == []


def test_the_seed_chooses_who_joins_and_weighs_nobody(home: Callable[[], Any]) -> None:
    with home() as folder:
        pictures = set()
        for seed in range(4):
            collection = replace(PLAIN, grouping="k-same", seed=seed, within=(), k=3)
            case = release(collection, folder / str(seed))
            assert case is not None
            assert rule_3(case) == []
            pictures.add(frozenset(case.pictures))
        assert len(pictures) > 1
