from itertools import pairwise, permutations
from time import process_time
from typing import Any

import f90nml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cases.parsers.namelist import parse_namelist, parse_namelist_lines
from models.configuration.delta import diff
from models.configuration.keys import check_keys, flatten, nest
from models.errors import ParseError


def read(text: str, file: str = "atm_in") -> dict[str, Any]:
    return parse_namelist(text.encode(), file)


def read_values(values: str) -> Any:
    return read(f"&g x = {values} /").get("atm_in.g.x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("1", 1, id="integer"),
        pytest.param("0001", 1, id="leading zeros"),
        pytest.param("-24", -24, id="negative"),
        pytest.param("+7", 7, id="plus"),
        pytest.param("5_i4", 5, id="integer kind"),
        pytest.param("6.0D-1", 0.6, id="double exponent"),
        pytest.param("0.6", 0.6, id="real"),
        pytest.param("1.e36", 1e36, id="no digits behind the point"),
        pytest.param(".5", 0.5, id="no digits before the point"),
        pytest.param("1._r8", 1.0, id="real kind"),
        pytest.param("1e400", "1e400", id="too large for a real"),
        pytest.param("99999999999999999999", "99999999999999999999", id="too large"),
        pytest.param(".true.", True, id="logical"),
        pytest.param("T", True, id="short logical"),
        pytest.param(".FALSE.", False, id="upper case logical"),
        pytest.param("'text'", "text", id="string"),
        pytest.param('"text"', "text", id="double quotes"),
        pytest.param("'it''s'", "it's", id="doubled quote"),
        pytest.param("'a ! b / c, d = &e'", "a ! b / c, d = &e", id="marks in a string"),
        pytest.param("'text   '", "text", id="trailing blanks"),
        pytest.param("''", "", id="empty string"),
        pytest.param("'.true.'", ".true.", id="a logical in quotes is text"),
        pytest.param("word", "word", id="bare word"),
        pytest.param("(1.0,2.0)", "(1.0,2.0)", id="complex"),
        pytest.param("1,2,3", [1, 2, 3], id="list"),
        pytest.param("1 2 3", [1, 2, 3], id="list by blanks"),
        pytest.param("1,\n  2,\n  3", [1, 2, 3], id="continued list"),
        pytest.param("1,2,", [1, 2], id="trailing comma"),
        pytest.param("1,,3", [1, None, 3], id="null value"),
        pytest.param(",2", [None, 2], id="null value first"),
        pytest.param("3*0.5", [0.5, 0.5, 0.5], id="repeat"),
        pytest.param("2*'ab', 3*T", ["ab", "ab", True, True, True], id="repeats"),
        pytest.param("2*, 5", [None, None, 5], id="repeated null"),
        pytest.param("", None, id="no value"),
        pytest.param("'a', ! note\n 'b'", ["a", "b"], id="comment between values"),
        pytest.param("(a, 1)", "(a, 1)", id="no complex number"),
        pytest.param("(.true., 1)", "(.true., 1)", id="no complex number either"),
        pytest.param("9223372036854775807", 2**63 - 1, id="largest integer"),
        pytest.param("-9223372036854775808", -(2**63), id="smallest integer"),
        pytest.param("9223372036854775808", "9223372036854775808", id="larger than any"),
        pytest.param("-9223372036854775809", "-9223372036854775809", id="smaller than any"),
    ],
)
def test_a_value_means_what_fortran_reads(text: str, value: Any) -> None:
    found = read_values(text)
    assert (found, type(found)) == (value, type(value))


def test_the_perl_writer() -> None:
    text = "&zmconv_nl\n zmconv_alfa\t\t= 0.14D0\n zmconv_flag\t\t=  .true.  \n/\n&lai_streams\n/\n"
    assert read(text) == {
        "atm_in.zmconv_nl.zmconv_alfa": 0.14,
        "atm_in.zmconv_nl.zmconv_flag": True,
    }


def test_the_python_writer() -> None:
    text = '&modelio\n  diri = "x"\n  logfile = "atm.log.1.250101-000000"\n/\n'
    assert read(text, "atm_modelio") == {
        "atm_modelio.modelio.diri": "x",
        "atm_modelio.modelio.logfile": "atm.log.1.250101-000000",
    }


def test_what_follows_the_groups_is_not_read() -> None:
    assert read("&a x = 1 /\n!# start_ymd=20120101\n y = 2\n#!\n") == {"atm_in.a.x": 1}


@pytest.mark.parametrize(
    "outside",
    [
        pytest.param("#! it's a text", id="comment"),
        pytest.param("it's a text", id="quote"),
        pytest.param('5" of it', id="double quote"),
        pytest.param("'&c x = 3'", id="group in quotes"),
        pytest.param("! &c x = 3", id="group in a comment"),
        pytest.param("R&D = 4", id="no group"),
        pytest.param("y = 2, (3) = 'z", id="assignments"),
        pytest.param("z'", id="quote behind a letter"),
    ],
)
def test_what_stands_outside_of_groups_damages_nothing(outside: str) -> None:
    expected = {"atm_in.a.x": 1, "atm_in.b.y": "it's"}
    for begin, between, end in permutations([outside, "", "\n"]):
        assert read(f"{begin}\n&a x=1/\n{between}\n&b y='it''s' &end\n{end}") == expected


def test_a_string_without_end_behind_other_text_is_told_with_its_line() -> None:
    with pytest.raises(ParseError, match="line 4"):
        read("it's\n&g x = 1 /\n isn't it\n&h y = 'abc\n z = 2 /")


@pytest.mark.parametrize("end", ["/", "&end", "$END", "&END", "$", "&"])
def test_a_group_ends_in_any_of_the_forms(end: str) -> None:
    assert read(f"&A X = 1 {end} y = 2 &b z = 3 /") == {"atm_in.a.x": 1, "atm_in.b.z": 3}


def test_a_group_that_another_one_interrupts_has_ended() -> None:
    assert read("&a x = 1\n&b y = 2 /") == {"atm_in.a.x": 1, "atm_in.b.y": 2}


def test_names_mean_the_same_in_any_case() -> None:
    assert read("&A Xy = 1 /") == read("&a xY = 1 /")


def test_array_elements_and_derived_types_are_variables_of_their_own() -> None:
    found = read("&g a(2) = 1 b (2:4) = 4,5,6 c % d(02) = 7 e( 1, 02 ) = 8 f(1)%g = 9 /")
    assert found == {
        "atm_in.g.a(2)": 1,
        "atm_in.g.b(2:4)": [4, 5, 6],
        "atm_in.g.c%d(2)": 7,
        "atm_in.g.e(1,2)": 8,
        "atm_in.g.f(1)%g": 9,
    }


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("a(1:3) = 1,2,3", {"a": [1, 2, 3]}, id="section"),
        pytest.param("a(:) = 1,2,3", {"a": [1, 2, 3]}, id="all of it"),
        pytest.param("a(1)=1 a(2)=2 a(3)=3", {"a": [1, 2, 3]}, id="elements"),
        pytest.param("a(0)=0 a(2)=2", {"a(0)": 0, "a(2)": 2}, id="an element before the first"),
        pytest.param("a(3)=3 a(1)=1 a(2)=2", {"a": [1, 2, 3]}, id="in any order"),
        pytest.param("a(1) = 1,2,3", {"a": [1, 2, 3]}, id="from an element on"),
        pytest.param("a( 01 ) = 1", {"a": 1}, id="one element"),
        pytest.param("a = 1,2 a(3) = 3", {"a": [1, 2, 3]}, id="one more"),
        pytest.param("a = 1,2,3 a(2) = 9", {"a": [1, 9, 3]}, id="one of them"),
        pytest.param("a = 1,2,3 a(1:3) = 9,,8", {"a": [9, 2, 8]}, id="null leaves a value"),
        pytest.param("a(1:2) = 1,2 a += 3", {"a": [1, 2, 3]}, id="added"),
        pytest.param("a(1)=1 a(3)=3", {"a": [1, None, 3]}, id="a hole"),
        pytest.param("a = 1 a(3)=3", {"a": [1, None, 3]}, id="a hole behind the list"),
        pytest.param("a=1 a(9)=2 a(10)=3", {"a": 1, "a(9:10)": [2, 3]}, id="a large hole"),
        pytest.param("a(2)=2 a(3)=3 a(5)=5", {"a(2:3)": [2, 3], "a(5)": 5}, id="later"),
        pytest.param("a(0:1) = 1,2", {"a(0:1)": [1, 2]}, id="another lower bound"),
        pytest.param("a(-1)=5 a(1)=1", {"a(-1)": 5, "a(1)": 1}, id="negative subscript"),
        pytest.param("a(0:2)=1,2,3 a=,9", {"a(0:2)": [1, 2, 3], "a": [None, 9]},
                     id="a list from an unknown subscript on"),
        pytest.param("a(1:2) = 1,2,3", {"a(1:2)": [1, 2, 3]}, id="too many values"),
        pytest.param("a(1:5:2) = 1,2,3", {"a": [1, None, 2, None, 3]}, id="a stride"),
        pytest.param("a(::2) = 1,3 a(2) = 2", {"a": [1, 2, 3]}, id="a stride, filled"),
        pytest.param("a(1:3:0) = 1", {"a(1:3:0)": 1}, id="no stride"),
        pytest.param("a(1) =", {"a": None}, id="no value"),
        pytest.param("a(3) = 3 a += 1 a(1) = 1 a(2) = 2",
                     {"a": 1, "a(1)": 1, "a(2)": 2, "a(3)": 3}, id="added to a hole"),
        pytest.param("a(1) = 1 a(1) += 2", {"a(1)": [1, 2]}, id="added to an element"),
        pytest.param("a(5) = 5 a(1) = 1 a = 7,8", {"a": [7, 8, None, None, 5]}, id="whole later"),
        pytest.param("a(5) = 5 a = 7,8 a(3) = 9", {"a": [7, 8, 9, None, 5]}, id="one more later"),
        pytest.param("a(3:5) = 1,2,3 a(4) = 9", {"a(3:5)": [1, 9, 3]}, id="a part of a section"),
        pytest.param("b%a = 1,2,3 b%a(2) = 9", {"b%a": [1, 9, 3]}, id="of a derived type"),
        pytest.param("a(1,2) = 1,2 a(1,2) = ,3", {"a(1,2)": [1, 3]}, id="several dimensions"),
        pytest.param("s(1)(2:3) = 'ab'", {"s(1)(2:3)": "ab"}, id="a part of a text"),
        pytest.param("current(2) = 1", {"current(2)": 1}, id="a name that is escaped"),
    ],
)  # fmt: skip
def test_elements_that_fill_an_array_are_its_list(text: str, values: dict[str, Any]) -> None:
    assert read(text, "user_nl_eam") == {f"user_nl_eam.{k}": v for k, v in values.items()}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.data())
def test_a_list_is_the_same_in_whatever_sections_it_is_written(
    values: list[int], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(values)))) | {0, len(values)})
    parts = [
        f"x({first + 1}:{last}) = {','.join(map(str, values[first:last]))}"
        for first, last in pairwise(cuts)
    ]
    written = " ".join(data.draw(st.permutations(parts)))
    assert read(f"&g {written} /") == read(f"&g x = {','.join(map(str, values))} /")


def test_users_files_have_no_groups() -> None:
    text = "! comment with 'quote\nfincl1 = 'A','B',\n         'C'\nnhtfrq=0,-24 ! note\n"
    assert read(text, "user_nl_eam") == {
        "user_nl_eam.fincl1": ["A", "B", "C"],
        "user_nl_eam.nhtfrq": [0, -24],
    }


def test_a_user_may_add_to_a_list() -> None:
    assert read("a = 1\na += 2, 3\n", "user_nl_eam") == {"user_nl_eam.a": [1, 2, 3]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("x = 1 x = 2", 2, id="the last counts"),
        pytest.param("x = 1, 2, 3 x = ,8", [1, 8, 3], id="null leaves a value"),
        pytest.param("x = 1,2,3,4,5 x = 10,20", [10, 20, 3, 4, 5], id="a shorter list"),
        pytest.param("x = 1 x = 2, 3", [2, 3], id="a longer list"),
        pytest.param("x = -24 x =", -24, id="no value"),
        pytest.param("x = -24 x = ,", -24, id="null"),
        pytest.param("x = 1,2,3,4 x = 2*, 2*9", [1, 2, 9, 9], id="repeats"),
        pytest.param("x = 'a','b' x += 'c' x = ,'z'", ["a", "z", "c"], id="what was added"),
        pytest.param("x(3:5) = 3,4,5 x = 1,2", [1, 2, 3, 4, 5], id="whole after section"),
        pytest.param("x = 6*0 x = T, 4*, F", [True, 0, 0, 0, 0, False], id="like merged lists"),
    ],
)
def test_a_later_assignment_leaves_what_it_does_not_give(text: str, value: Any) -> None:
    assert read(f"&g {text} /") == {"atm_in.g.x": value}
    assert read(f"{text}\n", "user_nl_eam") == {"user_nl_eam.x": value}


def test_groups_of_one_name_are_kept_apart_in_their_order() -> None:
    group = "&hist_nl volume = {} /\n"
    text = group.format("'h1'") + "&other /\n" + group.format("'h2'") + group.format("'h3'")
    assert read(text) == {
        "atm_in.hist_nl.volume": "h1",
        "atm_in.hist_nl.2.volume": "h2",
        "atm_in.hist_nl.3.volume": "h3",
    }
    assert flatten(nest(read(text))) == dict(sorted(read(text).items()))
    check_keys(read(text).keys())


def test_a_change_in_one_of_several_groups_is_that_of_its_variable() -> None:
    text = "&hist_nl v = 'h1' f = 'T' / &hist_nl v = 'h2' f = 'U' /"
    delta = diff(read(text), read(text.replace("'U'", "'U', 'OMEGA'")))
    assert list(delta) == ["atm_in.hist_nl.2.f"]
    assert delta["atm_in.hist_nl.2.f"]["added"] == ["OMEGA"]


def test_what_cime_leaves_out_of_a_users_namelist_has_no_effect() -> None:
    """`create_namelist_infile` drops lines that begin with `&`, `/` or `!`, wherever they are."""
    text = "&phys_ctl_nl\n cld = 'a',\n! don't\n/tmp\n 'b'\n/\n&dyn_nl\n n = 2\n/\n"
    found = parse_namelist_lines(text.encode(), "user_nl_eam")
    assert found.variables == {"user_nl_eam.cld": ["a", "b"], "user_nl_eam.n": 2}
    assert found.unknown == []


def test_a_variable_of_several_groups_is_named_with_its_group() -> None:
    assert read("x@g = 1\nx@h = 2\n", "user_nl_cice") == {
        "user_nl_cice.x@g": 1,
        "user_nl_cice.x@h": 2,
    }


@pytest.mark.parametrize(
    ("file", "text", "lines"),
    [
        pytest.param("atm_in", "&g\n 5\n x = 1\n/\n", [2], id="a value before any variable"),
        pytest.param("atm_in", "&g\n x = 1\n some more\n/\n", [3], id="words"),
        pytest.param("atm_in", "&g\n x = 1\n fincl1 'T'\n/\n", [3], id="no equals sign"),
        pytest.param("atm_in", "&g\n x = 1\n 2a = 3\n y = 4\n/\n", [3], id="no name"),
        pytest.param("atm_in", "&g\n x = 1\n = 3\n/\n", [3], id="nothing but an equals sign"),
        pytest.param("atm_in", "&g\n x = 1\n#y = 2\n/\n", [3], id="a comment of another language"),
        pytest.param("atm_in", "&g\n x = (1\n/\n", [2], id="half a complex constant"),
        pytest.param("atm_in", "&g\n x(1:2) = 1,2,3\n/\n", [2], id="more than a section holds"),
        pytest.param("atm_in", "&g\n x = z'fg'\n/\n", [2], id="a string behind a word"),
        pytest.param("atm_in", "title\n&g x = 1\n/\nEOF\n", [1, 4], id="outside of groups"),
        pytest.param("atm_in", "&g\n x = 1\n", [1], id="no end"),
        pytest.param("atm_in", "&g\n x = 1\n&h y = 2 /\n", [1], id="no end before the next"),
        pytest.param("user_nl_eam", "x = 1\nhello world\ny = 2\n", [2], id="text of a user"),
        pytest.param("user_nl_eam", "hello\nx = 1\n", [1], id="text before all assignments"),
        pytest.param("user_nl_eam", "x = /a/b.nc\ny = 2\n", [1], id="a path without quotes"),
        pytest.param("user_nl_eam", "&g y = 2 /\nx = 1\n", [1], id="assigned in a line left out"),
        pytest.param("user_nl_eam", "x = 1\n &g\ny = 1\n", [2], id="a user's group"),
    ],
)
def test_what_is_not_understood_is_told_with_its_line(
    file: str, text: str, lines: list[int]
) -> None:
    found = parse_namelist_lines(text.encode(), file)
    assert [line for line, _ in found.unknown] == lines
    assert not {line - 1 for line in lines} & found.value_lines.keys()


def test_the_text_that_is_not_understood_is_that_of_its_line() -> None:
    found = parse_namelist_lines(b"&g\n x = 1 2 more words\n/\n", "atm_in")
    assert found.unknown == [(2, "x = 1 2 more words")]
    found = parse_namelist_lines(b"&g x = 1\n", "atm_in")
    assert found.unknown == [(1, "the group g has no end")]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("atm_in", "&g x = 1, / ! note\n\n! &h\n$h y = .t $end\n", id="groups"),
        pytest.param("atm_in", "&g\n x = word, other\n y = 2*word /\n", id="text without quotes"),
        pytest.param("lnd_in", "&g x = 1\n/\n#! made by: -namelist &a x=2 /\n#!--\n", id="perl"),
        pytest.param("user_nl_eam", "! note\nx = T F .false._4\n y(2) += 3*'a',\n", id="user"),
        pytest.param("user_nl_eam", "&g\nx = 1\n/\n", id="a group of a user"),
        pytest.param("user_nl_eam", "&g\nx = 1\n", id="a group of a user without an end"),
        pytest.param("atm_in", "$g x = 1.00\n$\n", id="dollar signs"),
        pytest.param("atm_in", "", id="nothing"),
    ],
)
def test_what_is_understood_is_not_reported(file: str, text: str) -> None:
    assert parse_namelist_lines(text.encode(), file).unknown == []


def test_of_very_much_that_is_not_understood_only_the_first_is_told() -> None:
    found = parse_namelist_lines(b"junk\nx = 1\n" * 5000, "user_nl_eam")
    assert len(found.unknown) == 1000
    assert not found.value_lines


def test_a_comment_behind_the_groups_is_no_group() -> None:
    assert read("&a x = 1 /\n#! -namelist &a x = 2 /\n") == {"atm_in.a.x": 1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("x = .true.", "X=T", id="logical"),
        pytest.param("x = 0.6", " x\t= 6.0D-1 ! note", id="real"),
        pytest.param("x = 3*0.5", "x = 0.5, 0.5,\n 0.5", id="repeat"),
        pytest.param("x = 'a'", 'x = "a  "', id="quotes"),
        pytest.param("x = (1.,2.0)", "x = ( 1.0 , 2d0 )", id="complex"),
        pytest.param("x = (1,2)", "x = (1.0,2.0)", id="complex of integers"),
        pytest.param("x = 2*(1.,2.)", "x = 2*( 1.0, 2.0 )", id="repeated complex"),
        pytest.param("x = .TRUE._4", "x = .true.", id="logical kind"),
        pytest.param("x = 10000000000000000", "x = 1.e16", id="large"),
        pytest.param("x = z'ff'", "x = Z'FF'", id="hexadecimal"),
        pytest.param("x = z'ff'", "x = 'ff'z", id="base behind"),
        pytest.param("x = b'101', 2", 'x = B"101", 2', id="binary"),
        pytest.param("x = 2*o'17'", "x = o'17', '17'o", id="repeated octal"),
        pytest.param("A % B=1", "a%b = 1", id="blanks in a name"),
        pytest.param("a(1) % b (2)=1", "a(1)%b(2) = 1", id="blanks around subscripts"),
        pytest.param("x = 1+6, inf, .T", "x = 1.0e6, +Infinity, TRUE", id="rare forms"),
        pytest.param("x = (1.0,\n 2.0), y = 3", "x = (1,2) y = 3", id="complex over two lines"),
        pytest.param("x = 2*(1.0 \n, 2.0\n )", "x = (1,2), (1,2)", id="repeated over two lines"),
        pytest.param("x = 2* 'a'", "x = , , 'a'", id="repeated null before a text"),
        pytest.param("a(-01)=1", "a( -1 ) = 1", id="negative subscript"),
    ],
)
def test_a_change_of_text_only_is_no_change(one: str, other: str) -> None:
    assert diff(read(f"&g {one} /"), read(f"&g {other} /")) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("x = (1.0,2.0)", "x = (2.0,1.0)", id="complex"),
        pytest.param("x = z'11'", "x = o'11'", id="base"),
        pytest.param("x = z'11'", "x = '11'", id="text"),
        pytest.param("x = 10000000000000001", "x = 1.e16", id="large"),
        pytest.param("x = 'ff' b = 1", "x = 'ff'b", id="a variable behind a string"),
        pytest.param("x = a, b", "x%a = b", id="name"),
    ],
)
def test_a_change_of_value_is_a_change(one: str, other: str) -> None:
    assert diff(read(f"&g {one} /"), read(f"&g {other} /")) != {}


@pytest.mark.parametrize("text", ["x = 'ff'b = 1", "x = 'ff'b(2) = 1", "x = 'ff'b%c = 1"])
def test_a_name_directly_behind_a_string_is_a_name(text: str) -> None:
    assert len(read(f"&g {text} /")) == 2


def test_digits_that_are_not_of_the_base_are_text() -> None:
    assert read_values("b'19', 2*z'fg'") == ["b'19'", "z", "z", "fg"]


def test_a_string_without_end_is_told_with_its_line() -> None:
    with pytest.raises(ParseError, match="line 3") as caught:
        read("&g\n x = 1\n y = 'abc\n z = 2 /")
    assert caught.value.reason == "unterminated_string"


@pytest.mark.parametrize("text", ["x = 1000000000*0", "x = 999999999*", "x = 100001*'a'"])
def test_a_repeat_that_is_a_bomb_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="more than 100000 values"):
        read(f"&g {text} /")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("".join(f"a{i}= " for i in range(100_001)), id="variables without values"),
        pytest.param("a+= " * 100_001, id="empty appends"),
    ],
)
def test_very_many_variables_are_refused(text: str) -> None:
    with pytest.raises(ParseError, match="more than 100000 variables"):
        read(text, "user_nl_eam")


def test_very_many_lines_are_refused() -> None:
    with pytest.raises(ParseError) as caught:
        read("\n" * 1_000_001)
    assert caught.value.reason == "too_many_lines"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "again"),
    [
        pytest.param("a=90000*0\n", "a+=\n", id="empty appends"),
        pytest.param("a=60000*0\n", "a+= 1\n", id="appends"),
        pytest.param("a(1:90000)=90000*0\n", "a+=\n", id="empty appends to a section"),
        pytest.param("a(1:60000)=60000*0\n", "a(1)= 1\na+= 1\n", id="elements and appends"),
        pytest.param("a(2)=90000*0\n", "a(2)+=\n", id="appends to a section"),
        pytest.param("a=90000*0\n", "a(3)+=\n", id="appends to an element"),
        pytest.param("", "a% ", id="names in parts"),
        pytest.param("a=", "'ff'z (", id="constants"),
        pytest.param("a=80000*0\n", "a=1\n", id="later assignments"),
        pytest.param("a=", "(1,\n", id="halves of complex constants"),
        pytest.param("a=1 ", "\n" * 20, id="blank lines at the end"),
        pytest.param("a(1:80000)=80000*0\n", "a(7)=1\n", id="later elements"),
    ],
)
def test_repeated_assignments_take_linear_time(start: str, again: str) -> None:
    def seconds(count: int) -> float:
        text = start + again * count
        times = []
        for _ in range(3):
            began = process_time()
            read(text, "user_nl_eam")
            times.append(process_time() - began)
        return min(times)

    assert seconds(16_000) < 8 * seconds(4_000) + 0.05


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for file in ("atm_in", "user_nl_eam"):
        try:
            parse_namelist(b"&g x = 1 " + content, file)
        except ParseError:
            pass


_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
_SCALARS = st.one_of(
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(
        lambda text: f"x{text}y"
    ),
)
_GROUPS = st.dictionaries(
    _NAMES, st.dictionaries(_NAMES, st.lists(_SCALARS, min_size=1, max_size=4), min_size=1),
    min_size=1, max_size=3,
)  # fmt: skip


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return ".true." if value else ".false."
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


@pytest.mark.slow
@given(_GROUPS)
@settings(deadline=None, max_examples=60)
def test_it_agrees_with_f90nml_where_that_is_right(
    groups: dict[str, dict[str, list[Any]]],
) -> None:
    text = "".join(
        f"&{group}\n"
        + "".join(f" {n} = {', '.join(map(_written, v))}\n" for n, v in variables.items())
        + "/\n"
        for group, variables in groups.items()
    )
    oracle = {
        f"atm_in.{group}.{name}": value
        for group, variables in f90nml.reads(text).items()
        for name, value in variables.items()
    }
    assert read(text) == oracle


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x(2:4) = 7, 8, 9 x = 5", id="whole after section"),
        pytest.param("x(3) = 3 x(1) = 1", id="a hole"),
        pytest.param("x(1:7:2) = 2, 4, 6, 8", id="a stride"),
        pytest.param("x(4) = 4 x(2) = 2 x(3) = 3 x(1) = 1", id="in any order"),
        pytest.param("x = 3*1, 2*, 4, , 5", id="repeats and nulls"),
        pytest.param("x = .T., .FALSE., F, 'T'", id="logicals"),
        pytest.param("x = 2-3, +1.5+2, -1d0, .5", id="reals"),
    ],
)
def test_elements_and_constants_are_those_of_f90nml(text: str) -> None:
    assert read(f"&g {text} /")["atm_in.g.x"] == f90nml.reads(f"&g {text} /")["g"]["x"]


def test_its_work_grows_with_its_input_and_no_faster() -> None:
    def steps(count: int) -> int:
        text = "&g\n" + "".join(f" v{i} = {i}*0.5\n" if i < 2 else f" v{i} = {i}, 'a'\n"
                                for i in range(count)) + "/\n"  # fmt: skip
        return _events(text)

    assert steps(4000) < 2.5 * steps(2000)


def _events(text: str) -> int:
    """Count the calls that reading makes: a measure of work that no other load disturbs."""
    import sys

    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return calls
