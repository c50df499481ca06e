import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { useState } from "react";

import type { InvitationMade, PlatformRole, User } from "@/api/types";
import { InvitationTable } from "@/features/invitations/components/InvitationTable";
import { InviteForm } from "@/features/invitations/components/InviteForm";
import { LinkDialog } from "@/features/invitations/components/LinkDialog";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission, useSession } from "@/features/session/queries";
import { Badge } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Select } from "@/ui/Field";
import { RelativeTime } from "@/ui/Figures";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

import { DirectoryGroups } from "../components/DirectoryGroups";
import { DirectoryTokens } from "../components/DirectoryTokens";
import {
  peopleQuery,
  platformInvitationsQuery,
  useInvitePerson,
  usePasswordLink,
  useUpdatePerson,
  useWithdrawInvitation,
} from "../queries";

const ROLES = [
  { value: "", label: "None" },
  { value: "auditor", label: "Auditor" },
  { value: "admin", label: "Admin" },
  { value: "owner", label: "Owner" },
] as const;

function roleOf(value: string): PlatformRole | null {
  return value === "" ? null : (value as PlatformRole);
}

export function PeoplePage() {
  return (
    <Allowed permission="users:read">
      <Page title="People" description="Everybody who can sign in, and what they may do on the platform.">
        <People />
        <Invitations />
        <DirectoryTokens />
        <DirectoryGroups />
      </Page>
    </Allowed>
  );
}

function People() {
  const people = useInfiniteQuery(peopleQuery);
  const update = useUpdatePerson();
  const link = usePasswordLink();
  const [made, setMade] = useState<InvitationMade>();
  const rows = people.data?.pages.flatMap((page) => page.data);
  return (
    <>
      <Card title="Accounts" flush>
        {update.isError && <FormError>{update.error.message}</FormError>}
        {link.isError && <FormError>{link.error.message}</FormError>}
        {rows === undefined ? (
          people.isError ? (
            <ErrorState error={people.error} onRetry={() => void people.refetch()} />
          ) : (
            <SkeletonRows label="Loading people" />
          )
        ) : rows.length === 0 ? (
          <EmptyState icon={<Users />} title="Nobody yet">
            Invite somebody: they get a link with which they join.
          </EmptyState>
        ) : (
          <PeopleTable
            people={rows}
            busy={update.isPending || link.isPending}
            onChange={(change) => update.mutate(change)}
            onLink={(person) => link.mutate(person.id, { onSuccess: setMade })}
          />
        )}
      </Card>
      <LoadMore
        hasMore={people.hasNextPage}
        busy={people.isFetchingNextPage}
        error={people.isFetchNextPageError ? people.error : null}
        onLoad={() => void people.fetchNextPage()}
      />
      {made && <LinkDialog made={made} onClose={() => setMade(undefined)} />}
    </>
  );
}

interface PeopleTableProps {
  people: readonly User[];
  busy: boolean;
  onChange: (change: { id: string; role?: PlatformRole | null; disabled?: boolean }) => void;
  onLink: (person: User) => void;
}

function PeopleTable({ people, busy, onChange, onLink }: PeopleTableProps) {
  const mayWrite = usePermission("users:write");
  const me = useSession().user.id;
  return (
    <Table label="People">
      <thead>
        <tr>
          <th>Name</th>
          <th>E-mail</th>
          <th>Platform role</th>
          <th>Last sign-in</th>
          <th>
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {people.map((person) => (
          <tr key={person.id}>
            <td className={tableStyles["strong"]} title={person.id}>
              {person.name} {person.disabled && <Badge tone="warning">Disabled</Badge>}
            </td>
            <td>{person.email}</td>
            <td>
              {mayWrite ? (
                <Select
                  compact
                  aria-label={`Platform role of ${person.name}`}
                  value={person.role ?? ""}
                  disabled={busy}
                  onChange={(event) => onChange({ id: person.id, role: roleOf(event.target.value) })}
                >
                  {ROLES.map(({ value, label }) => (
                    <option key={value} value={value}>
                      {label}
                    </option>
                  ))}
                </Select>
              ) : (
                (person.role ?? "None")
              )}
            </td>
            <td className={tableStyles["muted"]}>
              {person.last_login_at ? <RelativeTime iso={person.last_login_at} /> : "Never"}
            </td>
            <td className={tableStyles["actions"]}>
              {mayWrite && (
                <>
                  <Button size="sm" variant="ghost" disabled={busy} onClick={() => onLink(person)}>
                    Password link
                  </Button>
                  {person.id !== me && (
                    <Button
                      size="sm"
                      variant="ghost"
                      disabled={busy}
                      aria-label={`${person.disabled ? "Enable" : "Disable"} ${person.name}`}
                      onClick={() => onChange({ id: person.id, disabled: !person.disabled })}
                    >
                      {person.disabled ? "Enable" : "Disable"}
                    </Button>
                  )}
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function Invitations() {
  const invitations = useQuery(platformInvitationsQuery);
  const invite = useInvitePerson();
  const withdraw = useWithdrawInvitation();
  const mayWrite = usePermission("users:write");
  return (
    <Card title="Invitations" flush>
      {mayWrite && (
        <InviteForm
          roles={ROLES}
          initialRole="auditor"
          invite={({ email, role }) => invite.mutateAsync({ email, role: roleOf(role) })}
          busy={invite.isPending}
          error={invite.error}
        />
      )}
      {withdraw.isError && <FormError>{withdraw.error.message}</FormError>}
      {invitations.data === undefined ? (
        invitations.isError ? (
          <ErrorState error={invitations.error} onRetry={() => void invitations.refetch()} />
        ) : (
          <SkeletonRows rows={2} label="Loading invitations" />
        )
      ) : (
        <InvitationTable
          invitations={invitations.data}
          mayWrite={mayWrite}
          busy={withdraw.isPending}
          onWithdraw={(id) => withdraw.mutate(id)}
        />
      )}
    </Card>
  );
}
