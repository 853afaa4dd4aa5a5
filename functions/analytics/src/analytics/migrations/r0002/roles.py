"""The database roles, and what each may do.

`analytics` is what the running service needs: it adds to the log and counts, and cannot take anything out of
it. Pruning and recomputing are the owner's, as migrating is. `analytics_reader` sees the views and nothing
else. Functions run with the rights of whoever calls them, so they add none; a view reads its tables with its
owner's.

Roles belong to the whole server: another database may create them at the same moment, or may have done so
before. Managed servers may not let a migration create roles; the service then still runs as the owner, and the
numbers come first.
"""

from __future__ import annotations

# A later migration that makes a table replaces this procedure and calls it.
GRANT_RIGHTS = """
CREATE PROCEDURE analytics.grant_rights() LANGUAGE plpgsql AS $$
BEGIN
    IF to_regrole('analytics') IS NULL THEN
        BEGIN
            CREATE ROLE analytics NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    IF to_regrole('analytics_reader') IS NULL THEN
        BEGIN
            CREATE ROLE analytics_reader NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    GRANT USAGE ON SCHEMA analytics TO analytics, analytics_reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO analytics;
    GRANT INSERT ON analytics.event TO analytics;
    GRANT INSERT, UPDATE ON analytics.task, analytics.tally, analytics.duration TO analytics;
    GRANT EXECUTE ON FUNCTION analytics.record, analytics.rounded_milliseconds TO analytics;
    GRANT SELECT ON analytics.v_summary, analytics.v_hourly, analytics.v_daily, analytics.v_activity
        TO analytics_reader;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'the roles analytics and analytics_reader have no rights on schema analytics (%); to grant'
        ' them, an administrator runs "CREATE ROLE analytics NOLOGIN; CREATE ROLE analytics_reader NOLOGIN;"'
        ' (whichever is missing), and then this user "CALL analytics.grant_rights();"', SQLERRM;
END $$
"""

# Nobody may call what is there by accident: by default everybody may.
REVOKE_EVERYBODYS = "REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA analytics FROM PUBLIC"

STATEMENTS = (GRANT_RIGHTS, REVOKE_EVERYBODYS, "CALL analytics.grant_rights()")
