"""Secrets are taken out; everything else stays."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import sysconfig
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_nb.capture.secrets import REDACTED, is_secret_name, redact, redact_json

# Made up, and put together here so that no scanner of repositories takes them for real.
A36, HEX32 = "aB3" * 12, "0a1b2c3d" * 4
FORMATS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + A36,
    "github_pat_" + "11AAAAAAA0" * 4,
    "glpat-" + "aB3xYz9_-1" * 2,
    "xoxb-" + "123456789012-abcdefXYZ",
    "sk-" + "aB3" * 16,
    "sk-proj-" + "aB3_" * 12,
    "sk-ant-" + "api03-" + "aB3-" * 20,
    "sk_live_" + "aB3" * 8,
    "AIza" + "aB3dE" * 7,
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
    "hf_" + "aBcDeFgHiJ" * 3 + "kLmN",
    "npm_" + A36,
    "pypi-AgE" + "IcHlwaS5vcmc" * 6,
    "dapi" + HEX32,
    "SG." + "a" * 22 + "." + "b" * 43,
    "gsk_" + "aB3" * 14,
    "hvs." + "aB3" * 9,
]


@pytest.mark.parametrize("secret", FORMATS, ids=lambda secret: secret[:8])
@pytest.mark.parametrize("text", ["x = f('{}')", "{}", "saved {} in the log", 'a: "{}", b', "https://h/x?y={}"])
def test_keys_are_known_by_their_format(secret: str, text: str) -> None:
    found, count = redact(text.format(secret))
    assert secret not in found and secret[10:] not in found and count == 1
    assert found == text.format(REDACTED)


NAMED = [
    ('password = "hunter2"', 'password = "[redacted]"', 1),
    ("password = 'hunter2'  # mine", "password = '[redacted]'  # mine", 1),
    ("db_password: str = 'hunter2'", "db_password: str = '[redacted]'", 1),
    ('password = r"""hunter\n2"""', 'password = r"""[redacted]"""', 1),
    ('password = "a\\"b c"', 'password = "[redacted]"', 1),
    ('config["password"] = "hunter2"', 'config["password"] = "[redacted]"', 1),
    ('{"apiKey": "abcd1234", "n": 1}', '{"apiKey": "[redacted]", "n": 1}', 1),
    ("{'api_key': 'abcd1234'}", "{'api_key': '[redacted]'}", 1),
    ('os.environ["HF_TOKEN"] = "abcd1234"', 'os.environ["HF_TOKEN"] = "[redacted]"', 1),
    ('os.environ.setdefault("OPENAI_API_KEY", "abcd1234")', 'os.environ.setdefault("OPENAI_API_KEY", "[redacted]")', 1),
    ("connect(user='me', password='pw1234', host='h')", "connect(user='me', password='[redacted]', host='h')", 1),
    ('user, password = "me", "hunter2"', 'user, password = "me", "[redacted]"', 1),
    ('client_secret="abc"', 'client_secret="[redacted]"', 1),
    ('token = "abcd1234"', 'token = "[redacted]"', 1),
    ('cache_key = "aB3dE6gH9jK2mN5pQ8sT1"', 'cache_key = "[redacted]"', 1),
    ("PASSWORD=hunter2", "PASSWORD=[redacted]", 1),
    ("export DB_PASS=hunter2\n", "export DB_PASS=[redacted]\n", 1),
    ("%env API_KEY=abcd1234", "%env API_KEY=[redacted]", 1),
    ("Server=h;User Id=me;Password=p4ss-w0rd;Port=1", "Server=h;User Id=me;Password=[redacted];Port=1", 1),
    ("AccountName=a;AccountKey=aB3+/dE6gH9==;E=1", "AccountName=a;AccountKey=[redacted];E=1", 1),
    ("token: abc123def456", "token: [redacted]", 1),
    ("  password: s3cr3t-pass\n", "  password: [redacted]\n", 1),
    ("!train --api-key abc123def --lr 0.1", "!train --api-key [redacted] --lr 0.1", 1),
    ("!mysql --password=hunter2 db", "!mysql --password=[redacted] db", 1),
    ("curl -H 'Authorization: Bearer abc.def123'", "curl -H 'Authorization: Bearer [redacted]'", 1),
    ('{"Authorization": "Basic dXNlcjpwYXNz"}', '{"Authorization": "Basic [redacted]"}', 1),
    ("authorization: token abcdef1", "authorization: token [redacted]", 1),
    ('"X-Api-Key": "abcd1234"', '"X-Api-Key": "[redacted]"', 1),
    ("postgresql://me:pw@db:5432/x", "postgresql://me:***@db:5432/x", 1),
    ("https://me:p@ss@host/x", "https://me:***@host/x", 1),
    ("redis://:pw1234@h:1/0", "redis://:***@h:1/0", 1),
    ("https://aB3dE6gH9jK2mN5pQ8sT1uV4@host/x.git", "https://***@host/x.git", 1),
    ("https://h/x?sv=1&sig=aB3%2FdE6gH9&se=2", "https://h/x?sv=1&sig=[redacted]&se=2", 1),
    ("https://h/x?access_token=aB3dE6gH9&n=2", "https://h/x?access_token=[redacted]&n=2", 1),
    ("https://hooks.slack.com/services/" + "T00000000/B00000000/aB3dE6gH9jK2", "https://[redacted]", 1),
    (json.dumps({"source": 'password = "hunter2"\n'}), json.dumps({"source": 'password = "[redacted]"\n'}), 1),
    ("&quot;password&quot;: &quot;hunter2&quot;", "&quot;password&quot;: &quot;[redacted]&quot;", 1),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nx",
     "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----\nx", 1),
    ('"-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n"',
     '"-----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----\\n"', 1),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbg\nmore", "-----BEGIN OPENSSH PRIVATE KEY-----[redacted]", 1),
    ('a_token="abcd1234"\nb_token="efgh5678"', 'a_token="[redacted]"\nb_token="[redacted]"', 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected", "count"), NAMED, ids=lambda value: str(value)[:40])
def test_secrets_are_known_by_their_name(text: str, expected: str, count: int) -> None:
    assert redact(text) == (expected, count)
    assert redact(expected) == (expected, 0)


DIGEST = hashlib.sha256(b"").hexdigest()
HARMLESS = [
    "password = getpass()",
    "password = getpass.getpass('Password: ')",
    "password = os.environ['DB_PASSWORD']",
    "connect(password=password)",
    "connect(\n    password=pwd1,\n    token=tok2\n)",
    "token: str",
    "def f(token: Optional[str] = None, password=None): pass",
    "token = tokens[0]",
    "token = tokenizer.next_token()",
    "self.token = token1",
    "api_key = config.api_key",
    "if password == 'hunter2': pass",
    "password = ''",
    "password = '***'",
    'password = "<your password>"',
    'API_KEY = "${API_KEY}"',
    'url = f"postgresql://{user}:{password}@{host}/x"',
    "headers = {'Authorization': f'Bearer {token}'}",
    "authorization = self.headers.get('authorization')",
    'pad_token = "[PAD]"; eos_token = "</s>"; bos_token="<|begin_of_text|>"',
    'max_tokens = "100000000000"; n_tokens: 123456789',
    'token_pattern = r"(?u)\\b\\w\\w+\\b"',
    'primary_key = "user_id_1234"; sort_key="name"',
    f'cache_key = "{DIGEST}"',
    f"sha256:{DIGEST}",
    f"run_id = '{uuid.UUID(int=7)}'",
    "commit 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    "df.set_index('key')['secret_santa']",
    "https://example.org:8080/a@b",
    "git@github.com:me/x.git",
    "mailto:me@example.org",
    "print('password:', n)",
    "<div class='sk-container-id-1 sk-toggleable__label-arrow-12'>",
    "tokens per second: 1234.5678",
    "keyboard=abcd1234 monkey: abcd1234efgh",
    "http://localhost:8888/lab?tree=1",
]


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:40])
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == (text, 0)


def test_images_and_other_base64_survive() -> None:
    rng = random.Random(1)
    for _ in range(20):
        text = base64.b64encode(rng.randbytes(100_000)).decode()
        assert redact(text) == (text, 0)
        assert redact(json.dumps({"image/png": text}))[1] == 0


def test_real_source_has_few_false_alarms() -> None:
    """The library's own modules (its tests apart) hold one password, in a docstring, and URLs of examples."""
    sklearn = pytest.importorskip("sklearn")
    library = Path(sysconfig.get_path("stdlib"))
    alarms = []
    for folder in (library, Path(sklearn.__file__).parent / "feature_extraction"):
        for path in sorted([*folder.glob("[f-t]*.py"), *folder.glob("[h-k]*/*.py")]):
            text = path.read_text("utf-8", errors="replace")
            found, count = redact(text)
            lines = zip(text.splitlines(), found.splitlines(), strict=True)
            alarms += [f"{path.name}: {before}" for before, after in lines if before != after]
            assert count <= 3, path
    assert len(alarms) <= 6, "\n".join(alarms)


@pytest.mark.parametrize(
    "piece",
    ["token ", "password=", "password=abc1234 ", "a://", "://u:p", "-----BEGIN PRIVATE KEY-----", "eyJ", "sk-",
     "key = '", '\\"', "Bearer ",
     "password: a,", "&quot;token&quot;: &quot;", "authorization: ", "?sig=", "token-", "passtokenkey"],
)  # fmt: skip
def test_time_is_linear_whatever_the_text(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        start = time.process_time()
        redact(text)
        return time.process_time() - start

    small = max(seconds(50_000), 0.005)
    assert seconds(400_000) < 40 * small  # quadratic would be 64 times, and rules with bounded width stay near 8


def test_json_is_redacted_by_key_and_by_text() -> None:
    image = "A" * 100
    given_ = {
        "password": "x", "token": "", "n": 1, "f": float("inf"), "none": None,
        "data": {"image/png": image, "text/plain": "postgresql://me:pw@h/x"},
        "list": ["password = 'hunter2'", 1, ("token: abc123def456",)],
        1: "a",
    }  # fmt: skip
    before = json.dumps(given_)
    assert redact_json(given_) == (
        {
            "password": REDACTED, "token": "", "n": 1, "f": float("inf"), "none": None,
            "data": {"image/png": image, "text/plain": "postgresql://me:***@h/x"},
            "list": [f"password = '{REDACTED}'", 1, [f"token: {REDACTED}"]],
            1: "a",
        }, 4,
    )  # fmt: skip
    assert json.dumps(given_) == before
    assert redact_json(redact_json(given_)[0])[1] == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_keeps_its_shape(value: Any) -> None:
    found, count = redact_json(value)
    assert count or found == value


@given(st.text(alphabet=st.sampled_from("password=token:'\"\\ \nk-_ey@/.s3İß"), max_size=200))
def test_redacting_twice_changes_nothing(text: str) -> None:
    once, _ = redact(text)
    assert redact(once)[0] == once


NAMES = [
    ("password", True), ("DB_PASSWORD", True), ("dbPasswd", True), ("pgpass", False), ("PG_PASS", True),
    ("apiKey", True),
    ("APIKey", True), ("api_key", True), ("X-Api-Key", True), ("aws_secret_access_key", True), ("OPENAI_KEY", True),
    ("token", True), ("hf_token", True), ("accessToken", True), ("GITHUB_TOKEN", True), ("client_secret", True),
    ("token_value", True), ("password2", True), ("private_key", True), ("credential", True),
    ("pad_token", False), ("max_tokens", False), ("n_tokens", False), ("token_count", False), ("next_token", False),
    ("key", False), ("sort_key", False), ("forward_pass", False), ("n_pass", False), ("pass", False), ("bypass", False),
    ("compass", False), ("monkey", False), ("secretary", False), ("author", False), ("lr", False), ("", False),
    ("日本", False),
    ("password_hash", False), ("token_pattern", False), ("password_env", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_secret_names(name: str, expected: bool) -> None:
    assert is_secret_name(name) is expected
