import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { usePermission } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { CodeBlock } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { Field, TextInput } from "@/ui/Field";
import { RelativeTime } from "@/ui/Figures";
import { ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

import { directoryTokensQuery, useCreateDirectoryToken, useRevokeDirectoryToken } from "../directory-queries";
import styles from "./Directory.module.css";

/** What the company's directory signs in with when it tells of people and groups. */
export function DirectoryTokens() {
  const tokens = useQuery(directoryTokensQuery);
  const create = useCreateDirectoryToken();
  const revoke = useRevokeDirectoryToken();
  const mayWrite = usePermission("users:write");
  const [name, setName] = useState("");
  const [token, setToken] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    create.mutate(name.trim(), {
      onSuccess: (made) => {
        setName("");
        setToken(made.token);
      },
    });
  };
  return (
    <Card title="Directory (SCIM)" flush>
      {mayWrite && (
        <form className={styles["add"]} onSubmit={submit} noValidate>
          <Field label="Name of the directory" hint="Its address here is /scim/v2.">
            <TextInput value={name} maxLength={100} onChange={(event) => setName(event.target.value)} />
          </Field>
          <Button type="submit" busy={create.isPending} disabled={name.trim() === ""}>
            Create token
          </Button>
        </form>
      )}
      {create.isError && <FormError>{create.error.message}</FormError>}
      {revoke.isError && <FormError>{revoke.error.message}</FormError>}
      {tokens.isError && <ErrorState error={tokens.error} onRetry={() => void tokens.refetch()} />}
      {tokens.isPending && <SkeletonRows rows={2} label="Loading the directory's tokens" />}
      {tokens.data && tokens.data.length > 0 && (
        <Table label="Tokens of the directory">
          <thead>
            <tr>
              <th>Name</th>
              <th>Token</th>
              <th>Last used</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tokens.data.map((each) => (
              <tr key={each.id}>
                <td className={tableStyles["strong"]}>{each.name}</td>
                <td className={`${tableStyles["mono"]} ${tableStyles["muted"]}`}>{each.hint}</td>
                <td className={tableStyles["muted"]}>
                  {each.last_used_at ? <RelativeTime iso={each.last_used_at} /> : "Never"}
                </td>
                <td className={tableStyles["actions"]}>
                  {mayWrite && (
                    <Button
                      size="sm"
                      variant="ghost"
                      aria-label={`Revoke ${each.name}`}
                      disabled={revoke.isPending}
                      onClick={() => revoke.mutate(each.id)}
                    >
                      Revoke
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {token !== undefined && (
        <Dialog
          sticky
          title="The directory’s token"
          description="Give it to the directory as the bearer token. It is not shown again."
          onClose={() => setToken(undefined)}
          footer={
            <Button variant="primary" onClick={() => setToken(undefined)}>
              I have copied it
            </Button>
          }
        >
          <CodeBlock label="Token" text={token} />
        </Dialog>
      )}
    </Card>
  );
}
