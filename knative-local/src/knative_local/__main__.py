"""``python -m knative_local``: what the supervisor starts its broker process with."""

import sys

from knative_local.cli import main

sys.exit(main())
