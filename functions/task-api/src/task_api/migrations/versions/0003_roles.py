"""The database role the running service needs, and nothing beyond it."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

# What the service may do. The functions run with the rights of whoever calls them, so they add none. A later
# migration that makes a table replaces this procedure and calls it.
#
# Roles belong to the whole server: another database may create this one at the same moment, or may have done so
# before. Managed servers may not let a migration create roles; the service then still runs as the owner.
GRANT_RIGHTS = """
CREATE PROCEDURE tasks.grant_rights() LANGUAGE plpgsql AS $$
BEGIN
    IF to_regrole('task_api') IS NULL THEN
        BEGIN
            CREATE ROLE task_api NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    GRANT USAGE ON SCHEMA tasks TO task_api;
    GRANT SELECT, INSERT, UPDATE, DELETE ON tasks.task, tasks.outbox, tasks.idempotency TO task_api;
    GRANT SELECT ON tasks.v_outbox, tasks.alembic_version TO task_api;
    GRANT USAGE ON SEQUENCE tasks.task_task_id_seq TO task_api;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tasks TO task_api;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'the role task_api has no rights on schema tasks (%); to grant them, an administrator runs'
        ' "CREATE ROLE task_api NOLOGIN;" if there is none, and then this user "CALL tasks.grant_rights();"',
        SQLERRM;
END $$
"""


def upgrade() -> None:
    driver = op.get_bind().exec_driver_sql
    driver(GRANT_RIGHTS)
    # Nobody may call what is there by accident: by default everybody may.
    driver("REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA tasks FROM PUBLIC")
    driver("CALL tasks.grant_rights()")
