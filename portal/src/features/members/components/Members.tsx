import { useQuery } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { useState } from "react";

import type { Member, TenantRole } from "@/api/types";
import { InvitationTable } from "@/features/invitations/components/InvitationTable";
import { InviteForm } from "@/features/invitations/components/InviteForm";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { Select } from "@/ui/Field";
import { RelativeTime } from "@/ui/Figures";
import { EmptyState, ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

import {
  type Door,
  invitationsQuery,
  membersQuery,
  useInvite,
  useRemoveMember,
  useSetRole,
  useWithdraw,
} from "../queries";

const ROLES: readonly TenantRole[] = ["viewer", "member", "admin", "owner"];

interface MembersProps {
  door: Door;
  tenantId: string;
  mayWrite: boolean;
}

/** The people of a tenant and those who are invited. What is above the person's own role the API refuses, in words. */
export function Members({ door, tenantId, mayWrite }: MembersProps) {
  return (
    <>
      <Card title="Members" flush>
        <MemberTable door={door} tenantId={tenantId} mayWrite={mayWrite} />
      </Card>
      <Card title="Invitations" flush>
        {mayWrite && <Invite door={door} tenantId={tenantId} />}
        <Invitations door={door} tenantId={tenantId} mayWrite={mayWrite} />
      </Card>
    </>
  );
}

function MemberTable({ door, tenantId, mayWrite }: MembersProps) {
  const members = useQuery(membersQuery(door, tenantId));
  const setRole = useSetRole(door, tenantId);
  const [removing, setRemoving] = useState<Member>();
  if (members.data === undefined) {
    return members.isError ? (
      <ErrorState error={members.error} onRetry={() => void members.refetch()} />
    ) : (
      <SkeletonRows rows={3} label="Loading members" />
    );
  }
  if (members.data.length === 0) {
    return (
      <EmptyState icon={<Users />} title="Nobody belongs to this tenant yet">
        Invite somebody: they get a link with which they join.
      </EmptyState>
    );
  }
  return (
    <>
      {setRole.isError && <FormError>{setRole.error.message}</FormError>}
      <Table label="Members">
        <thead>
          <tr>
            <th>Name</th>
            <th>E-mail</th>
            <th>Role</th>
            <th>Joined</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {members.data.map((member) => (
            <tr key={member.user_id}>
              <td className={tableStyles["strong"]}>
                {member.name}
                {member.disabled && " (disabled)"}
              </td>
              <td>{member.email}</td>
              <td>
                {mayWrite ? (
                  <Select
                    compact
                    aria-label={`Role of ${member.name}`}
                    value={member.role}
                    disabled={setRole.isPending}
                    onChange={(event) =>
                      setRole.mutate({ userId: member.user_id, role: event.target.value as TenantRole })
                    }
                  >
                    {ROLES.map((role) => (
                      <option key={role} value={role}>
                        {role}
                      </option>
                    ))}
                  </Select>
                ) : (
                  member.role
                )}
              </td>
              <td className={tableStyles["muted"]}>
                <RelativeTime iso={member.joined_at} />
              </td>
              <td className={tableStyles["actions"]}>
                {mayWrite && (
                  <Button
                    size="sm"
                    variant="ghost"
                    aria-label={`Remove ${member.name}`}
                    onClick={() => setRemoving(member)}
                  >
                    Remove
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {removing && (
        <RemoveDialog door={door} tenantId={tenantId} member={removing} onClose={() => setRemoving(undefined)} />
      )}
    </>
  );
}

interface RemoveDialogProps {
  door: Door;
  tenantId: string;
  member: Member;
  onClose: () => void;
}

function RemoveDialog({ door, tenantId, member, onClose }: RemoveDialogProps) {
  const remove = useRemoveMember(door, tenantId);
  return (
    <ConfirmDialog
      title={`Remove ${member.name}?`}
      action="Remove member"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(member.user_id, { onSuccess: onClose })}
      onClose={onClose}
    >
      Their personal keys to this tenant are revoked at once. They can be invited again.
    </ConfirmDialog>
  );
}

function Invite({ door, tenantId }: { door: Door; tenantId: string }) {
  const invite = useInvite(door, tenantId);
  return (
    <InviteForm
      roles={ROLES.map((role) => ({ value: role, label: role }))}
      initialRole="member"
      invite={({ email, role }) => invite.mutateAsync({ email, role: role as TenantRole })}
      busy={invite.isPending}
      error={invite.error}
    />
  );
}

function Invitations({ door, tenantId, mayWrite }: MembersProps) {
  const invitations = useQuery(invitationsQuery(door, tenantId));
  const withdraw = useWithdraw(door, tenantId);
  if (invitations.data === undefined) {
    return invitations.isError ? (
      <ErrorState error={invitations.error} onRetry={() => void invitations.refetch()} />
    ) : (
      <SkeletonRows rows={2} label="Loading invitations" />
    );
  }
  return (
    <>
      {withdraw.isError && <FormError>{withdraw.error.message}</FormError>}
      <InvitationTable
        invitations={invitations.data}
        mayWrite={mayWrite}
        busy={withdraw.isPending}
        onWithdraw={(id) => withdraw.mutate(id)}
      />
    </>
  );
}
