"""The rules as JSON: loaded, checked, and applied to the facts of a series.

A rule names a value and the conditions under which a series has it, or translates the words of one
field. Of a list of rules the first one that holds decides; its name is reported with the value.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from os import PathLike
from typing import Any, Final, NamedTuple

from dicube.exceptions import MetaDataError
from dicube.interchange.tables.json_schema import check_schema, json_path, packaged_text, read_json
from dicube.interchange.tables.mr.facts import SeriesFacts

UNKNOWN: Final = "unknown"
_CONFIG: Final = "mr/mr_clean_config.json"
_SCHEMA: Final = "mr/mr_clean_config.schema.json"
_HINT: Final = "`dicube table --print-mr-config` prints ours to start from"

Rule = Mapping[str, Any]


class Verdict(NamedTuple):
    """A feature of a series, and the place in the JSON of the rule that decided; "" for none."""

    value: str
    rule: str = ""


NOTHING_SAID: Final = Verdict(UNKNOWN)


@dataclass(frozen=True)
class MrRules:
    """Checked rules.

    Attributes
    ----------
    document : mapping
        The JSON; docs/tables.md explains its members.
    """

    document: Mapping[str, Any]

    def decide(self, path: str, facts: SeriesFacts) -> Verdict:
        """What the list of rules at a path, such as "contrast.phase", says of a series.

        The Series Description is asked first, and the Protocol Name where it decides nothing.
        """
        rules = self.at(path)
        for column in self._names:
            verdict = _first(rules, facts.naming(column), path)
            if verdict is not None:
                return verdict
        return NOTHING_SAID

    def at(self, path: str) -> Any:
        """The member at a path of names joined by dots."""
        found: Any = self.document
        for name in path.split("."):
            found = found[name]
        return found

    @cached_property
    def _names(self) -> Sequence[str]:
        names: Sequence[str] = self.document["fields"].get("name", ("SeriesDescription",))
        return names


def mr_rules_text() -> str:
    """The JSON of our rules."""
    return packaged_text(_CONFIG)


def load_mr_rules(config: str | PathLike[str] | Mapping[str, Any] | None = None) -> MrRules:
    """Rules, checked; ours where none are given.

    Parameters
    ----------
    config : path or mapping, optional
        A JSON file or its document. It replaces ours as a whole.

    Raises
    ------
    MetaDataError
        The document is not as the schema says, a pattern is no regular expression, a threshold
        that a rule names does not exist, or two rules of one list have one name.
    """
    if config is None:
        return _own_rules()
    if isinstance(config, Mapping):
        return _checked(config, where="MR rules")
    return _checked(read_json(config), where=str(config))


@lru_cache(maxsize=1)
def _own_rules() -> MrRules:
    return _checked(json.loads(mr_rules_text()), where="MR rules")


def _checked(document: Mapping[str, Any], *, where: str) -> MrRules:
    check_schema(document, _SCHEMA, where=where, hint=_HINT)
    _check_members(document, (), _threshold_names(document), where)
    for name in document["classification"]["order"]:
        if name not in document["classification"]:
            raise MetaDataError(
                f"classification.order: there is no list {name!r}", where=where, hint=_HINT
            )
    return MrRules(document)


def _threshold_names(document: Mapping[str, Any]) -> frozenset[str]:
    """Thresholds that every field strength has."""
    thresholds = document["thresholds"]
    tables = [*thresholds["field_strength"], thresholds["unknown_field_strength"]]
    shared = set.intersection(*(set(table) for table in tables))
    return frozenset(shared | {name for name, value in thresholds.items() if _is_number(value)})


def _check_members(
    member: Any, path: tuple[str | int, ...], names: frozenset[str], where: str
) -> None:
    """What a schema cannot say: expressions, names of thresholds, names of rules."""
    if isinstance(member, Mapping):
        for key, value in member.items():
            _check_members(value, (*path, key), names, where)
        return
    if isinstance(member, list):
        _check_rule_names(member, path, where)
        for number, value in enumerate(member):
            _check_members(value, (*path, number), names, where)
        return
    problem = ""
    if path[-1] in ("min", "max") and isinstance(member, str) and member[1:] not in names:
        problem = f"{member[1:]!r} is no threshold of every field strength"
    elif {"matches", "excludes", "keywords", "ignored_in_names"} & set(path[-2:]):
        problem = _expression_problem(member)
    if problem:
        raise MetaDataError(f"{json_path(path)}: {problem}", where=where, hint=_HINT)


def _check_rule_names(rules: Sequence[Any], path: tuple[str | int, ...], where: str) -> None:
    names = [rule["name"] for rule in rules if isinstance(rule, Mapping) and "name" in rule]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise MetaDataError(
            f"{json_path(path)}: two rules are called {min(twice)!r}", where=where, hint=_HINT
        )


def _expression_problem(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} is no regular expression: {error}"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ---- applying -----------------------------------------------------------------------------------


def _first(rules: Sequence[Rule], facts: SeriesFacts, path: str) -> Verdict | None:
    for rule in rules:
        if all(_holds(facts, name, test) for name, test in rule.get("where", {}).items()):
            value = _translated(rule, facts) if "field" in rule else rule["value"]
            if value is not None:
                return Verdict(value, f"{path}[{rule['name']}]")
    return None


def _translated(rule: Rule, facts: SeriesFacts) -> str | None:
    """The value that the words of a field stand for; None where none is known."""
    meanings = []
    for words in facts.word_sets(rule["field"]):
        found = [meaning for word, meaning in rule["values"].items() if word in words]
        meanings.append(found[0] if found else rule.get("otherwise", ""))
    known = set(meanings) - {""}
    if not any(meaning in rule["values"].values() for meaning in known):
        return None
    return known.pop() if len(known) == 1 else str(rule.get("several", UNKNOWN))


def _holds(facts: SeriesFacts, name: str, tests: Mapping[str, Any]) -> bool:
    return all(_TESTS[test](facts, name, wanted) for test, wanted in tests.items())


def _limit(facts: SeriesFacts, wanted: float | str) -> float:
    return facts.limits[wanted[1:]] if isinstance(wanted, str) else wanted


def _has_numbers(facts: SeriesFacts, name: str, least: float, most: float) -> bool:
    numbers = facts.numbers(name)
    return bool(numbers) and all(least <= number <= most for number in numbers)


def _is_present(facts: SeriesFacts, name: str) -> bool:
    """Whether a field says something; a number of 0 says that there is no such thing."""
    numbers = facts.numbers(name)
    return bool(numbers) or any(isinstance(v, str) and not _is_zero(v) for v in facts.values(name))


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return not text.strip()


def _matches(facts: SeriesFacts, name: str, patterns: Sequence[str]) -> bool:
    text = facts.text(name)
    return bool(text) and any(re.search(pattern, text) for pattern in patterns)


_INFINITE: Final = float("inf")
_TESTS: Final[Mapping[str, Callable[[SeriesFacts, str, Any], bool]]] = {
    "all": lambda facts, name, wanted: facts.words(name) >= set(wanted),
    "any": lambda facts, name, wanted: bool(facts.words(name) & set(wanted)),
    "none": lambda facts, name, wanted: not facts.words(name) & set(wanted),
    "min": lambda facts, name, wanted: _has_numbers(facts, name, _limit(facts, wanted), _INFINITE),
    "max": lambda facts, name, wanted: _has_numbers(facts, name, -_INFINITE, _limit(facts, wanted)),
    "distinct_min": lambda facts, name, wanted: len(facts.numbers(name)) >= wanted,
    "distinct_max": lambda facts, name, wanted: len(facts.numbers(name)) <= wanted,
    "matches": _matches,
    "excludes": lambda facts, name, wanted: not _matches(facts, name, wanted),
    "present": lambda facts, name, wanted: _is_present(facts, name) == wanted,
}
