"""Every verb once: its options, one stage call, plain data as its result, which others draw."""

from mlops_nb.verbs.table import VERBS, Result, Verb, call_verb, load_verb

__all__ = ["VERBS", "Result", "Verb", "call_verb", "load_verb"]
