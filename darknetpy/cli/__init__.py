"""The command ``darknetpy``: one module a command, thin: what is computed, is computed elsewhere."""
