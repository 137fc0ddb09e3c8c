#!/usr/bin/env python
"""Billhook's command line."""

import os
import sys

from django.core.management import execute_from_command_line

from config.launch import arrange_environment


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    arrange_environment(sys.argv[1:])
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
