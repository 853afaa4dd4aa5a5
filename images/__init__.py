"""The container images: built by whichever engine is there, their base pinned, their parts listed."""
