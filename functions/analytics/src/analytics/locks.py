"""Advisory locks of this schema, in one place so that no two mean the same number.

PostgreSQL drops them with the transaction, so they work behind a pooler too.
"""

from __future__ import annotations

# Writers share it; prune and recompute hold it alone. A table lock would also wait for autovacuum.
WRITERS = 7_202_601
# One migration at a time.
MIGRATION = 7_202_602
