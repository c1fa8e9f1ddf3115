"""YAML as a tree in which every part knows its line.

What a plain word stands for is left to the field that takes it: scalars stay the text that was written, and only an
empty value, `~` and `null` are null. So none of YAML 1.1's surprises can happen: the language `no` is not false, the
key `on` is not true, 17:00 is not the number 1020, and 010 is not 8. Anchors, aliases and merge keys work; a key that
stands twice is refused, and so is a tag that would make a Python object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from schemas.errors import ConfigError

MAX_BYTES: Final = 1024 * 1024
MAX_PARTS: Final = 500_000
"""Parts of a document once its aliases are followed; a few lines of aliases of aliases would fill any memory."""

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
MERGE: Final = "<<"
TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "merge")
)


class YamlProblem(Exception):
    """What is wrong with the YAML itself. `line`: counted from 1; `field`: where in the document, as far as known."""

    def __init__(self, line: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar. `text` None: null."""

    line: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    line: int
    items: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, in the order written. `key_lines`: line of each key."""

    line: int
    fields: dict[str, Part]
    key_lines: dict[str, int]


Part = Text | Items | Fields


def read_yaml(path: Path) -> Part:
    """The one document of a file. Raises ConfigError when the file cannot be read, YamlProblem when it is not YAML."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}", hint="Give the path of a YAML file.") from None
    return parse_yaml(raw)


def parse_yaml(raw: bytes) -> Part:
    """The one document that `raw` holds. Raises YamlProblem."""
    if len(raw) > MAX_BYTES:
        raise YamlProblem(1, f"the file is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise YamlProblem(line, "the file is not UTF-8; save it as UTF-8") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise YamlProblem(1, "the file is empty")
        return _Reader().part(node, "")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(mark.line + 1 if mark else 1, _in_words(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlProblem(line, f"a character that may not stand in YAML: U+{error.character:04X}") from None
    except RecursionError:
        raise YamlProblem(1, "lists and mappings are nested too deeply") from None


def plain(part: Part) -> object:
    """The part as dicts, lists, texts and None."""
    match part:
        case Text():
            return part.text
        case Items():
            return [plain(item) for item in part.items]
        case Fields():
            return {name: plain(value) for name, value in part.fields.items()}


class _Reader:
    """Turns PyYAML's nodes into parts, and counts them."""

    def __init__(self) -> None:
        self._parts = 0
        self._within: set[int] = set()

    def part(self, node: yaml.Node, field: str) -> Part:
        line = node.start_mark.line + 1
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise YamlProblem(line, "aliases of aliases make this document too large", field)
        if node.tag not in TAGS:
            raise YamlProblem(line, f"tag {_short(node.tag)} is not taken; write the value alone", field)
        if id(node) in self._within:
            raise YamlProblem(line, "this anchor holds an alias of itself", field)
        self._within.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._fields(node, line, field)
            if isinstance(node, yaml.SequenceNode):
                return Items(line, tuple(self.part(one, f"{field}[{n}]") for n, one in enumerate(node.value)))
            assert isinstance(node, yaml.ScalarNode)
            null = node.style is None and node.value in NULLS
            return Text(line, None if null else node.value)
        finally:
            self._within.discard(id(node))

    def _fields(self, node: yaml.MappingNode, line: int, field: str) -> Fields:
        own: dict[str, Part] = {}
        lines: dict[str, int] = {}
        merged: list[Fields] = []
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlProblem(key_line, "a field name must be a word", field)
            key = key_node.value
            where = f"{field}.{key}" if field else key
            if key == MERGE and key_node.style is None:
                merged += self._merged(value_node, where)
                continue
            if key in own:
                raise YamlProblem(key_line, f"stands twice; it was given on line {lines[key]} before", where)
            own[key] = self.part(value_node, where)
            lines[key] = key_line
        for base in merged:
            own = {**{name: value for name, value in base.fields.items() if name not in own}, **own}
            lines = {**base.key_lines, **lines}
        return Fields(line, own, lines)

    def _merged(self, node: yaml.Node, field: str) -> Iterator[Fields]:
        bases = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for base in bases:
            part = self.part(base, field)
            if not isinstance(part, Fields):
                raise YamlProblem(part.line, "'<<' takes in mappings only", field)
            yield part


def _in_words(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "this is not YAML"
    if "'\\t'" in problem:
        return "a tab stands here; indent with spaces"
    if "mapping values are not allowed" in problem:
        return "a ':' too many, or the line is indented too far; a text that holds ': ' needs quotes"
    if "expected a single document" in (error.context or ""):
        return "a second document begins here; one file holds one"
    if "undefined alias" in problem:
        return problem.replace("found undefined alias", "no anchor comes before this alias:")
    context = f" ({error.context})" if error.context else ""
    return f"not YAML here: {problem}{context}"


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
