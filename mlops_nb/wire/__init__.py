"""Nouns <-> JSON, pure: the one place that knows MLflow's casing, its tags, and what its clients expect.

`mlflow` speaks MLflow's REST API, `records` our own, `strict` is the border that both share, `names` MLflow's limits.
"""
