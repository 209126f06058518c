"""``python -m mlops_nb`` is ``mlops-nb``."""

import sys

from mlops_nb.cli import main

if __name__ == "__main__":
    sys.exit(main())
