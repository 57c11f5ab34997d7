"""Business rules as data: typed decision tables, their facts, and one evaluator."""

from licensing.rules.cases import CaseResult
from licensing.rules.cases import run as run_cases
from licensing.rules.compiled import Compiled, Outcome, PublishedRules
from licensing.rules.evaluate import Allowed, Evaluation, LimitCheck, decide, evaluate
from licensing.rules.facts import COUNTED, Count, Counter, Occurrence, Past
from licensing.rules.nearest import Part, Turn, nearest
from licensing.rules.parsing import faults, parse
from licensing.rules.rollout import ROOT as ROLLOUT
from licensing.rules.rollout import Rollout, is_rollout, share
from licensing.rules.ruleset import (
    BrokenRuleSet,
    Purpose,
    RuleSet,
    canonical,
    hash_of,
)
from licensing.rules.verification import Finding, examine, verify, verify_row

__all__ = [
    "COUNTED",
    "ROLLOUT",
    "Allowed",
    "BrokenRuleSet",
    "CaseResult",
    "Compiled",
    "Count",
    "Counter",
    "Evaluation",
    "Finding",
    "LimitCheck",
    "Occurrence",
    "Outcome",
    "Part",
    "Past",
    "PublishedRules",
    "Purpose",
    "Rollout",
    "RuleSet",
    "Turn",
    "canonical",
    "decide",
    "evaluate",
    "examine",
    "faults",
    "hash_of",
    "is_rollout",
    "nearest",
    "parse",
    "run_cases",
    "share",
    "verify",
    "verify_row",
]
