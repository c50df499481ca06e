import { Mail } from "lucide-react";

import type { Invitation } from "@/api/types";
import { Button } from "@/ui/Button";
import { CalendarDate } from "@/ui/Figures";
import { EmptyState } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

interface InvitationTableProps {
  invitations: readonly Invitation[];
  mayWrite: boolean;
  busy: boolean;
  onWithdraw: (id: string) => void;
}

export function InvitationTable({ invitations, mayWrite, busy, onWithdraw }: InvitationTableProps) {
  if (invitations.length === 0) {
    return (
      <EmptyState icon={<Mail />} title="No open invitations">
        An invitation is a link that works once, for a week.
      </EmptyState>
    );
  }
  return (
    <Table label="Invitations">
      <thead>
        <tr>
          <th>E-mail</th>
          <th>Role</th>
          <th>Until</th>
          <th>
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {invitations.map((invitation) => (
          <tr key={invitation.id}>
            <td className={tableStyles["strong"]}>{invitation.email}</td>
            <td>{invitation.role}</td>
            <td className={tableStyles["muted"]}>
              <CalendarDate iso={invitation.expires_at} />
            </td>
            <td className={tableStyles["actions"]}>
              {mayWrite && (
                <Button
                  size="sm"
                  variant="ghost"
                  aria-label={`Withdraw the invitation of ${invitation.email}`}
                  disabled={busy}
                  onClick={() => onWithdraw(invitation.id)}
                >
                  Withdraw
                </Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
