"""
Run by Alembic: applies migrations on the connection it is given.
"""

from alembic import context

from sendyard.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
# The caller's transaction encloses the whole migration, on both engines.
context.run_migrations()
