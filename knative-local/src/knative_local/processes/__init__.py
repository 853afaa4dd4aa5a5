"""Operating system processes that this one starts, watches and ends."""
