"""The border for artifact paths: what is refused, and that nothing refused can be smuggled through."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.artifacts import check_path
from mlops_nb.artifacts.paths import DEPTH_LIMIT, PART_LIMIT, PATH_LIMIT
from mlops_nb.errors import InvalidInput

ACCEPTED = [
    "a",
    "plots/loss curve.png",
    "Größe/模型/🚀 final.onnx",
    "👩‍👩‍👧/شبكة.bin",
    "...",
    ".hidden",
    "a..b/c...d",
    "100%.txt",
    "50%ab.csv",
    "a%20b",
    "notes: final.txt",
    "C.txt",
    "C: the language.md",
    "file",
    "a~",
    "a/~b",
    "x" * PART_LIMIT,
    "/".join("a" * DEPTH_LIMIT),
    "C#.ipynb",
    "what?;v=2",
]

REFUSED = {
    "": "is empty",
    "/etc/passwd": "is absolute",
    "//host/share": "is absolute",
    "..": "'..' part",
    "../a": "'..' part",
    "a/../../b": "'..' part",
    "a/..": "'..' part",
    ".": "'.' part",
    "./a": "'.' part",
    "a/./b": "'.' part",
    "a//b": "an empty part",
    "a/": "an empty part",
    "a\\b": "backslash",
    "..\\a": "backslash",
    "C:/x": "drive letter",
    "c:": "drive letter",
    "c:x": "drive letter",
    "~": "starts with '~'",
    "~root/.ssh": "starts with '~'",
    "file:/etc/passwd": "URL scheme",
    "FILE:etc": "URL scheme",
    "s3:/bucket": "URL scheme",
    "a\0b": "cannot be shown",
    "a\nb": "cannot be shown",
    "a\x1b[2J": "cannot be shown",
    "a\x85b": "cannot be shown",
    "a\u2028b": "cannot be shown",
    "a\ud800": "cannot be shown",
    "%2e%2e/a": "'..' part once its percent-encoding",
    "a/%2E%2e/b": "'..' part once",
    "%252e%252e/a": "'..' part once",
    "%25252e%25252e%25252fa": "once its percent-encoding",
    "%2fetc": "is absolute once",
    "a%2fb": "has a '/' once",
    "a%5cb": "backslash once",
    "a%00b": "cannot be shown",
    "%7eroot": "starts with '~' once",
    "c%3a/x": "drive letter once",
    "a" * (PATH_LIMIT + 1): "1,001 characters",
    "é" * 128: "256 bytes",
    "/".join("a" * (DEPTH_LIMIT + 1)): "levels deep",
}


@pytest.mark.parametrize("path", ACCEPTED)
def test_ordinary_paths_pass_unchanged(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(("path", "reason"), REFUSED.items(), ids=[ascii(path)[:30] for path in REFUSED])
def test_a_path_is_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_path(path)
    assert reason in refusal.value.message
    assert len(str(refusal.value)) < 400
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("path", ["a#b", "a?b", "a;b", "a/b#", "%23/..;/x#"])
def test_a_path_from_a_url_may_not_hold_what_cuts_urls(path: str) -> None:
    with pytest.raises(InvalidInput):
        check_path(path, from_url=True)


@pytest.mark.parametrize("path", [None, b"a", 3, Path("a")])
def test_only_text_is_a_path(path: object) -> None:
    with pytest.raises(InvalidInput, match="must be text"):
        check_path(path)  # type: ignore[arg-type]


def test_the_error_names_the_path_that_would_do() -> None:
    with pytest.raises(InvalidInput, match=r"such as 'plots/loss\.png'"):
        check_path("./plots//loss.png/")


HOSTILE = st.lists(
    st.sampled_from(
        ["..", ".", "/", "\\", "%2e", "%2F", "%25", "%5c", "%00", "~", "C:", "a", "b c", "ü", "\0", ":", "file"]
    ),
    max_size=8,
).map("".join)


@given(HOSTILE | st.text(max_size=40) | st.text(alphabet="./%2eEfF5cC\\~a", max_size=14))
def test_what_passes_stays_in_its_folder_however_it_is_decoded(path: str) -> None:
    try:
        check_path(path)
    except InvalidInput:
        return
    seen = [path]
    while (decoded := unquote(seen[-1])) != seen[-1]:
        seen.append(decoded)
    for form in seen:
        assert posixpath.normpath(form) == form
        assert not posixpath.isabs(form)
        assert str(Path(form).expanduser()) == form
        assert posixpath.normpath(f"/store/{form}").startswith("/store/")
        assert "\\" not in form and "\0" not in form


@given(st.text(min_size=1, max_size=60))
def test_it_decides_once_and_for_all(path: str) -> None:
    try:
        accepted = check_path(path)
    except InvalidInput as first:
        with pytest.raises(InvalidInput) as second:
            check_path(path)
        assert str(second.value) == str(first)
    else:
        assert check_path(accepted) == accepted == path


@given(st.sampled_from(["../a", "a/../b", "/a", "a\\b", "a\0b"]), st.integers(min_value=1, max_value=4))
def test_no_depth_of_encoding_hides_a_fault(path: str, times: int) -> None:
    for _ in range(times):
        path = quote(path, safe="").replace(".", "%2e")
    with pytest.raises(InvalidInput):
        check_path(path)
