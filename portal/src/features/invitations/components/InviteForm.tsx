import { type FormEvent, useState } from "react";

import type { InvitationMade } from "@/api/types";
import { Button } from "@/ui/Button";
import { Field, Select, TextInput } from "@/ui/Field";
import { FormError } from "@/ui/States";

import styles from "./InviteForm.module.css";
import { LinkDialog } from "./LinkDialog";

interface InviteFormProps {
  /** Role by its label. */
  roles: readonly { value: string; label: string }[];
  initialRole: string;
  invite: (input: { email: string; role: string }) => Promise<InvitationMade>;
  busy: boolean;
  error: Error | null;
}

/** Somebody's address and role; then the link that they are to be sent. */
export function InviteForm({ roles, initialRole, invite, busy, error }: InviteFormProps) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState(initialRole);
  const [made, setMade] = useState<InvitationMade>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (email.trim() === "") return;
    try {
      setMade(await invite({ email: email.trim(), role }));
      setEmail("");
    } catch {
      // Shown as `error`.
    }
  };
  return (
    <>
      <form className={styles["invite"]} onSubmit={(event) => void submit(event)} noValidate>
        <Field label="E-mail">
          <TextInput type="email" value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field label="Role">
          <Select value={role} onChange={(event) => setRole(event.target.value)}>
            {roles.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
        <Button type="submit" variant="primary" busy={busy} disabled={email.trim() === ""}>
          Invite
        </Button>
      </form>
      {error && <FormError>{error.message}</FormError>}
      {made && <LinkDialog made={made} onClose={() => setMade(undefined)} />}
    </>
  );
}
