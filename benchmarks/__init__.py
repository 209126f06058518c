"""mlops_nb beside its peers and beside the raw floor, in one run: ``python -m benchmarks.run --cache FOLDER``."""
