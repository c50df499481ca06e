import { useQuery } from "@tanstack/react-query";
import { KeySquare } from "lucide-react";
import { type FormEvent, useState } from "react";

import { useSession } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { CopyButton } from "@/ui/Copy";
import { Field, TextInput } from "@/ui/Field";
import { CalendarDate, RelativeTime } from "@/ui/Figures";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { accessTokensQuery, useChangePassword, useCreateAccessToken, useRevokeAccessToken } from "../queries";
import styles from "./ProfilePage.module.css";

const SHORTEST_PASSWORD = 12;

export function ProfilePage() {
  const { user } = useSession();
  return (
    <Page title="Profile" description={`You are signed in as ${user.email}.`}>
      <Card title="Password">
        <PasswordForm />
      </Card>
      <Card title="Access tokens" flush>
        <AccessTokens />
      </Card>
    </Page>
  );
}

function PasswordForm() {
  const change = useChangePassword();
  const notify = useToast();
  const [current, setCurrent] = useState("");
  const [fresh, setFresh] = useState("");
  const [problem, setProblem] = useState<string>();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const short = fresh.length < SHORTEST_PASSWORD;
    setProblem(short ? `At least ${SHORTEST_PASSWORD} characters.` : undefined);
    if (short) return;
    change.mutate(
      { current_password: current, new_password: fresh },
      {
        onSuccess: () => {
          setCurrent("");
          setFresh("");
          notify("Your password is changed; other sessions have ended");
        },
      },
    );
  };

  return (
    <form className={styles["form"]} onSubmit={submit} noValidate>
      {change.isError && <FormError>{change.error.message}</FormError>}
      <Field label="Present password">
        <TextInput
          type="password"
          autoComplete="current-password"
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
        />
      </Field>
      <Field label="New password" error={problem} hint={`At least ${SHORTEST_PASSWORD} characters.`}>
        <TextInput
          type="password"
          autoComplete="new-password"
          value={fresh}
          onChange={(event) => setFresh(event.target.value)}
        />
      </Field>
      <Button type="submit" variant="primary" busy={change.isPending}>
        Change password
      </Button>
    </form>
  );
}

function AccessTokens() {
  const tokens = useQuery(accessTokensQuery);
  const create = useCreateAccessToken();
  const revoke = useRevokeAccessToken();
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") create.mutate(name.trim(), { onSuccess: () => setName("") });
  };
  return (
    <>
      <form className={styles["inline"]} onSubmit={submit}>
        <Field label="Name" hint="For a program that uses this API as you. It is valid for 90 days.">
          <TextInput value={name} maxLength={100} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Button type="submit" busy={create.isPending} disabled={name.trim() === ""}>
          Create token
        </Button>
      </form>
      {create.isError && <FormError>{create.error.message}</FormError>}
      {revoke.isError && <FormError>{revoke.error.message}</FormError>}
      {create.data && (
        <div className={styles["secret"]}>
          <p>Copy it now: this is the only time that it is shown.</p>
          <code data-testid="access-token">{create.data.token}</code>
          <CopyButton text={create.data.token} label="Copy token" />
        </div>
      )}
      {tokens.data === undefined ? (
        tokens.isError ? (
          <ErrorState error={tokens.error} onRetry={() => void tokens.refetch()} />
        ) : (
          <SkeletonRows rows={2} label="Loading access tokens" />
        )
      ) : tokens.data.length === 0 ? (
        <EmptyState icon={<KeySquare />} title="No access tokens">
          A program sends one as <code>Authorization: Bearer …</code> and may what you may.
        </EmptyState>
      ) : (
        <Table label="Access tokens">
          <thead>
            <tr>
              <th>Name</th>
              <th>Token</th>
              <th>Last used</th>
              <th>Expires</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tokens.data.map((token) => (
              <tr key={token.id}>
                <td className={tableStyles["strong"]}>{token.name}</td>
                <td className={`${tableStyles["mono"]} ${tableStyles["muted"]}`}>{token.hint}</td>
                <td className={tableStyles["muted"]}>
                  {token.last_used_at ? <RelativeTime iso={token.last_used_at} /> : "Never"}
                </td>
                <td className={tableStyles["muted"]}>
                  <CalendarDate iso={token.expires_at} />
                </td>
                <td className={tableStyles["actions"]}>
                  <Button
                    size="sm"
                    variant="ghost"
                    aria-label={`Revoke ${token.name}`}
                    disabled={revoke.isPending}
                    onClick={() => revoke.mutate(token.id)}
                  >
                    Revoke
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </>
  );
}
