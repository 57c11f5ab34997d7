"""Business rules as data: typed decision tables, their facts, and one evaluator."""

from licensing.rules.evaluate import Evaluation, evaluate
from licensing.rules.facts import Occurrence
from licensing.rules.ruleset import (
    BrokenRuleSet,
    PublishedRules,
    RuleSet,
    canonical,
    hash_of,
    parse,
)

__all__ = [
    "BrokenRuleSet",
    "Evaluation",
    "Occurrence",
    "PublishedRules",
    "RuleSet",
    "canonical",
    "evaluate",
    "hash_of",
    "parse",
]
