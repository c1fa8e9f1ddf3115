"""What crosses a boundary: every record that travels on a topic, is kept in a table or is written by a person.

Pydantic models, frozen, with bounds on every field. Nothing here does I/O and nothing here imports another part of
Tafol. `schemas.catalogue` says which record travels on which topic; `schemas.export` writes JSON Schema and AsyncAPI.
"""
