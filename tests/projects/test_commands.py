"""Commands with values in them: each value arrives as it was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_nb.errors import InvalidInput
from mlops_nb.projects.commands import fill, placeholders

SHOW = f"{sys.executable} {{show}}"
NASTY = [
    "plain", "two words", "", "it's", '"', "$(touch pwned)", "`touch pwned`", "; touch pwned", "&& touch pwned",
    "| cat",
    "$HOME", "${HOME}", "*", "~", "\\", "a\nb", "-rf", "{lr}", "{}", "'; touch pwned; '", '"; touch pwned; "', "é🙂",
]  # fmt: skip


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script that writes its arguments as JSON."""
    path = tmp_path_factory.mktemp("scripts") / "show.py"
    path.write_text("import json, sys; print(json.dumps(sys.argv[1:]))", encoding="utf-8")
    return path


def arguments(template: str, show: Path, **values: str) -> list[str]:
    """What a program gets that is started by this command."""
    command = fill(SHOW + " " + template, {"show": str(show), **values})
    done = subprocess.run(
        command.words, env=os.environ | command.environment, capture_output=True, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


TEMPLATES = [
    ("{x}", "{}"), ("--x={x}", "--x={}"), ("'{x}'", "{}"), ('"{x}"', "{}"), ("\"a {x} b\"", "a {} b"),
    ("'a {x} b' | cat", "a {} b"), ("{x} && true", "{}"), ('"{x}" > out && cat out', "{}"), ("a\\'{x} | cat", "a'{}"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "expected"), TEMPLATES, ids=[template for template, _ in TEMPLATES])
def test_values_stay_one_argument(template: str, expected: str, show: Path) -> None:
    for value in NASTY if template in ("{x}", "'a {x} b' | cat", '"{x}" > out && cat out') else NASTY[3:10]:
        assert arguments(template, show, x=value) == [expected.replace("{}", value)]
    assert not Path("pwned").exists()


@settings(max_examples=20, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
def test_any_text_stays_one_argument_without_a_shell(value: str) -> None:
    assert fill("run {x} '{x}' --x={x}", {"x": value}).words == ["run", value, value, f"--x={value}"]


def test_a_command_without_need_gets_no_shell() -> None:
    assert fill("python train.py -r {lr} 'a b' {{x}}", {"lr": "1"}).words == [
        "python",
        "train.py",
        "-r",
        "1",
        "a b",
        "{x}",
    ]
    assert fill("LR={lr} python train.py", {"lr": "1"}).words[:2] == ["bash", "-c"]


@pytest.mark.parametrize(
    "template",
    [
        'python -c "print({x})"', "bash -c 'echo {x}'", "sh -c {x}", "eval echo {x}", "python - <<E\nprint({x})\nE",
        "perl -e '{x}'",
    ],
)  # fmt: skip
def test_a_value_within_code_is_refused(template: str) -> None:
    with pytest.raises(InvalidInput, match="into code"):
        fill(template, {"x": "1"})


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("a {x.__class__}", "plain name"), ("a {x[0]}", "plain name"), ("a {x!r}", "plain name"),
        ("a {x:>5}", "plain name"),
        ("a {}", "plain name"), ("a {x", "cannot be read"), ("a }", "cannot be read"), ("a 'b {x}", "Close its quotes"),
        ("a {lrr}", r"needs a value for 'lrr' \(did you mean 'lr'\?\)"), ("", "empty command"), ("  ", "empty command"),
    ],
)  # fmt: skip
def test_commands_that_are_refused(template: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        fill(template, {"x": "1", "lr": "2"})


def test_a_nul_is_refused() -> None:
    with pytest.raises(InvalidInput, match="NUL"):
        fill("a {x}", {"x": "a\0b"})


def test_placeholders_in_order() -> None:
    assert placeholders("python {b} {{no}} {a} {b}") == ["b", "a"]
