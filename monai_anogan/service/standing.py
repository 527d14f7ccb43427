"""Standing: how a node stands, from its database: counts, and what was set aside and why."""

from __future__ import annotations

from typing import Any

from monai_anogan.service.database import Database
from monai_anogan.service.ledger import STATES

__all__ = ["standing", "standing_in_words"]

MOST = 100  # entries of a list


def standing(database: Database) -> dict[str, Any]:
    """Numbers of series and deliveries by state, and what was set aside; no patient data."""
    series = dict.fromkeys(STATES, 0)
    series |= {
        r[0]: r[1] for r in database.rows("SELECT state, COUNT(*) FROM series GROUP BY state")
    }
    deliveries: dict[str, dict[str, int]] = {}
    for name, state, count in database.rows(
        "SELECT destination, state, COUNT(*) FROM delivery GROUP BY destination, state"
    ):
        deliveries.setdefault(name, {})[state] = count
    aside = database.rows(
        "SELECT id, '' AS destination, reason FROM series WHERE state = 'set aside' UNION ALL "
        "SELECT series, destination, reason FROM delivery WHERE state = 'set aside' "
        "ORDER BY 1 DESC LIMIT ?",
        MOST,
    )
    return {
        "series": series,
        "deliveries": deliveries,
        "set_aside": [
            {"series": row[0], **({"destination": row[1]} if row[1] else {}), "reason": row[2]}
            for row in aside
        ],
    }


def standing_in_words(told: dict[str, Any]) -> list[str]:
    """The same as lines for a terminal."""
    lines = ["series: " + ", ".join(f"{count} {state}" for state, count in told["series"].items())]
    for name, states in told["deliveries"].items():
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        lines.append(f"results to {name}: {counts}")
    for one in told["set_aside"]:
        to = f" to {one['destination']}" if "destination" in one else ""
        lines.append(f"set aside: series {one['series']}{to}: {one['reason']}")
    return lines
