"""``python -m smtps``."""

import sys

from smtps.cli.main import main

sys.exit(main())
