"""The database roles: what the running service needs, what readers may see, and nothing beyond it."""

from __future__ import annotations

from alembic import op

from analytics.migrations.r0002 import roles

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in roles.STATEMENTS:
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations only expand; an older program runs on a newer schema")
