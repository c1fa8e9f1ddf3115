"""Alembic migrations of the desk's store."""
