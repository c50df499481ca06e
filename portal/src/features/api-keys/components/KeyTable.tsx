import { Link } from "@tanstack/react-router";

import type { ApiKey } from "@/api/types";
import { usePermission } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { CalendarDate, RelativeTime } from "@/ui/Figures";
import { Table, tableStyles } from "@/ui/Table";

import { KeyStatus } from "./KeyStatus";

interface KeyTableProps {
  keys: readonly ApiKey[];
  onEdit: (key: ApiKey) => void;
  onRevoke: (key: ApiKey) => void;
}

export function KeyTable({ keys, onEdit, onRevoke }: KeyTableProps) {
  const mayWrite = usePermission("api_keys:write");
  const mayReadUsage = usePermission("usage:read");
  return (
    <Table label="API keys">
      <thead>
        <tr>
          <th>Name</th>
          <th>Key</th>
          <th>Tenant</th>
          <th>Status</th>
          <th>Created</th>
          <th>Expires</th>
          <th>
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key.id} data-key={key.id}>
            <td className={tableStyles["strong"]} title={key.id}>
              {key.name}
            </td>
            <td className={`${tableStyles["mono"]} ${tableStyles["muted"]}`}>{key.hint}</td>
            <td>{key.tenant_name}</td>
            <td>
              <KeyStatus status={key.status} />
            </td>
            <td className={tableStyles["muted"]}>
              <RelativeTime iso={key.created_at} />
            </td>
            <td className={tableStyles["muted"]}>{key.expires_at ? <CalendarDate iso={key.expires_at} /> : "Never"}</td>
            <td className={tableStyles["actions"]}>
              {mayReadUsage && (
                <Link to="/calls" search={{ key: key.id }}>
                  Calls
                </Link>
              )}
              {mayWrite && key.status !== "revoked" && (
                <>
                  <Button size="sm" variant="ghost" onClick={() => onEdit(key)} aria-label={`Edit ${key.name}`}>
                    Edit
                  </Button>
                  <Button size="sm" variant="ghost" onClick={() => onRevoke(key)} aria-label={`Revoke ${key.name}`}>
                    Revoke
                  </Button>
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
