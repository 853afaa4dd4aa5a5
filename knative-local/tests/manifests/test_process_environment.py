from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from knative_local import process_environment
from knative_local.placeholders import Template


def test_a_variable_may_refer_to_the_ones_before_it() -> None:
    planned = (("HOST", "db"), ("URL", "http://$(HOST)/$(PORT)"), ("PORT", "1"))

    assert process_environment.complete(planned, {})["URL"] == "http://db/$(PORT)"


def test_two_dollars_are_one() -> None:
    assert process_environment.expand("$$(HOST) $(HOST) $HOST", {"HOST": "x"}) == "$(HOST) x $HOST"


def test_a_template_is_filled_each_time_anew() -> None:
    numbers = itertools.count(1)
    values = {"free_port": lambda: str(next(numbers))}

    filled = process_environment.complete(
        (("A", Template("{free_port}")), ("B", Template("{free_port}"))), values
    )

    assert filled == {"A": "1", "B": "2"}


def test_what_a_template_brings_is_not_expanded_again() -> None:
    secret = {"postgres.url": lambda: "pa$(A)ss$$"}

    filled = process_environment.complete((("A", "x"), ("B", Template("{postgres.url}"))), secret)

    assert filled["B"] == "pa$(A)ss$$"


def test_of_two_values_the_last_counts() -> None:
    assert process_environment.complete((("A", "1"), ("A", "2")), {}) == {"A": "2"}


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("/data", "/here"),
        ("/data/key", "/here/key"),
        ("--data=/data", "--data=/here"),
        ("--data=/data/a=/data", "--data=/here/a=/here"),
        ("/database", "/database"),
        ("/my/data", "/my/data"),
        ("http://host/data", "http://host/data"),
    ],
)
def test_a_path_of_the_container_is_moved_where_it_is_named(text: str, moved: str) -> None:
    assert process_environment.moved(text, "/data", Path("/here")) == moved
