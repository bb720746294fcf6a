"""Labels from tables and file names; made-up names and tables in the layouts of RaFD and CelebA."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kssgan.errors import BadTable
from kssgan.grouping.labels import (
    KNOWN,
    LabelScheme,
    LabelTable,
    read_labels,
)
from kssgan.grouping.rafd import rafd_camera, rafd_labels, rafd_subject


def read(root: Path, text: str, files, subjects=None, name="labels.csv") -> LabelTable:
    path = root / name
    path.write_text(text, "utf-8")
    return read_labels(path, files, root=root, subjects=subjects)


# --- CSV --------------------------------------------------------------------------------------


def test_csv_by_file(tmp_path):
    text = (
        "subject,file,expression,gender,age,ethnicity,Diagnosis\n"
        "s1,a.jpg,smile,F,24,x,acromegaly\n"
        "s2,b.jpg,,male,n/a,,\n"
        "s3,elsewhere/c.jpg,sad,m,70,,\n"
    )
    found = read(tmp_path, text, ["b.jpg", "a.jpg", "d.jpg"])
    assert found.values == [
        {"gender": "male"},
        {"expression": "happy", "gender": "female", "age": "young"},
        {},
    ]
    assert found.ignored_columns == ("ethnicity", "Diagnosis")
    assert (found.matched, found.outside, found.unmatched) == (2, 1, 1)
    assert (found.unknown, found.source) == ({}, "csv")
    # Only categories that occur, in their usual order, never those of rows outside.
    assert {a.name: a.categories for a in found.scheme.attributes} == {
        "expression": ("happy",),
        "gender": ("female", "male"),
        "age": ("young",),
    }


def test_csv_by_subject(tmp_path):
    text = "subject,gender,expression\n Ann  B,f,happy\nBen,m,\nZed,m,sad\n"
    subjects = ["Ann B", "Ben", None, "Ann B"]
    found = read(tmp_path, text, ["1.jpg", "2.jpg", "3.jpg", "4.jpg"], subjects)
    ann = {"expression": "happy", "gender": "female"}
    assert found.values == [ann, {"gender": "male"}, {}, ann]
    assert (found.matched, found.outside, found.unmatched) == (2, 1, 1)


def test_sex_and_emotion_are_read_where_the_usual_column_is_absent(tmp_path):
    found = read(tmp_path, "file,Sex,Emotion\n1.jpg,f,fear\n", ["1.jpg"])
    assert found.values == [{"expression": "fearful", "gender": "female"}]
    assert found.ignored_columns == ()
    found = read(tmp_path, "file,sex,gender\n1.jpg,f,m\n", ["1.jpg"])
    assert found.values == [{"gender": "male"}]
    assert found.ignored_columns == ("sex",)


def test_a_value_that_is_not_understood_is_counted_and_unknown(tmp_path):
    text = "file,gender,age\n1.jpg,f,old-ish\n2.jpg,diverse,24\n3.jpg,?,200\nzz.jpg,hm,hm\n"
    found = read(tmp_path, text, ["1.jpg", "2.jpg", "3.jpg"])
    assert found.values == [{"gender": "female"}, {"age": "young"}, {}]
    assert found.unknown == {"gender": 1, "age": 2}
    assert found.unmatched == 0


def test_a_column_of_blanks_is_no_problem(tmp_path):
    found = read(tmp_path, "file,gender,age\n1.jpg,f,\n", ["1.jpg"])
    assert found.scheme.names == ("gender",)


@given(st.permutations(list(range(7))))
def test_row_order_does_not_matter(order):
    import tempfile

    rows = [
        f"{i}.jpg,{e},{g}\n"
        for i, (e, g) in enumerate(
            [
                ("sad", "f"),
                ("happy", "m"),
                ("", "x"),
                ("angry", ""),
                ("sad", "m"),
                ("fear", "f"),
                ("hm", "f"),
            ]
        )
    ]
    files = [f"{i}.jpg" for i in range(7)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        want = read(root, "file,expression,gender\n" + "".join(rows), files)
        got = read(root, "file,expression,gender\n" + "".join(rows[i] for i in order), files)
    assert got == want
    assert [list(v) for v in got.values] == [list(v) for v in want.values]


def bad(root: Path, text: str, match: str, subjects=None) -> str:
    with pytest.raises(BadTable, match=match) as caught:
        read(root, text, ["quill/1.jpg", "bramble/2.jpg"], subjects)
    message = str(caught.value)
    assert not [s for s in ("quill", "Quill", "bramble", str(root)) if s in message]
    return message


def test_bad_tables(tmp_path):
    bad(
        tmp_path,
        "file,diagnosis\nquill/1.jpg,x\n",
        "no column that can be released; known are exp",
    )
    bad(tmp_path, "photo,gender\nquill/1.jpg,f\n", "no column 'file' or 'subject' among the 2")
    bad(tmp_path, "subject,gender\nQuill,f\n", "none are declared")
    bad(tmp_path, "subject,gender\nQuill,f\n", "declared subjects' photos", ["a", None])
    bad(
        tmp_path, "file,gender\nquill/7.jpg,f\n", "none of its 1 rows names one of the 2 photos"
    )
    bad(tmp_path, "file,gender,gender\nquill/1.jpg,f,m\n", "two columns are called 'gender'")
    message = bad(
        tmp_path, "file,age,gender\nquill/1.jpg,Quill,w\nbramble/2.jpg,Quill,\n", "'age'"
    )
    assert (
        "none of its 2 values is understood; known are child, young, middle, senior" in message
    )
    assert "or a number of years" in message
    assert (
        "column 'gender': none of its 1 value is understood; known are female, male" in message
    )
    # Outside rows do not save a column.
    bad(tmp_path, "file,gender\nquill/1.jpg,Quill\nzz.jpg,f\n", "none of its 1 value")


def test_contradictions_are_told_by_line(tmp_path):
    text = "file,gender,age\nquill/1.jpg,f,20\nquill/1.jpg,woman,70\nbramble/2.jpg,f,\n"
    bad(tmp_path, text, "lines 2, 3: one photo with two values of 'age'")
    text = "subject,gender\nQuill,f\nx,m\nQuill,m\n"
    bad(tmp_path, text, "lines 2, 4: one subject with two values of 'gender'", ["Quill", "x"])


def test_rows_of_one_photo_complete_each_other(tmp_path):
    found = read(tmp_path, "file,gender,age\n1.jpg,,20\n1.jpg,f,\n1.jpg,woman,?\n", ["1.jpg"])
    assert [list(value.items()) for value in found.values] == [
        [("gender", "female"), ("age", "young")]
    ]
    assert (found.matched, found.unmatched) == (3, 0)


def test_no_photos_no_complaint(tmp_path):
    assert read(tmp_path, "file,gender\n1.jpg,f\n", []).values == []


def test_words_for_the_user(tmp_path):
    text = "file,gender,diagnosis\n1.jpg,f,x\n2.jpg,y,\nz.jpg,m,\n"
    assert read(tmp_path, text, ["1.jpg", "2.jpg", "3.jpg"]).words() == (
        "labels: gender of 1 of 3 photos; 1 photo without labels, 1 row outside PHOTOS ignored, "
        "1 value of gender not understood, 1 other column never released"
    )


# --- RaFD -------------------------------------------------------------------------------------


def test_rafd_names():
    name = "set/Rafd090_01_Caucasian_female_angry_frontal.jpg"
    assert rafd_labels(name) == {"expression": "angry", "gender": "female", "age": "young"}
    assert (rafd_subject(name), rafd_camera(name)) == ("01", 90)
    assert rafd_labels("Rafd180_63_Kid_male_contemptuous_left.png") == {
        "expression": "contemptuous",
        "gender": "male",
        "age": "child",
    }


@pytest.mark.parametrize(
    "name",
    [
        "Rafd090_01_Caucasian_female_angry.jpg",
        "Rafd090_01_Caucasian_female_bored_frontal.jpg",
        "xRafd090_01_Caucasian_female_angry_frontal.jpg",
        "Rafd090_01_Caucasian_female_angry_frontal_2.jpg",
        "Rafd090_01_Caucasian_female_angry_frontal/1.jpg",
    ],
)
def test_other_names_are_not_rafd(name):
    assert rafd_labels(name) is rafd_subject(name) is rafd_camera(name) is None


def test_every_expression_of_rafd_is_a_category():
    for expression in KNOWN["expression"].categories:
        labels = rafd_labels(f"Rafd045_07_Moroccan_male_{expression}_right.jpg")
        assert labels is not None
        full = LabelScheme(tuple(KNOWN.values()))
        assert full.decode(full.encode(labels)) == labels


def test_rafd_names_label_photos_without_a_table(tmp_path):
    files = ["Rafd090_01_Caucasian_female_sad_left.jpg", "me.jpg"]
    found = read_labels(None, files, root=tmp_path)
    assert found.values[0]["expression"] == "sad"
    assert found.values[1] == {}
    assert (found.source, found.matched, found.unmatched) == ("rafd", 1, 1)


def test_without_table_and_such_names_nothing_is_known(tmp_path):
    found = read_labels(None, ["1.jpg"], root=tmp_path)
    assert found.scheme == LabelScheme()
    assert (found.values, found.source) == ([{}], "none")


def test_a_table_goes_before_rafd_names(tmp_path):
    file = "Rafd090_01_Caucasian_female_sad_left.jpg"
    found = read(tmp_path, f"file,gender\n{file},m\n", [file])
    assert found.values == [{"gender": "male"}]


# --- CelebA -----------------------------------------------------------------------------------


CELEBA = (
    "3\n"
    "5_o_Clock_Shadow Male Smiling Bald Young \n"
    "000001.jpg -1 -1  1 -1  1\n"
    "000002.jpg  1  1 -1  1 -1\n"
    "000003.jpg -1 -1 -1 -1 -1\n"
)


def test_celeba_attributes(tmp_path):
    files = ["img/000002.png", "000001.jpg", "x.jpg"]
    found = read(tmp_path, CELEBA, files, name="list_attr_celeba.txt")
    assert found.values == [
        {"expression": "neutral", "gender": "male", "age": "middle"},
        {"expression": "happy", "gender": "female", "age": "young"},
        {},
    ]
    assert found.ignored_columns == ("5_o_Clock_Shadow", "Bald")
    assert (found.matched, found.outside, found.unmatched) == (2, 1, 1)
    assert found.source == "celeba"


def test_celeba_problems_are_told_at_once(tmp_path):
    text = CELEBA + "000004.jpg 1 1\n000005.jpg 1 0 1 1 1\n"
    with pytest.raises(BadTable) as caught:
        read(tmp_path, text, ["000001.jpg"])
    assert "line 6: not a file name" in str(caught.value)
    assert "line 7: values other than 1 and -1" in str(caught.value)


def test_a_name_in_two_folders_matches_neither(tmp_path):
    with pytest.raises(BadTable, match="none of its 3 rows"):
        read(tmp_path, CELEBA, ["a/000001.jpg", "b/000001.jpg"])
