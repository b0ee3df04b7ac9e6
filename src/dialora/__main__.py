"""`python -m dialora` is the command line."""

import sys

from dialora.cli import main

sys.exit(main())
