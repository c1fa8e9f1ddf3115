"""The desk's store: SQLite (WAL) for one process, PostgreSQL for more. One contract suite runs over both.

tables      what is kept
database    connections and transactions
migrate     Alembic, from within the package
tasks       tasks and leases
content     drafts, reviews, transactions' content, registers
"""
