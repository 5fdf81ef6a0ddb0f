"""Reading command lines."""

from __future__ import annotations

import argparse

import pytest

from darknetpy.cli import arguments as module
from darknetpy.cli.arguments import Parser, one_of, positive_number, share, whole_number
from darknetpy.dialect import DEFAULT, DIALECTS

pytestmark = pytest.mark.quick


def parser() -> Parser:
    made = Parser(prog="darknetpy test", usage="darknetpy test A [B] C...")
    made.add_argument("first")
    made.add_argument("others", nargs="+")
    made.add_argument("--top", type=whole_number(1, 100))
    group = made.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true")
    group.add_argument("--jsonl", action="store_true")
    made.add_argument("-q", action="store_true")
    made.add_argument("-v", action="store_true")
    return made


def read(*words: str) -> argparse.Namespace:
    return parser().read(words, argparse.Namespace())


def test_options_may_stand_anywhere() -> None:
    for words in ("--top 7 a b c --json", "a --json b --top=7 c", "a b c --top 7 --json"):
        values = read(*words.split())
        assert (values.first, values.others, values.top, values.json) == ("a", ["b", "c"], 7, True)


def test_a_dash_alone_and_what_follows_two_dashes_are_no_options() -> None:
    assert read("a", "-").others == ["-"]
    assert read("a", "--json", "b", "--", "-x.jpg", "--top", "-", "c").others == ["b", "./-x.jpg", "./--top", "-", "c"]


def test_short_options_may_be_written_together() -> None:
    values = read("a", "b", "-qv")
    assert values.q
    assert values.v


def test_values_that_are_there_already_stay() -> None:
    values = parser().read(["a", "b"], argparse.Namespace(q=True))
    assert values.q
    assert not values.v


@pytest.mark.parametrize("word", ["--jsn", "--jsn=1", "-json", "-qx", "--to"])
def test_wrong_options_end_the_program(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read("a", word)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("text", ["1", "100", "+7", "007"])
def test_whole_numbers(text: str) -> None:
    assert whole_number(1, 100)(text) == int(text)


@pytest.mark.parametrize("text", ["0", "101", "-1", "1.0", "1e1", "", " 1", "1_0", "٣", "0x1", "9" * 50, "nan"])
def test_what_is_no_whole_number_in_bounds_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number from 1 to 100"):
        whole_number(1, 100)(text)


@pytest.mark.parametrize("text", ["1", ".7", "+7.", "1e-3", "2.5E2"])
def test_positive_numbers(text: str) -> None:
    assert positive_number(text) == float(text)


@pytest.mark.parametrize("text", ["0", "-1", "0.0", "", " 1", "1_0", "٣", "nan", "inf", "1e999", "1e", ".", "warm"])
def test_what_is_no_number_above_0_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0"):
        positive_number(text)


def test_one_of_several_words() -> None:
    kind = one_of("crop", "letterbox", "stretch")
    assert kind("crop") == "crop"
    with pytest.raises(argparse.ArgumentTypeError, match=r"letterbox or stretch\. Did you mean stretch\?"):
        kind("strech")
    with pytest.raises(argparse.ArgumentTypeError, match=r"or stretch$"):
        kind("???")


def test_known_words_are_those_of_the_library() -> None:
    assert sorted(module.DIALECTS) == sorted(DIALECTS)
    assert module.DIALECTS[0] == DEFAULT.name


@pytest.mark.parametrize("text", ["0", "1", ".25", "1e-3", "0.5"])
def test_shares_are_numbers_from_0_to_1(text: str) -> None:
    assert share(text) == float(text)


@pytest.mark.parametrize("text", ["-0.1", "1.01", "5", "nan", "inf", "abc", ""])
def test_other_shares_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number from 0 to 1"):
        share(text)


def test_rules_between_arguments_end_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    made = parser()
    made.add_rule(lambda arguments: "--top without --json" if arguments.top and not arguments.json else None)
    assert made.read(["a", "b", "--top", "3", "--json"], argparse.Namespace()).top == 3
    with pytest.raises(SystemExit) as ended:
        made.read(["a", "b", "--top", "3"], argparse.Namespace())
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: --top without --json.\n")
