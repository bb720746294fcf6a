"""Subjects: what was declared, what the recogniser finds, copies and look-alikes."""

from __future__ import annotations

import itertools
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kssgan.errors import BadTable, UsageError
from kssgan.grouping._linkage import complete_linkage, components
from kssgan.grouping.subjects import (
    Subjects,
    declared_subjects,
    read_subjects,
    resolve_subjects,
)

NO_PAIRS = np.zeros((0, 2), np.int64)
NO_DISTANCES = np.zeros(0, np.float32)

# Nothing that a message may repeat: made-up people and photos.
SECRETS = ("Quillfeather", "quill", "Bramblewick", "bramble")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "data" / "photos"
    root.mkdir(parents=True)
    return root


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def declared(files, text, root, where="labels.csv", **kw):
    return declared_subjects(files, table(root / where, text, **kw), root=root)


def resolve(names, n, pairs=(), copies=(), same=0.5):
    """``pairs`` is {(i, j): distance}."""
    pairs = dict(pairs)
    return resolve_subjects(
        names,
        n,
        pairs=np.array(list(pairs), np.int64).reshape(-1, 2),
        distances=np.array(list(pairs.values()), np.float32),
        copies=np.array(list(copies), np.int64).reshape(-1, 2),
        same_person=same,
    )


# --- what the user declares -------------------------------------------------------------------


def test_auto_declares_nothing(photos):
    assert declared_subjects(["a/1.jpg"], "auto", root=photos) is None


def test_file_makes_every_photo_a_person(photos):
    files = ["a/1.jpg", "b/1.jpg", "1.jpg"]
    assert declared_subjects(files, "file", root=photos) == files


def test_folder_takes_the_first_folder_only(photos):
    files = ["a/1.jpg", "a/deep/b/2.jpg", "b/1.jpg", "loose.jpg"]
    assert declared_subjects(files, "folder", root=photos) == ["a", "a", "b", None]


def test_folder_without_folders_is_told_before_any_work(photos):
    with pytest.raises(UsageError, match="none of the 2 photos lies in one"):
        declared_subjects(["1.jpg", "2.jpg"], "folder", root=photos)


def test_the_words_auto_folder_file_as_a_path_are_tables(photos):
    with pytest.raises(BadTable, match="cannot be read"):
        declared_subjects(["1.jpg"], Path("folder"), root=photos)


def test_csv_relative_to_photos(photos):
    text = "file,subject\na/1.jpg,Ann\nb/2.jpg,Ben\n"
    assert declared(["b/2.jpg", "a/1.jpg", "c/3.jpg"], text, photos) == ["Ben", "Ann", None]


def test_csv_relative_to_its_own_folder_counts_rows_outside(photos):
    path = table(
        photos.parent / "labels.csv",
        "file,subject\nphotos/a/1.jpg,Ann\nother/1.jpg,Zed\nphotos/b.jpg,Ben\n",
    )
    found = read_subjects(path, ["a/1.jpg", "b.jpg"], root=photos)
    assert (found.subjects, found.matched, found.outside) == (["Ann", "Ben"], 2, 1)


def test_csv_beside_photos_holds_for_the_whole_table(photos):
    # "a/1.jpg" lies outside PHOTOS here; read relative to PHOTOS it would be another person's photo.
    path = table(
        photos.parent / "labels.csv",
        "file,subject\na/1.jpg,Zed\nphotos/a/1.jpg,Ann\nphotos/b.jpg,Ben\n",
    )
    found = read_subjects(path, ["a/1.jpg", "b.jpg"], root=photos)
    assert found.subjects == ["Ann", "Ben"]


def test_csv_relative_to_photos_holds_for_the_whole_table(tmp_path):
    root = tmp_path / "x"
    root.mkdir()
    path = table(tmp_path / "t.csv", "file,subject\n1.jpg,Ann\n2.jpg,Ben\nx/3.jpg,Zed\n")
    found = read_subjects(path, ["1.jpg", "2.jpg", "3.jpg"], root=root)
    assert (found.subjects, found.outside) == (["Ann", "Ben", None], 1)


def test_csv_that_can_be_read_in_two_ways_is_refused(tmp_path):
    root = tmp_path / "x"
    root.mkdir()
    path = table(tmp_path / "t.csv", "file,subject\nx/1.jpg,Ann\n")
    with pytest.raises(BadTable, match="two ways"):
        declared_subjects(["1.jpg", "x/1.jpg"], path, root=root)


def test_relative_root_and_table(photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    table(photos.parent / "t.csv", "file,subject\nphotos/1.jpg,Ann\n")
    assert declared_subjects(["1.jpg"], "t.csv", root=Path("photos")) == ["Ann"]


def test_photos_behind_a_symlink(photos, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(photos)
    path = table(tmp_path / "t.csv", "file,subject\nlink/1.jpg,Ann\n")
    assert declared_subjects(["1.jpg"], path, root=link) == ["Ann"]
    path = table(tmp_path / "t.csv", f"file,subject\n{link}/1.jpg,Ann\n")
    assert declared_subjects(["1.jpg"], path, root=link) == ["Ann"]


@pytest.mark.parametrize(
    "cell",
    ["./a/1.jpg", "a//1.jpg", "b/../a/1.jpg", " a/1.jpg ", "a\\1.jpg", '"a/1.jpg"'],
)
def test_spellings_of_one_path(photos, cell):
    assert declared(["a/1.jpg"], f"file,subject\n{cell},Ann\n", photos) == ["Ann"]


def test_odd_names(photos):
    files = ["with, comma.jpg", 'with "quote".jpg', "new\nline.jpg", "zo\u00eb.jpg", " .jpg"]
    text = (
        'subject,file,note\nA,"with, comma.jpg",x\nB,"with ""quote"".jpg",\nC,"new\nline.jpg",'
        "\nD,zoe\u0308.jpg,\nE, .jpg\n"
    )
    assert declared(files, text, photos) == ["A", "B", "C", "D", "E"]


def test_bom_crlf_case_and_blank_lines(photos):
    text = "\ufeffFile , SUBJECT\r\n\r\n1.jpg,Ann\r\n,,\r\n2.jpg,Ben\r\n"
    assert declared(["1.jpg", "2.jpg"], text, photos) == ["Ann", "Ben"]


def test_one_name_however_it_is_typed(photos):
    text = "file,subject\n1.jpg,Zoe\u0308 B\n2.jpg, Zo\u00eb  B \n"
    first, second = declared(["1.jpg", "2.jpg"], text, photos)
    assert first == second == "Zo\u00eb B"


def test_row_without_a_subject_counts_as_none(photos):
    assert declared(["1.jpg", "2.jpg"], "file,subject\n1.jpg,\n2.jpg,B\n", photos) == [
        None,
        "B",
    ]


def test_same_row_twice_is_fine(photos):
    assert declared(["1.jpg"], "file,subject\n1.jpg,A\n./1.jpg,A\n", photos) == ["A"]


def bad(text: str | bytes, match: str, root: Path) -> None:
    path = root / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadTable, match=match) as caught:
        declared_subjects(["quill/1.jpg", "bramble/2.jpg"], path, root=root)
    assert not [s for s in (*SECRETS, str(root), "table.csv") if s in str(caught.value)]
    assert caught.value.__cause__ is None


def test_bad_tables(photos):
    bad("", "is empty", photos)
    bad("file,person\nquill/1.jpg,Quillfeather\n", "no column 'subject' among the 2", photos)
    bad("quill/1.jpg,Quillfeather\n", "no column 'file' and no column 'subject'", photos)
    bad("file;subject\nquill/1.jpg;Quillfeather\n", "separated by commas", photos)
    bad("file,subject,file\nquill/1.jpg,Quillfeather,x\n", "two columns .* 'file'", photos)
    bad(
        "file,subject\nquill/9.jpg,Quillfeather\n", "none of its 1 rows .* the 2 photos", photos
    )
    bad("file,subject\n", "none of its 0 rows", photos)
    bad("file,subject\nquill/1.jpg,\n", "subject is empty", photos)
    bad("file,subject\nquill/1.jpg,Quillfeather,x\n", "line 2: more cells", photos)
    bad('file,subject\na,b\n"quill/1.jpg,Quillfeather\n', "CSV from line 3 on", photos)
    bad(
        "file,subject\nx,y\nquill/1.jpg,Zo\u00eb\n".encode("latin-1"),
        r"UTF-8 text \(line 3\)",
        photos,
    )
    bad("file,subject\nquill/1.jpg,A\n".encode("utf-16"), "not UTF-8", photos)
    bad("file,subject\nquill/1.jpg,A\0\n", "is not text", photos)


def test_all_contradictions_are_told_at_once_by_line(photos):
    bad(
        "file,subject\nquill/1.jpg,Quillfeather\nbramble/2.jpg,B\nquill/1.jpg,Bramblewick\n"
        "bramble/2.jpg,Quillfeather\n",
        "lines 2, 3, 4, 5: one photo with different subjects",
        photos,
    )


def test_a_row_is_told_by_the_line_it_starts_on(photos):
    bad(
        'file,subject\n"new\nline.jpg",A\n\nquill/1.jpg,Quillfeather\n"quill/1.jpg","Bramble\nwick"\n',
        "lines 5, 6: one photo",
        photos,
    )


def test_missing_table_and_folder_as_table(photos):
    for how in (photos / "none.csv", photos, "nul\0byte"):
        with pytest.raises(BadTable, match="cannot be read") as caught:
            declared_subjects(["1.jpg"], how, root=photos)
        assert "photos" not in str(caught.value)


def test_row_order_does_not_matter(photos):
    rows = [f"{i}.jpg,p{i // 2}\n" for i in range(6)]
    files = [f"{i}.jpg" for i in range(6)]
    one = declared(files, "file,subject\n" + "".join(rows), photos)
    assert one == declared(files, "file,subject\n" + "".join(rows[::-1]), photos)


def test_celeba_identities(photos):
    text = "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n"
    files = ["000003.png", "img/000001.jpg", "000007.jpg"]
    path = table(photos.parent / "identity.txt", text)
    found = read_subjects(path, files, root=photos)
    assert (found.subjects, found.outside) == (["2880", "2880", None], 1)
    table(path, text + "000004.jpg\n")
    with pytest.raises(BadTable, match="line 4: not a file name and a number"):
        read_subjects(path, files, root=photos)


# --- copies, clusters, look-alikes ------------------------------------------------------------


def test_declared_names_become_subjects():
    found = resolve(["b", "a", "b", "c"], 4)
    assert found.names == ("a", "b", "c")
    assert found.photo_subject.tolist() == [1, 0, 1, 2]
    assert found.photo_subject.dtype == found.look_alikes.dtype == np.int64
    assert found.look_alikes.shape == (0, 2)
    assert (found.declared, found.copies_merged, found.how) == (3, 0, "declared")


def test_copies_join_declared_subjects_over_chains():
    found = resolve(["d", "c", "b", "a", "a"], 5, copies=[(0, 1), (1, 3)])
    assert found.names == ("a", "b")
    assert found.photo_subject.tolist() == [0, 0, 1, 0, 0]
    assert (found.declared, found.copies_merged) == (4, 2)


def test_copies_of_one_subject_merge_nobody():
    assert resolve(["a", "a"], 2, copies=[(0, 1)]).copies_merged == 0


def test_close_pairs_of_different_declared_subjects_are_look_alikes():
    close = {(3, 0): 0.3, (0, 1): 0.1, (1, 3): 0.6, (2, 4): 0.2, (4, 3): 0.55}
    found = resolve(["a", "a", "b", "c", "d"], 5, pairs=close)
    assert found.look_alikes.tolist() == [[0, 2], [1, 3], [2, 3]]


def test_copies_are_no_look_alikes():
    found = resolve(["a", "b"], 2, pairs={(0, 1): 0.0}, copies=[(0, 1)])
    assert found.names == ("a",)
    assert not found.look_alikes.size


def test_auto_does_not_chain():
    found = resolve(None, 3, pairs={(0, 1): 0.4, (1, 2): 0.45, (0, 2): 0.7})
    assert found.photo_subject.tolist() == [0, 0, 1]
    assert found.look_alikes.tolist() == [[0, 1]]
    assert found.names == ("person-0001", "person-0002")
    assert (found.declared, found.how) == (2, "auto")


def test_auto_numbers_people_by_their_first_photo():
    found = resolve(None, 5, pairs={(0, 4): 0.1, (1, 3): 0.05})
    assert found.photo_subject.tolist() == [0, 1, 2, 1, 0]


def test_copies_enter_as_one_cluster_that_is_as_far_as_its_farthest():
    # 0 and 1 are one picture twice, whatever the recogniser says; 2 is close to 0 only.
    found = resolve(None, 3, pairs={(0, 2): 0.1, (1, 2): 0.9}, copies=[(0, 1)])
    assert found.photo_subject.tolist() == [0, 0, 1]
    assert found.look_alikes.tolist() == [[0, 1]]
    assert found.copies_merged == 1
    # Close to both: joined. The missing pair counts as far: not joined.
    both = resolve(None, 3, pairs={(0, 2): 0.1, (1, 2): 0.5}, copies=[(0, 1)])
    assert both.photo_subject.tolist() == [0, 0, 0]
    half = resolve(None, 3, pairs={(0, 2): 0.1}, copies=[(0, 1)])
    assert half.photo_subject.tolist() == [0, 0, 1]


def test_a_pair_listed_twice_counts_once():
    pairs = np.array([[0, 2], [2, 0]])
    found = resolve_subjects(
        None,
        3,
        pairs=pairs,
        distances=np.array([0.1, 0.1], np.float32),
        copies=np.array([[0, 1]]),
        same_person=0.5,
    )
    assert found.photo_subject.tolist() == [0, 0, 1]


def test_a_distance_that_only_rounds_to_the_threshold_is_beyond_it():
    assert float(np.float32(0.6)) > 0.6
    assert resolve(None, 2, pairs={(0, 1): 0.6}, same=0.6).declared == 2
    assert float(np.float32(0.7)) < 0.7
    assert resolve(None, 2, pairs={(0, 1): 0.7}, same=0.7).declared == 1
    pair = np.array([[0, 1]])
    assert complete_linkage(2, pair, np.float32([0.6]), 0.6).tolist() == [0, 1]
    # A path of three, so that the tree is built: it must agree with the filter before it.
    path = {(0, 1): 0.6, (1, 2): 0.1}
    assert resolve(None, 3, pairs=path, same=0.6).photo_subject.tolist() == [0, 1, 1]


def test_nobody():
    for names in (None, []):
        found = resolve(names, 0)
        assert found.names == ()
        assert found.photo_subject.shape == (0,)
        assert found.look_alikes.shape == (0, 2)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="beyond the 2"):
        resolve(None, 2, pairs={(0, 2): 0.1})
    with pytest.raises(UsageError, match="names came for 2 photos"):
        resolve(["a"], 2)
    with pytest.raises(UsageError, match="shape"):
        resolve_subjects(
            None,
            2,
            pairs=np.zeros(3, np.int64),
            distances=NO_DISTANCES,
            copies=NO_PAIRS,
            same_person=0.5,
        )
    with pytest.raises(UsageError, match="distances came for 0 pairs"):
        resolve_subjects(
            None,
            2,
            pairs=NO_PAIRS,
            distances=np.ones(1, np.float32),
            copies=NO_PAIRS,
            same_person=0.5,
        )


def subjects(photos, names, alike=0, copies=0, declared=None, how="declared"):
    return Subjects(
        tuple(map(str, range(names))),
        np.zeros(photos, np.int64),
        np.zeros((alike, 2), np.int64),
        copies,
        names if declared is None else declared,
        how,
    )


def test_words():
    assert (
        subjects(183, 183, alike=2).words()
        == "183 photos, 183 people as you said; 2 pairs look alike and count once"
    )
    assert subjects(1, 1).words() == "1 photo, 1 person as you said"
    assert (
        subjects(204, 102, alike=1, how="auto").words()
        == "204 photos, 102 people found by the recogniser; 1 pair looks alike and counts once"
    )
    assert (
        subjects(9, 3, copies=1, how="auto").words().endswith("; 1 photo is a copy of another")
    )
    assert (
        subjects(5, 3, copies=2, declared=5).words()
        == "5 photos, 5 people as you said; 2 of them share a picture with another, so 3 people count"
    )
    assert (
        subjects(2, 1, copies=1, declared=2).words()
        == "2 photos, 2 people as you said; 1 of them shares a picture with another, "
        "so 1 person counts"
    )


# --- complete linkage against a plain one -----------------------------------------------------


def plain_linkage(
    distance: np.ndarray, threshold: float, start: list[set[int]]
) -> set[frozenset]:
    """Textbook complete linkage: merge the two closest clusters until none are close."""
    clusters = list(start)
    while True:
        options = [
            (max(distance[i, j] for i in a for j in b), x, y)
            for (x, a), (y, b) in itertools.combinations(enumerate(clusters), 2)
        ]
        if not options or min(options)[0] > threshold:
            return {frozenset(c) for c in clusters}
        _, x, y = min(options)
        clusters[x] |= clusters.pop(y)


def as_sets(labels: np.ndarray) -> set[frozenset]:
    return {frozenset(np.flatnonzero(labels == c).tolist()) for c in set(labels.tolist())}


def close_pairs(distance: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.nonzero(np.triu(distance <= limit, 1))
    return np.stack([i, j], axis=1).astype(np.int64), distance[i, j]


# Distances that all differ (a shuffled range), so that there is one right answer.
def distances(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    full = np.zeros((n, n))
    upper = np.triu_indices(n, 1)
    full[upper] = (rng.permutation(len(upper[0])) + 1) / len(upper[0])
    return full + full.T


@given(
    n=st.integers(2, 12),
    seed=st.integers(0, 10_000),
    threshold=st.floats(0.05, 1.0),
    dense=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_linkage_is_the_textbook_one(n, seed, threshold, dense):
    distance = distances(n, seed)
    pairs, values = close_pairs(distance, 1.0)
    swap = np.random.default_rng(seed).permutation(len(pairs))
    labels = complete_linkage(
        n, pairs[swap][:, ::-1], values[swap], threshold, dense_limit=100 if dense else 0
    )
    assert as_sets(labels) == plain_linkage(distance, threshold, [{i} for i in range(n)])
    firsts = [labels.tolist().index(c) for c in range(labels.max() + 1)]
    assert firsts == sorted(firsts)


@given(
    n=st.integers(2, 10),
    seed=st.integers(0, 10_000),
    threshold=st.floats(0.2, 0.9),
    copies=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_auto_is_the_textbook_one_started_from_the_copies(n, seed, threshold, copies):
    distance = distances(n, seed).astype(np.float32)
    copies = [(a % n, b % n) for a, b in copies]
    units = [{i} for i in range(n)]
    for a, b in copies:
        x = next(u for u in units if a in u)
        y = next(u for u in units if b in u)
        if x is not y:
            units.remove(y)
            x |= y
    ambiguous = min(1.0, threshold + 0.2)
    pairs, values = close_pairs(distance, ambiguous)
    found = resolve(
        None, n, dict(zip(map(tuple, pairs.tolist()), values, strict=True)), copies, threshold
    )
    want = plain_linkage(distance.astype(np.float64), threshold, [set(u) for u in units])
    assert as_sets(found.photo_subject) == want
    # Look-alikes: exactly the pairs of people with some ambiguous pair of photos.
    of = found.photo_subject.tolist()
    alike = {tuple(sorted((of[i], of[j]))) for i, j in pairs.tolist() if of[i] != of[j]}
    assert list(map(tuple, found.look_alikes.tolist())) == sorted(alike)
    assert found.copies_merged == n - len(units)


def test_equal_distances_are_settled_the_same_way_each_time():
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    for limit in (0, 10):
        labels = complete_linkage(4, pairs, np.full(3, 0.5), 0.5, dense_limit=limit)
        assert labels.tolist() == [0, 0, 1, 1]


def test_components_are_numbered_by_first_member():
    assert components(5, np.array([[4, 1], [3, 0]])).tolist() == [0, 1, 2, 0, 1]


def test_beyond_both_limits_the_user_is_asked_to_declare():
    chain = np.array([[i, i + 1] for i in range(9)])
    with pytest.raises(UsageError, match=r"10 photos hang together by 9 pairs.*--subjects"):
        complete_linkage(10, chain, np.full(9, 0.1), 0.5, dense_limit=5, edge_limit=8)


def test_a_clique_beyond_both_limits_is_one_person():
    pairs = np.array(list(itertools.combinations(range(10), 2)))
    labels = complete_linkage(10, pairs, np.full(45, 0.1), 0.5, dense_limit=5, edge_limit=8)
    assert labels.tolist() == [0] * 10


def test_a_huge_component_needs_no_distance_matrix():
    n = 20_000  # its matrix would take 1.6 GB
    rng = np.random.default_rng(0)
    chain = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    distance = rng.random(n - 1)
    tracemalloc.start()
    began = time.perf_counter()
    labels = complete_linkage(n, chain, distance, 1.0)
    took = time.perf_counter() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.bincount(labels).max() == 2
    assert peak < 60e6
    assert took < 20
