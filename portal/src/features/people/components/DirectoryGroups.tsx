import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useState } from "react";

import type { ScimGroup } from "@/api/types";
import { usePermission } from "@/features/session/queries";
import { allTenantsQuery } from "@/features/tenants/queries";
import { Button, IconButton } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Dialog } from "@/ui/Dialog";
import { Field, Select } from "@/ui/Field";
import { FormError } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { directoryGroupsQuery, useSetGroupRoles } from "../directory-queries";
import styles from "./Directory.module.css";

type TenantRole = ScimGroup["tenants"][number]["role"];

/** The groups that the directory has told of, and the roles that their members have by them. */
export function DirectoryGroups() {
  const groups = useQuery(directoryGroupsQuery);
  const mayWrite = usePermission("users:write");
  const [editing, setEditing] = useState<ScimGroup>();
  const nameOf = useTenantNames();
  if (groups.data === undefined || groups.data.length === 0) return null;
  return (
    <Card title="Groups of the directory" flush>
      <Table label="Groups">
        <thead>
          <tr>
            <th>Group</th>
            <th>Platform role</th>
            <th>Roles in tenants</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.data.map((group) => (
            <tr key={group.id}>
              <td className={tableStyles["strong"]}>{group.display_name}</td>
              <td>{group.platform_role ?? "None"}</td>
              <td>{group.tenants.map(({ tenant_id: id, role }) => `${role} of ${nameOf(id)}`).join(", ") || "None"}</td>
              <td className={tableStyles["actions"]}>
                {mayWrite && (
                  <Button
                    size="sm"
                    variant="ghost"
                    aria-label={`Edit the roles of ${group.display_name}`}
                    onClick={() => setEditing(group)}
                  >
                    Edit
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {editing && <RolesDialog group={editing} onClose={() => setEditing(undefined)} />}
    </Card>
  );
}

function useTenantNames(): (id: string) => string {
  const mayRead = usePermission("tenants:read");
  const tenants = useQuery({ ...allTenantsQuery, enabled: mayRead });
  return (id) => tenants.data?.find((tenant) => tenant.id === id)?.name ?? id;
}

function RolesDialog({ group, onClose }: { group: ScimGroup; onClose: () => void }) {
  const save = useSetGroupRoles(group.id);
  const tenants = useQuery(allTenantsQuery);
  const notify = useToast();
  const [platformRole, setPlatformRole] = useState(group.platform_role);
  const [roles, setRoles] = useState(group.tenants);
  const free = (tenants.data ?? []).filter(({ id }) => !roles.some((role) => role.tenant_id === id));
  const submit = () =>
    save.mutate(
      { platform_role: platformRole, tenants: roles },
      {
        onSuccess: () => {
          notify("Roles are in force for all its members");
          onClose();
        },
      },
    );
  const nameOf = useTenantNames();
  return (
    <Dialog
      title={`Roles of ${group.display_name}`}
      description="Whoever is in this group has them, and loses them with it."
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            Save roles
          </Button>
        </>
      }
    >
      {save.isError && <FormError>{save.error.message}</FormError>}
      <Field label="Platform role">
        <Select
          value={platformRole ?? ""}
          onChange={(event) =>
            setPlatformRole(event.target.value === "" ? null : (event.target.value as "admin" | "auditor"))
          }
        >
          <option value="">None</option>
          <option value="auditor">Auditor</option>
          <option value="admin">Admin</option>
        </Select>
      </Field>
      {roles.map((role) => (
        <div key={role.tenant_id} className={styles["role"]}>
          <Field label={`In ${nameOf(role.tenant_id)}`}>
            <Select
              value={role.role}
              onChange={(event) =>
                setRoles(
                  roles.map((each) => (each === role ? { ...role, role: event.target.value as TenantRole } : each)),
                )
              }
            >
              <option value="viewer">Viewer</option>
              <option value="member">Member</option>
              <option value="admin">Admin</option>
            </Select>
          </Field>
          <IconButton
            label={`No role in ${nameOf(role.tenant_id)}`}
            icon={<X aria-hidden />}
            onClick={() => setRoles(roles.filter((each) => each !== role))}
          />
        </div>
      ))}
      {free.length > 0 && (
        <Field label="Add a tenant">
          <Select
            value=""
            onChange={(event) => setRoles([...roles, { tenant_id: event.target.value, role: "member" }])}
          >
            <option value="">Choose one</option>
            {free.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        </Field>
      )}
    </Dialog>
  );
}
