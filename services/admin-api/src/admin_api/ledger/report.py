"""How `ledger rerate` is printed."""

import json
from collections.abc import Sequence

from admin_api.ledger.rerate import Rerated
from common.money import format_usd

_HEAD = ("tenant", "model", "calls", "charged", "again", "difference", "different calls", "calls without prices")


def table(found: Sequence[Rerated]) -> str:
    """Amounts in USD, exact. Ends with a line of totals."""
    rows = [
        _HEAD,
        *(
            (
                each.tenant_id,
                each.alias,
                str(each.calls),
                format_usd(each.charged),
                format_usd(each.again),
                _signed(each.difference),
                str(each.different),
                str(each.unknown),
            )
            for each in found
        ),
        (
            "total",
            "",
            str(sum(each.calls for each in found)),
            format_usd(sum(each.charged for each in found)),
            format_usd(sum(each.again for each in found)),
            _signed(sum(each.difference for each in found)),
            str(sum(each.different for each in found)),
            str(sum(each.unknown for each in found)),
        ),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_json(found: Sequence[Rerated]) -> str:
    """Amounts in nano-USD, as texts."""
    return json.dumps(
        [
            {
                "tenant_id": each.tenant_id,
                "alias": each.alias,
                "calls": each.calls,
                "charged_nano_usd": str(each.charged),
                "again_nano_usd": str(each.again),
                "difference_nano_usd": str(each.difference),
                "different_calls": each.different,
                "calls_without_prices": each.unknown,
            }
            for each in found
        ],
        indent=2,
    )


def _signed(nano: int) -> str:
    return f"+{format_usd(nano)}" if nano > 0 else format_usd(nano)
