"""Tenants, people and keys of a bootstrap. Each function says whether it changed anything."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from admin_api.api_keys import repository as api_keys
from admin_api.api_keys.models import ApiKeyRow
from admin_api.api_keys.service import change as change_key
from admin_api.api_keys.service import insert as insert_key
from admin_api.bootstrap.domain import Deed, KeyContent, MembershipContent, TenantContent, UserContent, decide
from admin_api.bootstrap.run import Run
from admin_api.configuration import records
from admin_api.memberships import repository as memberships
from admin_api.memberships.service import join
from admin_api.tenants.service import change as change_tenant
from admin_api.tenants.service import insert as insert_tenant
from admin_api.users import repository as users
from admin_api.users.service import insert as insert_user
from common.crypto.api_keys import hash_api_key
from common.events.subjects import POLICIES_BUCKET
from common.http.errors import InvalidRequestError


async def put_tenant(run: Run, wanted: TenantContent) -> bool:
    row = await run.tenant(wanted.name)
    remembered = await run.resource_id("tenant", wanted.name) is not None
    deed = decide(exists=row is not None, remembered=remembered, replace=run.replace or wanted.replace)
    changed = deed is Deed.MAKE
    if deed is Deed.MAKE:
        fields = {"models": None, **wanted.fields}
        row, _ = await insert_tenant(run.session, name=wanted.name, now=run.now, **fields)
    elif deed is Deed.REPLACE and row is not None:
        await records.hold(run.session, POLICIES_BUCKET, row.id)
        different = _different(row, {"name": wanted.name, **wanted.fields})
        # One that is deleted stays so, until somebody brings it back.
        changed = bool(different) and row.status != "deleted"
        if changed:
            try:
                await change_tenant(run.session, row, different, now=run.now)
            except IntegrityError as error:
                raise InvalidRequestError(f"tenants: there is another tenant named {wanted.name}.") from error
    if row is not None:
        await run.remember("tenant", wanted.name, row.id)
    return changed


async def put_user(run: Run, wanted: UserContent) -> bool:
    """Nobody's password is ever changed here."""
    row = await users.find_by_email(run.session, wanted.email)
    remembered = await run.resource_id("user", wanted.email) is not None
    deed = decide(exists=row is not None, remembered=remembered, replace=run.replace or wanted.replace)
    changed = deed is Deed.MAKE
    if deed is Deed.MAKE:
        password_hash = await run.passwords.hash(wanted.password)
        row = insert_user(
            run.session,
            email=wanted.email,
            name=wanted.name,
            role=wanted.role,
            password_hash=password_hash,
            now=run.now,
        )
    elif deed is Deed.REPLACE and row is not None:
        await users.hold_owners(run.session)
        different = _different(row, {"name": wanted.name, "role": wanted.role})
        for name, value in different.items():
            setattr(row, name, value)
        changed = bool(different)
        await run.session.flush()
        if changed and not await users.count_enabled_owners(run.session):
            raise InvalidRequestError(f"admin_users: {wanted.email} is the last owner who can sign in.")
    if row is not None:
        await run.remember("user", wanted.email, row.id)
    return changed


async def put_membership(run: Run, wanted: MembershipContent) -> bool:
    tenant = await run.tenant_meant(wanted.tenant, "memberships")
    user = await run.user_meant(wanted.email, "memberships")
    if tenant is None or user is None:
        return False
    name = f"{wanted.tenant}/{wanted.email}"
    await memberships.hold(run.session, tenant.id)
    row = await memberships.find(run.session, tenant.id, user.id)
    remembered = await run.resource_id("membership", name) is not None
    deed = decide(exists=row is not None, remembered=remembered, replace=run.replace or wanted.replace)
    changed = deed is not Deed.NOTHING and (row is None or row.role != wanted.role)
    if changed:
        await join(run.session, tenant, user, role=wanted.role, by=None, now=run.now)
    await run.remember("membership", name, f"{tenant.id}/{user.id}")
    return changed


async def put_key(run: Run, wanted: KeyContent) -> bool:
    key_hash = hash_api_key(run.hash_secret, wanted.secret)
    # A key that was rotated since has another secret, and is the same key.
    made = await run.resource_id("api_key", key_hash)
    row = None if made is None else await run.session.get(ApiKeyRow, made)
    row = row or await api_keys.find_by_hash(run.session, key_hash)
    deed = decide(exists=row is not None, remembered=made is not None, replace=run.replace or wanted.replace)
    changed = False
    if deed is Deed.MAKE:
        tenant = await run.tenant_meant(wanted.tenant, "api_keys")
        if tenant is not None:
            changed = True
            row, _ = await insert_key(
                run.session,
                tenant_id=tenant.id,
                name=wanted.name,
                secret=wanted.secret,
                hash_secret=run.hash_secret,
                expires_at=wanted.fields.get("expires_at"),
                now=run.now,
                policy=wanted.policy,
            )
    elif deed is Deed.REPLACE and row is not None and row.revoked_at is None:
        different = _different(row, wanted.fields)
        if different:
            changed = True
            await change_key(run.session, row, different)
    run.keys[wanted.tenant, wanted.name] = row
    if row is not None:
        await run.remember("api_key", key_hash, row.id)
    return changed


def _different(row: object, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if getattr(row, name) != value}
