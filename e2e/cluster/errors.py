from __future__ import annotations


class ClusterError(Exception):
    """Its text is one sentence for the person at the keyboard: what is wrong, and what to do."""
