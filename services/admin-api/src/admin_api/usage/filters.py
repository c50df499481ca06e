"""Which calls a question is about. What a person may see is part of it, so that no query can be asked without."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

Group = Literal["model", "tenant", "key", "user", "provider", "tag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What somebody may see: the calls of some tenants, or of some keys; `None` is no limit."""

    tenant_ids: Collection[str] | None = None
    key_ids: Collection[str] | None = None


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Within a scope, what somebody asks for; `None` is everything. `user_ids` are owners of keys."""

    scope: Scope
    tenant_ids: Collection[str] | None = None
    key_ids: Collection[str] | None = None
    aliases: Collection[str] | None = None
    providers: Collection[str] | None = None
    user_ids: Collection[str] | None = None

    @property
    def columns(self) -> frozenset[str]:
        """Of the hourly sums, those that the conditions are about."""
        scope = self.scope
        asked = {
            "tenant_id": (scope.tenant_ids, self.tenant_ids),
            "key_id": (scope.key_ids, self.key_ids, self.user_ids),
            "alias": (self.aliases,),
            "provider": (self.providers,),
        }
        return frozenset(column for column, values in asked.items() if any(each is not None for each in values))

    def conditions(self, *, of_tags: bool = False) -> tuple[str, dict[str, Any]]:
        """For a WHERE, each after an AND, over the columns that entries and hourly sums share; those by tag have no alias."""
        parts = [
            ("tenant_id = ANY(CAST(:scope_tenants AS text[]))", "scope_tenants", self.scope.tenant_ids),
            ("key_id = ANY(CAST(:scope_keys AS text[]))", "scope_keys", self.scope.key_ids),
            ("tenant_id = ANY(CAST(:tenants AS text[]))", "tenants", self.tenant_ids),
            ("key_id = ANY(CAST(:keys AS text[]))", "keys", self.key_ids),
            (
                "key_id IN (SELECT id FROM control.api_keys WHERE owner_id = ANY(CAST(:users AS text[])))",
                "users",
                self.user_ids,
            ),
        ]
        if not of_tags:
            parts += [
                ("alias = ANY(CAST(:aliases AS text[]))", "aliases", self.aliases),
                ("provider = ANY(CAST(:providers AS text[]))", "providers", self.providers),
            ]
        given = [(condition, name, values) for condition, name, values in parts if values is not None]
        return "".join(f" AND {condition}" for condition, _, _ in given), {
            name: list(values) for _, name, values in given
        }
