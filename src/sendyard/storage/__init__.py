"""
Schema, engine for SQLite and PostgreSQL, migrations and the credential vault.
"""
