"""A rule set as a JSON Decision Model, for tools that read that; our own JSON loses nothing."""

import json
from typing import Any

from licensing.rules.ruleset import RuleSet
from licensing.rules.tables import Cell, Row, Scalar, Table


def exported(ruleset: RuleSet) -> dict[str, Any]:
    """The tables as decision-table nodes between an input and an output.

    Validity dates, counters and limits have no place in that form and are left out; disabled rows
    too. Lists are written out.
    """
    nodes: list[dict[str, Any]] = [_node("request", "inputNode"), _node("response", "outputNode")]
    edges: list[dict[str, Any]] = []
    for table in ruleset.tables:
        nodes.append(_table(ruleset, table))
        edges += [_edge("request", table.id), _edge(table.id, "response")]
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}


def _node(name: str, kind: str) -> dict[str, Any]:
    return {"id": name, "name": name, "type": kind, "position": {"x": 0, "y": 0}}


def _edge(source: str, target: str) -> dict[str, Any]:
    name = f"{source}-{target}"
    return {"id": name, "type": "edge", "sourceId": source, "targetId": target}


def _table(ruleset: RuleSet, table: Table) -> dict[str, Any]:
    inputs = [
        {"id": f"in-{name}", "name": ruleset.facts[name].label, "field": name}
        for name in table.inputs
        if name in ruleset.facts
    ]
    outputs = [{"id": f"out-{name}", "name": name, "field": name} for name in table.outputs]
    rows = [_row(ruleset, table, row) for row in table.enabled]
    hit = "first" if table.hit == "unique" else "collect"
    content = {"hitPolicy": hit, "inputs": inputs, "outputs": outputs, "rules": rows}
    return {**_node(table.id, "decisionTableNode"), "name": table.title, "content": content}


def _row(ruleset: RuleSet, table: Table, row: Row) -> dict[str, str]:
    told = {"_id": row.id, "_description": row.label}
    for name in table.inputs:
        cell = row.when.get(name)
        told[f"in-{name}"] = "" if cell is None else _cell(ruleset, cell)
    for name in table.outputs:
        told[f"out-{name}"] = _value(row.then[name]) if name in row.then else ""
    return told


def _cell(ruleset: RuleSet, cell: Cell) -> str:
    """A condition on `$`, the value of the column's field."""
    parts = []
    if cell.is_null is not None:
        parts.append("$ == null" if cell.is_null else "$ != null")
    if cell.in_ is not None:
        parts.append(f"$ in [{_values(cell.in_)}]")
    if cell.list is not None:
        parts.append(f"$ in [{_values(ruleset.lists.get(cell.list, ()))}]")
    if cell.not_in is not None:
        parts.append(f"$ != null and not($ in [{_values(cell.not_in)}])")
    for sign, bound in ((">=", cell.ge), (">", cell.gt), ("<=", cell.le), ("<", cell.lt)):
        if bound is not None:
            parts.append(f"$ {sign} {bound}")
    return " and ".join(parts)


def _values(values: tuple[Scalar, ...]) -> str:
    return ", ".join(map(_value, values))


def _value(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False)
