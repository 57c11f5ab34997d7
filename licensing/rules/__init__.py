"""Business rules as data: typed decision tables, their facts, and one evaluator."""

from licensing.rules.cases import CaseResult
from licensing.rules.cases import run as run_cases
from licensing.rules.compiled import Compiled, PublishedRules
from licensing.rules.evaluate import Allowed, Evaluation, LimitCheck, decide, evaluate
from licensing.rules.facts import Counter, Occurrence, Past
from licensing.rules.nearest import Part, Turn, nearest
from licensing.rules.parsing import faults, parse
from licensing.rules.ruleset import (
    BrokenRuleSet,
    RuleSet,
    canonical,
    hash_of,
)
from licensing.rules.verification import Finding, examine, verify, verify_row

__all__ = [
    "Allowed",
    "BrokenRuleSet",
    "CaseResult",
    "Compiled",
    "Counter",
    "Evaluation",
    "Finding",
    "LimitCheck",
    "Occurrence",
    "Part",
    "Past",
    "PublishedRules",
    "RuleSet",
    "Turn",
    "canonical",
    "decide",
    "evaluate",
    "examine",
    "faults",
    "hash_of",
    "nearest",
    "parse",
    "run_cases",
    "verify",
    "verify_row",
]
