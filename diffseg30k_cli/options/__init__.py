"""The options of commands: those that several have, groups of them, and how a group becomes options."""
