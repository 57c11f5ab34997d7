"""Business rules as data: typed decision tables, their facts, and one evaluator."""

from licensing.rules.evaluate import Allowed, Evaluation, LimitCheck, evaluate
from licensing.rules.facts import Counter, Occurrence, Past
from licensing.rules.ruleset import (
    BrokenRuleSet,
    PublishedRules,
    RuleSet,
    canonical,
    hash_of,
    parse,
)

__all__ = [
    "Allowed",
    "BrokenRuleSet",
    "Counter",
    "Evaluation",
    "LimitCheck",
    "Occurrence",
    "Past",
    "PublishedRules",
    "RuleSet",
    "canonical",
    "evaluate",
    "hash_of",
    "parse",
]
