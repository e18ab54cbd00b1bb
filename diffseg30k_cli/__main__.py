"""Runs the command for `python -m diffseg30k_cli`."""

from diffseg30k_cli.main import main

main()
