import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";

import { ApiError } from "@/api/client";
import { sessionQuery } from "@/features/session/queries";
import styles from "@/features/session/pages/LoginPage.module.css";
import { BrandMark } from "@/ui/BrandMark";
import { Button } from "@/ui/Button";
import { Field, TextInput } from "@/ui/Field";
import { FormError, Skeleton } from "@/ui/States";

import { invitationQuery, useAcceptInvitation, useChoosePassword, useRegister } from "../queries";

const SHORTEST_PASSWORD = 12;

/** Where a one-time link leads: join as a new person, accept as one who has an account, or choose a new password. */
export function InvitationPage() {
  const token = useLocation({ select: (location) => location.hash });
  const invitation = useQuery({ ...invitationQuery(token), enabled: token !== "" });

  useEffect(() => {
    document.title = "Invitation · Open Model Gateway";
  }, []);

  if (token === "" || invitation.isError) {
    const reason = invitation.error instanceof ApiError && invitation.error.status !== 404 && invitation.error.message;
    return (
      <Panel title="This link does not work">
        <p className={styles["lead"]}>
          {reason || "It was used, withdrawn, or is too old. Ask whoever sent it for a new one."}
        </p>
        <Link to="/login" search={{}}>
          Sign in
        </Link>
      </Panel>
    );
  }
  if (invitation.data === undefined) {
    return (
      <Panel title="Invitation">
        <Skeleton height="8rem" />
      </Panel>
    );
  }
  const { purpose, email, tenant_name: tenant, has_account: hasAccount } = invitation.data;
  if (purpose === "password") return <NewPassword token={token} email={email} />;
  const to = tenant === null ? "Open Model Gateway" : tenant;
  return hasAccount ? <Accept token={token} email={email} to={to} /> : <Register token={token} email={email} to={to} />;
}

function Panel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className={styles["page"]}>
      <div className={styles["panel"]}>
        <div className={styles["brand"]}>
          <BrandMark />
          <span>Open Model Gateway</span>
        </div>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

function Register({ token, email, to }: { token: string; email: string; to: string }) {
  const register = useRegister();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState<{ name?: string; password?: string }>({});

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const gaps: typeof missing = {};
    if (name.trim() === "") gaps.name = "Enter your name.";
    if (password.length < SHORTEST_PASSWORD) gaps.password = `At least ${SHORTEST_PASSWORD} characters.`;
    setMissing(gaps);
    if (Object.keys(gaps).length > 0) return;
    register.mutate({ token, name: name.trim(), password }, { onSuccess: () => void navigate({ to: "/" }) });
  };

  return (
    <Panel title={`Join ${to}`}>
      <p className={styles["lead"]}>You are invited as {email}.</p>
      <form onSubmit={submit} noValidate>
        {register.isError && <FormError>{register.error.message}</FormError>}
        <Field label="Name" error={missing.name}>
          <TextInput autoComplete="name" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Field label="Password" error={missing.password} hint={`At least ${SHORTEST_PASSWORD} characters.`}>
          <TextInput
            type="password"
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </Field>
        <Button type="submit" variant="primary" busy={register.isPending}>
          Join
        </Button>
      </form>
    </Panel>
  );
}

function Accept({ token, email, to }: { token: string; email: string; to: string }) {
  const session = useQuery({ ...sessionQuery, retry: false });
  const accept = useAcceptInvitation();
  const navigate = useNavigate();

  if (session.data?.user.email !== email) {
    return (
      <Panel title={`Join ${to}`}>
        <p className={styles["lead"]}>
          {email} has an account. Sign in with it, and you come back here.
          {session.data && ` You are signed in as ${session.data.user.email}.`}
        </p>
        <Link to="/login" search={{ next: `/invitation#${token}` }}>
          Sign in
        </Link>
      </Panel>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accept.mutate(token, { onSuccess: () => void navigate({ to: "/" }) });
  };
  return (
    <Panel title={`Join ${to}`}>
      <p className={styles["lead"]}>You are signed in as {email}.</p>
      <form onSubmit={submit}>
        {accept.isError && <FormError>{accept.error.message}</FormError>}
        <Button type="submit" variant="primary" busy={accept.isPending}>
          Accept the invitation
        </Button>
      </form>
    </Panel>
  );
}

function NewPassword({ token, email }: { token: string; email: string }) {
  const choose = useChoosePassword();
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string>();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const short = password.length < SHORTEST_PASSWORD;
    setProblem(short ? `At least ${SHORTEST_PASSWORD} characters.` : undefined);
    if (short) return;
    choose.mutate({ token, password }, { onSuccess: () => void navigate({ to: "/login", search: {} }) });
  };

  return (
    <Panel title="Choose a new password">
      <p className={styles["lead"]}>For {email}. You will be signed out everywhere.</p>
      <form onSubmit={submit} noValidate>
        {choose.isError && <FormError>{choose.error.message}</FormError>}
        <Field label="New password" error={problem} hint={`At least ${SHORTEST_PASSWORD} characters.`}>
          <TextInput
            type="password"
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </Field>
        <Button type="submit" variant="primary" busy={choose.isPending}>
          Set password
        </Button>
      </form>
    </Panel>
  );
}
