"""The tables of the configuration: records by key, changed one at a time or all at once."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from common.events.control import BudgetScope

Record = TypeVar("Record")


class Table(dict[str, Record]):
    """A dictionary, so that looking a record up costs nothing more; changed by these methods only."""

    def put(self, key: str, record: Record) -> None:
        self[key] = record

    def drop(self, key: str) -> None:
        self.pop(key, None)

    def replace(self, records: Mapping[str, Record]) -> None:
        self.clear()
        self.update(records)


class Budget(msgspec.Struct, frozen=True):
    """Amounts in nano-USD. Calls are warned once more than `warn_above` of `amount` is spent."""

    id: str
    name: str
    scope: BudgetScope
    subject: str
    amount: int
    warn_above: int
    hard: bool
    schedule: str
    timezone: str
    starts_at: datetime


class BudgetTable(Table[Budget]):
    """By id, and found by what they are for. `version` is another one after each change."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 0
        self._of: dict[tuple[BudgetScope, str], tuple[Budget, ...]] = {}

    def of(self, scope: BudgetScope, subject: str) -> tuple[Budget, ...]:
        return self._of.get((scope, subject), ())

    def put(self, key: str, record: Budget) -> None:
        self.drop(key)
        super().put(key, record)
        self.version += 1
        place = (record.scope, record.subject)
        self._of[place] = (*self._of.get(place, ()), record)

    def drop(self, key: str) -> None:
        record = self.get(key)
        if record is not None:
            super().drop(key)
            self.version += 1
            place = (record.scope, record.subject)
            self._of[place] = tuple(each for each in self._of[place] if each is not record)
            if not self._of[place]:
                del self._of[place]

    def replace(self, records: Mapping[str, Budget]) -> None:
        self.clear()
        self._of.clear()
        self.version += 1
        for key, record in records.items():
            self.put(key, record)
