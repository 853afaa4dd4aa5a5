"""The status server: what runs, what waits, what is stored."""
