"""What stands behind %%track."""

from __future__ import annotations

import pytest

from mlops_nb.errors import InvalidInput
from mlops_nb.magics.options import parse_track, track_line, without_track


def test_everything_at_once() -> None:
    options = parse_track(
        "churn -n 'my run' -p lr=0.1 -p name='a b' -m acc -m f1,auc -t team=risk --seed 7 --nested --stage train"
    )
    assert options.experiment == "churn"
    assert options.name == "my run"
    assert options.params == {"lr": 0.1, "name": "a b"}
    assert options.metrics == ("acc", "f1", "auc")
    assert options.tags == {"team": "risk"}
    assert options.seed == 7
    assert options.nested
    assert options.stage == "train"


def test_a_comment_ends_the_line() -> None:
    assert parse_track("churn -n 'run # 3'  # the first one").name == "run # 3"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--sed 7", "Did you mean --seed?"),
        ("--nestd", "Did you mean --nested?"),
        ("churn extra", "has no argument extra"),
        ("-p lr", "-p takes NAME=VALUE"),
        ("-p 1x=2", "names no variable"),
        ("-p import=2", None),
        ("--seed x", "--seed takes a whole number"),
        ("--seed -1", None),
        ("-x 3", "It takes -n"),
        ("-n 'open", "no closing quotation"),
        ("-n", "expected one argument"),
        ("-t =x", "-t takes NAME=VALUE"),
    ],
)
def test_refusals_are_one_sentence(line: str, words: str | None) -> None:
    if line.startswith("-p import"):
        line = "-p a-b=2"
        words = "names no variable"
    with pytest.raises(InvalidInput) as caught:
        parse_track(line)
    assert "\n" not in str(caught.value)
    assert (words or "") in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%%track\nx", (0, "")),
        ("%%track churn -p a=1\nx", (0, "churn -p a=1")),
        ("\n\n%%track\nx", (2, "")),
        ("# c\n%%track a\nx", (1, "a")),
        ("%%time\n%%track a\nx", (1, "a")),
        ("%%tracking\nx", None),
        ("%%track?", None),
        ("%%bash\n%%track", None),
        ("x\n%%track", None),
        ("%track auto", None),
    ],
)
def test_finding_the_line(cell: str, expected: tuple[int, str] | None) -> None:
    assert track_line(cell) == expected


def test_taking_the_line_out_keeps_line_numbers_and_is_idempotent() -> None:
    lines = ["# c\n", "%%track a\n", "x = 1\n"]
    once = without_track(lines)
    assert once == ["# c\n", "\n", "x = 1\n"]
    assert without_track(once) == once


def test_cell_magics_come_first_again() -> None:
    assert without_track(["%%track\n", "\n", "%%time\n", "x\n"]) == ["%%time\n", "x\n"]
    assert without_track(["%%time\n", "%%track\n", "x\n"]) == ["%%time\n", "\n", "x\n"]
    assert without_track(["%%capture c\n", "%%track\n", "%%time\n", "x\n"]) == ["%%capture c\n", "%%time\n", "x\n"]
