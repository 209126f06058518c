"""One module a peer, all with the same functions: see ``benchmarks.measures``."""
