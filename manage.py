#!/usr/bin/env python3
"""Django's command line for this project."""

import os
import sys

from django.core.management import execute_from_command_line

from fynix import env

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fynix.settings")
    try:
        execute_from_command_line(sys.argv)
    except env.Misconfigured as error:
        sys.exit(str(error))
