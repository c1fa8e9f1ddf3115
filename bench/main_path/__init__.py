"""The main path against its peers: the same decisions on the same log, each in a process of its own."""
