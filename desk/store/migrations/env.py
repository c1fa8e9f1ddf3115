"""Alembic's way in. The connection is given by desk.store.migrate; there is no other way to run a migration."""

from alembic import context

from desk.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
)
context.run_migrations()
