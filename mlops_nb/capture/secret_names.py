"""Names that say that their value is a secret."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_FILLERS = frozenset(("value", "val", "str", "string", "text", "raw", "plain", "plaintext", "b64", "default"))
_PASSWORDS = ("password", "passwd", "passphrase", "passcode")
_SURE = frozenset(("pwd", "secret", "apikey", "secretkey", "accesskey", "privatekey", "authkey", "credential"))
_KEY_OWNERS = frozenset((
    "access", "account", "admin", "anthropic", "api", "app", "auth", "aws", "azure", "bot", "client",
    "cohere", "consumer", "datadog", "deepseek", "deploy", "encryption", "fernet", "gcp", "gemini", "github",
    "gitlab", "google", "groq", "hf", "hmac", "huggingface", "jwt", "kaggle", "license", "mailgun", "master",
    "mistral", "neptune", "openai", "pinecone", "private", "secret", "sendgrid", "service", "session",
    "shared", "signing", "ssh", "storage", "stripe", "subscription", "twilio", "wandb", "webhook",
))  # fmt: skip
_PLAIN_PASSES = frozenset((
    "all", "back", "backward", "band", "by", "each", "first", "forward", "full", "high", "last", "low", "max",
    "min", "multi", "n", "next", "num", "one", "per", "render", "second", "single", "test", "third", "train",
    "two",
))  # fmt: skip
_PLAIN_TOKENS = frozenset((
    "additional", "audio", "begin", "bos", "blank", "break", "cls", "completion", "continuation", "continue",
    "current", "decoder", "delimiter", "dummy", "empty", "encoder", "end", "eod", "eof", "eol", "eos",
    "extra", "eot", "first", "image", "input", "label", "last", "left", "mask", "max", "min", "n", "name",
    "new", "newline", "next", "num", "oov", "op", "out", "output", "pad", "padding", "page", "per",
    "placeholder", "prefix", "prev", "previous", "prompt", "right", "sep", "separator", "sos", "speaker",
    "special", "speech", "start", "stop", "string", "sub", "suffix", "target", "text", "this", "unk",
    "unknown", "video", "vocab", "word",
))  # fmt: skip


def is_secret_name(name: str) -> bool:
    """Whether a name says that its value is a secret.

    Parameters
    ----------
    name : str
        A variable, field, parameter or environment variable.

    Returns
    -------
    bool
        True for passwords, tokens, API keys; not for ``pad_token``, ``max_tokens``, ``sort_key`` or ``n_passes``.

    Examples
    --------
    >>> [is_secret_name(name) for name in ("DB_PASSWORD", "apiKey", "hf_token", "eos_token", "sort_key")]
    [True, True, True, False, False]
    """
    return secrecy(name) >= 2


@lru_cache(maxsize=4096)
def secrecy(name: str) -> int:
    """How surely a name's value is a secret.

    Parameters
    ----------
    name : str
        A name in any case style.

    Returns
    -------
    int
        3 for passwords and named keys, 2 for tokens, 1 for keys of any kind, 0 for the rest.

    Examples
    --------
    >>> secrecy("openai_api_key"), secrecy("token"), secrecy("cache_key"), secrecy("lr")
    (3, 2, 1, 0)
    """
    words = [word.lower() for word in _WORD.findall(name[-200:])]
    while len(words) > 1 and words[-1] in _FILLERS:
        words.pop()
    if not words:
        return 0
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last.endswith(_PASSWORDS) or last in _SURE or last.endswith("apikey"):
        return 3
    if last == "pass":
        return 3 if before and before not in _PLAIN_PASSES else 0
    if last == "key":
        return 3 if before in _KEY_OWNERS else 1
    if last == "token" or last.endswith(("authtoken", "accesstoken")):
        return 0 if before in _PLAIN_TOKENS else 2
    return 0
