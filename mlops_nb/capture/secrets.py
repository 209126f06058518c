"""Secrets are taken out of whatever is about to be stored: source, outputs, params, diffs.

Two kinds of rules. Keys with a format of their own are found by it, wherever they stand. Other secrets are found by
what they are called: ``password = "…"``, ``token: …``, ``--api-key …``, ``user:…@host``. Every rule starts at a fixed
text that `str.find` looks for, and matches a bounded piece from there, so that time is linear in the length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlops_nb.capture.secret_names import is_secret_name, secrecy

__all__ = ["REDACTED", "is_secret_name", "redact", "redact_json"]

REDACTED = "[redacted]"

_Span = tuple[int, int, str]

# Each format with the texts that it starts with. Widths are bounded, and a match ends where its alphabet ends.
_FORMATS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (tuple(starts.split()), re.compile(pattern))
    for starts, pattern in (
        ("AKIA ASIA ABIA ACCA", r"(?<![A-Za-z0-9])A[KSBC][IC]A[A-Z2-7]{16}(?![A-Za-z0-9])"),
        ("ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
        ("github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
        ("glpat- gldt- glrt- glcbt- glptt- glft- glsoat-", r"gl[a-z]{2,4}-[A-Za-z0-9_.\-]{20,300}"),
        ("xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", r"x(?:ox[a-z]|app)-[A-Za-z0-9-]{10,300}"),
        ("sk-ant- sk-proj- sk-svcacct- sk-or-v1- sk-lf- pk-lf-", r"[sp]k-[a-z0-9]{2,8}-[A-Za-z0-9_\-]{20,300}"),
        ("sk-", r"(?<![\w-])sk-(?=[A-Za-z]{0,60}[0-9])[A-Za-z0-9]{20,120}(?![\w-])"),
        ("sk_live_ sk_test_ rk_live_ rk_test_ whsec_", r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9+/=]{16,200}"),
        ("AIza", r"(?<![A-Za-z0-9])AIza[0-9A-Za-z_\-]{35}"),
        ("ya29. GOCSPX-", r"(?:ya29\.|GOCSPX-)[0-9A-Za-z_\-]{20,500}"),
        ("eyJ", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{4,8000}\.[A-Za-z0-9_-]{8,2000}"),
        ("hf_ api_org_", r"(?<![A-Za-z0-9_])(?:hf|api_org)_[A-Za-z0-9]{30,60}"),
        ("npm_", r"(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}"),
        ("pypi-AgE", r"pypi-AgE[A-Za-z0-9_\-]{50,500}"),
        ("dckr_pat_ dckr_oat_", r"dckr_[po]at_[A-Za-z0-9_\-]{20,60}"),
        ("dapi", r"(?<![A-Za-z0-9])dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])"),
        ("SG.", r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}"),
        ("dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[a-f0-9]{64}"),
        ("shpat_ shpss_ shpca_ shppa_", r"shp[a-z]{2}_[a-fA-F0-9]{32}"),
        ("gsk_ xai- r8_ wandb_v1_ ntn_ lin_api_ PMAK- pplx- tskey-",
         r"(?<![A-Za-z0-9_])(?:gsk_|xai-|r8_|wandb_v1_|ntn_|lin_api_|PMAK-|pplx-|tskey-)[A-Za-z0-9_\-]{30,120}"),
        ("hvs. hvb. hvr.", r"(?<![A-Za-z0-9])hv[sbr]\.[A-Za-z0-9_\-]{24,300}"),
        ("AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{50,70}"),
        (":AA", r":AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])"),
        ("hooks.slack.com/services/", r"hooks\.slack\.com/services/[A-Za-z0-9_/]{20,100}"),
        ("/api/webhooks/", r"/api/webhooks/[0-9]{10,25}/[A-Za-z0-9_\-]{30,100}"),
    )
)  # fmt: skip

_NAME_WORDS = ("pass", "pwd", "secret", "token", "key", "credential")
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_NAME_LIMIT = 64

# From the end of the word that was found: rest of the name, closing quote or bracket, sign, and the value.
_SIGN = re.compile(
    r"(?P<rest>[\w-]{0,40}+)(?P<close>(?:\\{0,3}[\"']|&(?:quot|#39|#x27);)?\s?\]?)"
    r"(?P<sign>[ \t]{0,20}(?::[ \t]{0,4}[A-Za-z_][\w\[\].|, ]{0,40})?(?<![=!<>])=(?!=)[ \t]{0,20}"
    r"|[ \t]{0,4}:(?![:=])[ \t]{0,20}|[ \t]{0,4}=>[ \t]{0,4}|,[ \t]{0,4}(?=[\"'\\])|[ \t]{1,4})"
)
_QUOTED = re.compile(
    r"(?:[rRbBuU]{0,2})(?:"
    r"(?P<triple>\"\"\"|''')(?P<long>.{0,2000}?)(?P=triple)"
    r"|(?P<quote>[\"'])(?P<plain>(?:\\.|[^\\\n]){0,2000}?)(?P=quote)"
    r"|(?P<escaped>\\{1,3}[\"']|&(?:quot|#39|#x27);)(?P<inner>[^\n]{0,2000}?)(?P=escaped))",
    re.DOTALL,
)
_TARGETS = re.compile(r"\s*(?:[\w.]+\s*,\s*){1,8}")
_COMMA = re.compile(r"\s{0,4},\s{0,4}")
_OPENING = re.compile(r"\(\s?[rbu]?\\{0,3}[\"']\Z")
_BARE = re.compile(r"[^\s\"'`,;&<>()\[\]{}\\]{4,2000}")
_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*(?:[-+*/|%]+[A-Za-z_][\w.]*)*[:.]?\Z")
_PLACEHOLDER = re.compile(
    r"(?i)(?:%\(?\w{0,40}\)?[sdr]|\{[^{}]{0,80}\}|\W){0,80}\Z|<.*>\Z|\$\{?[\w.]+\}?\Z|x{3,}\Z|\[\w+\]\Z|"
    r"(?:the |my |your |an? )?(?:none|null|true|false|str|string|text|hidden|optional|required|todo|changeme|"
    r"(?:db|api|auth|access|secret|private)?[ _-]?(?:password|passwd|pwd|secret|token|key|credentials?))\Z"
)
_HEADER = re.compile(
    r"(?i)uthorization(?:\\{0,3}[\"']|&quot;)?\]?\s{0,4}[:=,]\s{0,4}(?:f?\\{0,3}[\"']|&quot;)?"
    r"(?:bearer|basic|token|apikey|digest|bot)\s{1,4}(?P<value>[^\s\"'\\,;{}<>&()]{6,4000})"
)
_PLAIN_HEADER = re.compile(
    r"(?i)uthorization(?:\\{0,3}[\"']|&quot;)?\s{0,4}[:,]\s{0,4}(?:\\{0,3}[\"']|&quot;)?"
    r"(?P<value>(?=[\w.~+/=-]{0,200}[0-9])[\w.~+/=-]{12,4000})(?![\w(\[])"
)
_BEARER = re.compile(r"earer\s{1,4}(?P<value>(?=[A-Za-z._~+/=-]{0,200}[0-9])[A-Za-z0-9._~+/=-]{16,4000})")
_ADDRESS = re.compile(
    r"://(?P<user>[^\s:/@\"'<>{}]{0,200})(?P<colon>:?)(?P<value>[^\s/\"'<>\\]{0,500})@(?=[\w\[{.$%-])"
)
_SIGNATURE = re.compile(
    r"(?i:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature)=(?P<value>[\w%+/.=-]{8,2000})"
)
_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"(?:[A-Za-z0-9+/=\s:,-]|\\+[nr]){0,20000}")


def redact(text: str) -> tuple[str, int]:
    """Put a mark in the place of every secret that can be recognised.

    Parameters
    ----------
    text : str
        Source, output, log, diff, configuration. Digests, UUIDs and base64 of images stay.

    Returns
    -------
    tuple of str and int
        The text, and how many secrets were taken out. Redacting it again changes nothing.

    Examples
    --------
    >>> redact('password = "hunter2"; connect("postgresql://me:pw@db/x")')
    ('password = "[redacted]"; connect("postgresql://me:***@db/x")', 2)
    """
    if len(text) < 8:
        return text, 0
    spans = sorted(_spans(text), key=lambda span: (span[0], -span[1]))
    pieces: list[str] = []
    count, end = 0, 0
    for start, stop, mark in spans:
        if start >= end:
            pieces += (text[end:start], mark)
            count, end = count + 1, stop
        elif stop > end:  # two rules overlap: what either takes out is out
            end = stop
    return ("".join([*pieces, text[end:]]), count) if count else (text, 0)


def redact_json(obj: Any) -> tuple[Any, int]:
    """Redact every text inside a JSON value, and texts whose key is a secret's name.

    Parameters
    ----------
    obj : JSON value
        It is not changed. Base64 under image, audio, video and font mime types is left alone.

    Returns
    -------
    tuple of JSON value and int
        A redacted copy, and how many secrets were taken out.

    Examples
    --------
    >>> redact_json({"api_key": "abcd1234", "lr": 0.1, "url": ["http://me:pw@host"]})
    ({'api_key': '[redacted]', 'lr': 0.1, 'url': ['http://me:***@host']}, 2)
    """
    if isinstance(obj, str):
        return redact(obj)
    if isinstance(obj, list | tuple):
        items = [redact_json(item) for item in obj]
        return [item for item, _ in items], sum(count for _, count in items)
    if not isinstance(obj, dict):
        return obj, 0
    made: dict[Any, Any] = {}
    total = 0
    for key, value in obj.items():
        if isinstance(key, str) and key.startswith(("image/", "audio/", "video/", "font/")) and key != "image/svg+xml":
            made[key], count = value, 0
        elif isinstance(key, str) and isinstance(value, str) and is_secret_name(key) and _is_value(value):
            made[key], count = REDACTED, 1
        else:
            made[key], count = redact_json(value)
        total += count
    return made, total


def _spans(text: str) -> Iterator[_Span]:
    for starts, pattern in _FORMATS:
        for start in starts:
            yield from _matches(text, start, pattern)
    yield from _private_keys(text)
    for start in ("uthorization", "UTHORIZATION"):
        yield from _matches(text, start, _HEADER)
        yield from _matches(text, start, _PLAIN_HEADER)
    yield from _matches(text, "earer", _BEARER)
    yield from _addresses(text)
    for start in ("sig=", "ignature=", "ecurity-Token="):
        yield from _signatures(text, start)
    lower = text.lower()
    if len(lower) != len(text):  # some letters are two in lower case: their positions would not fit
        lower = text.translate({code: code + 32 for code in range(65, 91)})
    for word in _NAME_WORDS:
        yield from _named(text, lower, word)


def _find_all(text: str, start: str) -> Iterator[int]:
    position = text.find(start)
    while position >= 0:
        yield position
        position = text.find(start, position + len(start))


def _matches(text: str, start: str, pattern: re.Pattern[str]) -> Iterator[_Span]:
    """What a pattern matches from where its fixed beginning stands: its group ``value``, or the whole."""
    end = 0
    for position in _find_all(text, start):
        if position < end:
            continue
        match = pattern.match(text, position)
        if match is None:
            continue
        end = match.end()
        group = "value" if "value" in pattern.groupindex else 0
        if group == 0 or _is_value(match[group]):
            yield match.start(group), match.end(group), REDACTED


def _private_keys(text: str) -> Iterator[_Span]:
    end = 0
    for position in _find_all(text, "-----BEGIN "):
        begin = _PEM_BEGIN.match(text, position) if position >= end else None
        if begin is None or text.startswith(REDACTED, begin.end()):
            continue
        body = _PEM_BODY.match(text, begin.end())
        end = body.end() if body is not None else begin.end()
        last = _PEM_END.search(text, begin.end(), end + 64)
        end = last.end() if last is not None else end
        yield begin.start(), end, f"{begin[0]}{REDACTED}{last[0] if last is not None else ''}"


def _addresses(text: str) -> Iterator[_Span]:
    """Passwords in URLs; a user name stays, unless it alone is as long as a token."""
    for position in _find_all(text, "://"):
        match = _ADDRESS.match(text, position)
        if match is None:
            continue
        if match["colon"]:
            if match["value"] and match["value"] != "***" and not _PLACEHOLDER.match(match["value"]):
                yield match.start("value"), match.end("value"), "***"
        elif len(match["user"]) >= 20 and any(letter.isdigit() for letter in match["user"]):
            yield match.start("user"), match.end("user"), "***"


def _signatures(text: str, start: str) -> Iterator[_Span]:
    """Signed URLs: the signature is the key."""
    for position in _find_all(text, start):
        begin = max(text.rfind("?", max(0, position - 24), position), text.rfind("&", max(0, position - 24), position))
        match = _SIGNATURE.match(text, begin + 1) if begin >= 0 else None
        if match is not None:
            yield match.start("value"), match.end("value"), REDACTED


def _named(text: str, lower: str, word: str) -> Iterator[_Span]:
    """Values of names that hold a word such as ``token``."""
    end = 0
    for position in _find_all(lower, word):
        if position < end:
            continue
        sign = _SIGN.match(text, position + len(word))
        if sign is None:
            continue
        begin = position
        while begin > 0 and position - begin < _NAME_LIMIT and text[begin - 1] in _NAME_CHARS:
            begin -= 1
        name = text[begin : sign.end("rest")]
        certainty = secrecy(name.rpartition(".")[2])
        if certainty:
            found = _value_at(text, begin, sign, name, certainty)
            if found is not None:
                end = found[1]
                yield found


def _value_at(text: str, begin: int, sign: re.Match[str], name: str, certainty: int) -> _Span | None:
    quoted = _QUOTED.match(text, sign.end())
    operator = sign["sign"].strip()
    if quoted is not None and (operator or name.startswith("-")):
        group = _group_of(quoted)
        if operator == "," and not (_is_first_argument(text, begin) and len(quoted[group]) >= 6):
            return None
        if operator == "=" and not sign["close"].strip():
            quoted, group = _unpacked(text, begin, quoted, group)
        if quoted is not None and _is_secret(quoted[group], certainty):
            return quoted.start(group), quoted.end(group), REDACTED
        return None
    bare = _BARE.match(text, sign.end())
    if bare is None or operator == "," or certainty < 2:
        return None
    if operator == "" and not name.startswith("-"):
        return None
    after = text[bare.end() : bare.end() + 1]
    if _is_code(text, begin, sign, bare[0], after) or not _is_secret(bare[0], certainty if operator == "=" else 2):
        return None
    return bare.start(), bare.end(), REDACTED


def _is_first_argument(text: str, begin: int) -> bool:
    """Whether a quoted name opens a call or a pair: ``setenv("TOKEN", "…")``, not ``f(token, "…")``."""
    return _OPENING.search(text[max(0, begin - 8) : begin]) is not None


def _unpacked(text: str, begin: int, quoted: re.Match[str], group: str) -> tuple[re.Match[str] | None, str]:
    """The text that belongs to a name in ``user, password = "…", "…"``."""
    line = max(text.rfind("\n", max(0, begin - 200), begin) + 1, begin - 200)
    before = _TARGETS.fullmatch(text, line, begin)
    found: re.Match[str] | None = quoted
    for _ in range(before[0].count(",") if before is not None else 0):
        comma = _COMMA.match(text, found.end()) if found is not None else None
        found = _QUOTED.match(text, comma.end()) if comma is not None else None
    return found, group if found is None else _group_of(found)


def _group_of(quoted: re.Match[str]) -> str:
    return "long" if quoted["triple"] else "plain" if quoted["quote"] else "inner"


def _is_code(text: str, begin: int, sign: re.Match[str], value: str, after: str) -> bool:
    """Whether an unquoted value is an expression of a program: ``password=getpass()``, ``token: str``."""
    if value[0] in "$%*@|!.=:/~^?#" or after in ("(", "[", "{", '"', "'", "`"):
        return True
    if not _EXPRESSION.match(value):
        return False
    line = max(text.rfind("\n", max(0, begin - 500), begin) + 1, begin - 500)
    before = text[line:begin]
    is_spaced = sign["sign"] != sign["sign"].strip() and text[begin : begin + 1] != "-"
    is_digitless = not any(letter.isdigit() for letter in value)
    if sign["sign"].strip() == ":":  # an annotation, a field: YAML's values with digits are taken for secrets
        return is_digitless or sign["close"] != "" or after in (",", ")", "=")
    return is_spaced or "(" in before or after in (")", ",", "]", "}") or (before != "" and before.isspace())


def _is_value(value: str) -> bool:
    return REDACTED not in value and not _PLACEHOLDER.match(value)


def _is_secret(value: str, certainty: int) -> bool:
    """Whether a value may be a secret, the less certain its name the more like a key it has to look."""
    if not value or not _is_value(value):
        return False
    if certainty == 3:
        return " " not in value.strip() or len(value) < 40
    has_digit = any(letter.isdigit() for letter in value)
    if certainty == 2:
        return " " not in value and "\\" not in value and len(value) >= 8 and (has_digit or len(value) >= 20)
    return (
        len(value) >= 20
        and has_digit
        and any(letter.isupper() for letter in value)
        and any(letter.islower() for letter in value)
        and all(letter.isalnum() or letter in "+/_=.-" for letter in value)
    )
