"""Alembic's scripts, packaged: an installed wheel can migrate. Expand-only, one linear history."""
