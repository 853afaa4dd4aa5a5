"""What can go wrong, each with the exit code it ends in."""


class InstallError(Exception):
    """Its text is one sentence for the person at the keyboard."""

    status = 1


class Refused(InstallError):
    """Nothing was changed: the cluster, the tools or the options do not fit."""

    status = 2


class CommandFailed(InstallError):
    """A kubectl or helm that was expected to succeed did not."""
