"""The log of events, the numbers that follow from it, and the views readers use."""

from __future__ import annotations

from alembic import op

from analytics.migrations.r0001 import rules, tables, views

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in (*tables.STATEMENTS, *rules.STATEMENTS, *views.STATEMENTS):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only expand; an older program runs on a newer schema")
