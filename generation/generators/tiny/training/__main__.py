"""The command, for `python -m`."""

from generation.generators.tiny.training.command import main

if __name__ == "__main__":
    main()
