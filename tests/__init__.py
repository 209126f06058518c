"""Tests: the tree mirrors the package; `test_house` and `test_docs` are about the project as a whole."""
