import { useQuery } from "@tanstack/react-query";
import { useNavigate, useRouter, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";

import { ApiError } from "@/api/client";
import { BrandMark } from "@/ui/BrandMark";
import { Button } from "@/ui/Button";
import { Field, TextInput } from "@/ui/Field";
import { FormError } from "@/ui/States";

import { safeNextPage } from "../next-page";
import { methodsQuery, useLogin } from "../queries";
import { singleSignOnRefusal } from "../refusals";
import styles from "./LoginPage.module.css";

export function LoginPage() {
  const { next, expired, error } = useSearch({ from: "/login" });
  const navigate = useNavigate();
  const router = useRouter();
  const login = useLogin();
  const methods = useQuery(methodsQuery);
  const providers = methods.data?.oidc ?? [];
  // Until we know better there is a password to ask for: nobody should wait for a form.
  const hasPassword = methods.data?.local ?? true;
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState<{ email?: string; password?: string }>({});

  useEffect(() => {
    document.title = "Sign in · Open Model Gateway";
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const gaps: typeof missing = {};
    if (email.trim() === "") gaps.email = "Enter your e-mail address.";
    if (password === "") gaps.password = "Enter your password.";
    setMissing(gaps);
    if (Object.keys(gaps).length > 0) return;
    login.mutate(
      { email: email.trim(), password },
      {
        onSuccess: () => {
          const target = safeNextPage(next);
          if (target === "/") void navigate({ to: "/" });
          else router.history.push(target);
        },
      },
    );
  };

  return (
    <main className={styles["page"]}>
      <div className={styles["panel"]}>
        <div className={styles["brand"]}>
          <BrandMark />
          <span>Open Model Gateway</span>
        </div>
        <h1>Sign in</h1>
        <p className={styles["lead"]}>
          {expired === true
            ? "Your session has ended. Sign in to continue where you were."
            : "Use the account that your platform team gave you."}
        </p>
        {error !== undefined && <FormError>{singleSignOnRefusal(error)}</FormError>}
        {providers.length > 0 && (
          <div className={styles["providers"]}>
            {providers.map((provider) => (
              <a key={provider.id} className={styles["provider"]} href={startAddress(provider.id, safeNextPage(next))}>
                Continue with {provider.name}
              </a>
            ))}
            {hasPassword && <p className={styles["or"]}>or with a password</p>}
          </div>
        )}
        {hasPassword && (
          <form onSubmit={submit} noValidate>
            {login.isError && <FormError>{refusalText(login.error)}</FormError>}
            <Field label="E-mail" error={missing.email}>
              <TextInput
                type="email"
                name="email"
                autoComplete="username"
                value={email}
                onChange={(event) => setEmail(event.target.value)}
              />
            </Field>
            <Field label="Password" error={missing.password}>
              <TextInput
                type="password"
                name="password"
                autoComplete="current-password"
                value={password}
                onChange={(event) => setPassword(event.target.value)}
              />
            </Field>
            <Button type="submit" variant="primary" busy={login.isPending}>
              Sign in
            </Button>
          </form>
        )}
      </div>
    </main>
  );
}

function startAddress(provider: string, next: string): string {
  return `/admin/auth/oidc/${encodeURIComponent(provider)}/start?${new URLSearchParams({ return_to: next })}`;
}

function refusalText(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 401) return "E-mail or password is wrong.";
    if (error.status === 429) return "Too many attempts. Wait a minute, then try again.";
    return error.message;
  }
  return "Signing in did not work. Try again.";
}
