"""Words for what trends and alerts are about: a team, a channel, a criterion, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from desk.services.names import Known
from desk.web import labels
from desk.web.language import Speech
from desk.web.page import Page


@dataclass(frozen=True)
class Words:
    """Labels and names with one language."""

    say: Speech
    known: Known

    @classmethod
    def of(cls, page: Page) -> Words:
        return cls(page.speech, page.desk.names.known(page.person))

    def series(self, values: Mapping[str, str]) -> str:
        """'Team north · Greeting': what a series is of."""
        return " · ".join(self._one(dimension, value) for dimension, value in values.items())

    def value(self, dimension: str, value: str) -> str:
        """A value of a dimension by itself, as in a list of teams: 'north'."""
        if dimension == "colleague":
            return self.known.colleagues.get(value, value)
        if dimension == "criterion":
            label = self.known.criteria.get(value)
            return self.say.label({}, value.rpartition("/")[2]) if label is None else self.say.text(label)
        if dimension == "scorecard":
            title = self.known.scorecards.get(value)
            return value if title is None else self.say.text(title)
        table = {"channel": labels.CHANNEL, "language": labels.LANGUAGE, "error_class": labels.ERROR_CLASS}
        if dimension == "topic":
            return self.say.label({}, value)
        return self.say.label(table[dimension], value) if dimension in table else value

    @property
    def criteria(self) -> dict[str, str]:
        """'scorecard/criterion' to its label."""
        return {name: self.say.text(label) for name, label in self.known.criteria.items()}

    @property
    def criteria_by_id(self) -> dict[str, str]:
        """The criterion's own id to its label; of scorecards that share an id, the last one's."""
        return {name.partition("/")[2]: label for name, label in self.criteria.items()}

    def _one(self, dimension: str, value: str) -> str:
        words = self.value(dimension, value)
        if dimension == "team":
            return self.say.gettext("Team {team}").format(team=words)
        if dimension == "site":
            return self.say.gettext("Site {site}").format(site=words)
        if dimension == "topic":
            return self.say.gettext("Topic {topic}").format(topic=words)
        if dimension == "colleague":
            return self.say.gettext("Colleague {colleague}").format(colleague=words)
        return words
