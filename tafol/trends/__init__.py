"""`tafol trends`: estimates for a person at a terminal, and for files. The arithmetic is not here: sinks/queries.

`question` turns what was typed into a question, or says what was probably meant; `plot` draws; `files` writes.
"""
