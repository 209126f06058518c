"""Notebooks as jobs: parameters as a contract, execution that is followed live and always kept."""
