"""What a directory is answered: resources as RFC 7643 has them, and what this server can do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from admin_api.scim.domain import GROUP_SCHEMA, LIST_SCHEMA, MOST_PER_PAGE, USER_SCHEMA
from admin_api.scim.models import ScimGroupRow
from admin_api.scim.repository import User

_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"


def user_resource(user: User, groups: Iterable[ScimGroupRow], *, base: str) -> dict[str, Any]:
    row, person = user
    return {
        "schemas": [USER_SCHEMA],
        "id": person.id,
        **({} if row.external_id is None else {"externalId": row.external_id}),
        "userName": row.user_name,
        "name": {"formatted": person.name},
        "displayName": person.name,
        "emails": [{"value": person.email, "type": "work", "primary": True}],
        "active": person.disabled_at is None,
        "groups": [{"value": group.id, "display": group.display_name} for group in groups],
        "meta": _meta("User", f"{base}/Users/{person.id}", row.created_at.isoformat()),
    }


def group_resource(row: ScimGroupRow, members: Mapping[str, str] | None, *, base: str) -> dict[str, Any]:
    """`members` null: they were not asked for."""
    shown = None if members is None else [{"value": key, "display": name} for key, name in members.items()]
    return {
        "schemas": [GROUP_SCHEMA],
        "id": row.id,
        **({} if row.external_id is None else {"externalId": row.external_id}),
        "displayName": row.display_name,
        **({} if shown is None else {"members": shown}),
        "meta": _meta("Group", f"{base}/Groups/{row.id}", row.created_at.isoformat()),
    }


def listed(resources: Sequence[Mapping[str, Any]], *, total: int, start: int) -> dict[str, Any]:
    """`start` is one-based."""
    return {
        "schemas": [LIST_SCHEMA],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def service_provider_config(base: str) -> dict[str, Any]:
    no = {"supported": False}
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_PER_PAGE},
        "changePassword": no,
        "sort": no,
        "etag": no,
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token that an owner of the platform has made.",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def resource_types(base: str) -> list[dict[str, Any]]:
    return [
        {
            "schemas": [f"{_CORE}:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": f"/{name}s",
            "schema": schema,
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
        }
        for name, schema in (("User", USER_SCHEMA), ("Group", GROUP_SCHEMA))
    ]


def schemas(base: str) -> list[dict[str, Any]]:
    """Only what is kept here."""
    return [
        _schema(base, "User", USER_SCHEMA, ("userName", "externalId", "displayName"), ("active",), ("name", "emails")),
        _schema(base, "Group", GROUP_SCHEMA, ("displayName", "externalId"), (), ("members",)),
    ]


def _schema(
    base: str, name: str, schema: str, texts: Sequence[str], booleans: Sequence[str], others: Sequence[str]
) -> dict[str, Any]:
    kinds = [*((each, "string") for each in texts), *((each, "boolean") for each in booleans)]
    kinds += [(each, "complex") for each in others]
    attributes = [
        {
            "name": attribute,
            "type": kind,
            "multiValued": attribute in {"emails", "members"},
            "required": attribute == texts[0],
            "caseExact": False,
            "mutability": "readWrite",
            "returned": "default",
            "uniqueness": "server" if attribute == "userName" else "none",
        }
        for attribute, kind in kinds
    ]
    return {
        "schemas": [f"{_CORE}:Schema"],
        "id": schema,
        "name": name,
        "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema}"},
    }


def _meta(kind: str, location: str, created: str) -> dict[str, Any]:
    return {"resourceType": kind, "created": created, "location": location}
