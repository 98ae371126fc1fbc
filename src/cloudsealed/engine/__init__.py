"""The policy language: CEL, compiled to Python functions, with the functions that audits need.

`compile_rule` makes a policy's check, `compile_expression` any other expression; both refuse a
wrong text with its line and column. Pure: refuses input, output, the real clock, other packages.
"""

from cloudsealed.engine.errors import BudgetExceeded, EvaluationError, ExpressionError
from cloudsealed.engine.functions import FUNCTIONS
from cloudsealed.engine.gaps import PartialList, Unknown
from cloudsealed.engine.language.evidence import Evidence
from cloudsealed.engine.language.explanation import Explanation, Step, explain
from cloudsealed.engine.language.reads import DocumentType, Fields, Path
from cloudsealed.engine.language.rule import (
    Expression,
    Judgement,
    Outcome,
    Rule,
    Saving,
    compile_expression,
    compile_rule,
)
from cloudsealed.engine.language.template import Template
from cloudsealed.engine.signature import Function

__all__ = [
    "FUNCTIONS",
    "BudgetExceeded",
    "DocumentType",
    "EvaluationError",
    "Evidence",
    "Explanation",
    "Expression",
    "ExpressionError",
    "Fields",
    "Function",
    "Judgement",
    "Outcome",
    "PartialList",
    "Path",
    "Rule",
    "Saving",
    "Step",
    "Template",
    "Unknown",
    "compile_expression",
    "compile_rule",
    "explain",
]
