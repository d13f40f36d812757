"""The `cohortmart` command: one module for each subcommand.

Belongs here: arguments, what is printed, exit statuses. Slow libraries are imported by the subcommand
that needs them, so that `cohortmart sql` answers at once.
"""

from orchestration.cli.app import main

__all__ = ["main"]
