import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import type { AlertPolicy } from "@/api/types";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { CodeBlock } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { Field, TextInput } from "@/ui/Field";
import { ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import {
  type AlertScope,
  type PolicyInput,
  type TestTarget,
  policyQuery,
  useClearPolicy,
  useSavePolicy,
  useTestDelivery,
} from "../queries";
import styles from "./Destinations.module.css";

interface DestinationsProps {
  scope: AlertScope;
  mayWrite: boolean;
}

/** Who is told. A tenant without a policy of its own is shown the installation's. */
export function Destinations({ scope, mayWrite }: DestinationsProps) {
  const policy = useQuery(policyQuery(scope));
  if (policy.isPending) return <SkeletonRows label="Loading destinations" />;
  if (policy.isError) return <ErrorState error={policy.error} onRetry={() => void policy.refetch()} />;
  return (
    <Card title="Destinations">
      <Targets scope={scope} mayWrite={mayWrite} policy={policy.data} />
    </Card>
  );
}

function inputOf(policy: AlertPolicy): PolicyInput {
  return {
    enabled: policy.enabled,
    cooldown_seconds: policy.cooldown_seconds,
    emails: policy.emails,
    webhooks: policy.webhooks.map(({ id, url, format }) => ({ id, url, format })),
  };
}

function Targets({ scope, mayWrite, policy }: DestinationsProps & { policy: AlertPolicy }) {
  const save = useSavePolicy(scope);
  const clear = useClearPolicy(scope);
  const test = useTestDelivery(scope);
  const notify = useToast();
  const [text, setText] = useState("");
  const [secret, setSecret] = useState<string>();
  const borrowed = scope.of === "tenant" && policy.inherited;
  // A tenant's first destination begins a policy of its own: it does not copy whom the installation tells.
  const current = borrowed ? { ...inputOf(policy), emails: [], webhooks: [] } : inputOf(policy);

  const change = (input: PolicyInput, done?: () => void) =>
    save.mutate(input, {
      onSuccess: (saved) => {
        const made = saved.webhooks.find((webhook) => webhook.secret !== null);
        setSecret(made?.secret ?? undefined);
        done?.();
      },
    });
  const add = (event: FormEvent) => {
    event.preventDefault();
    const target = text.trim();
    if (target === "") return;
    const webhook = /^https?:\/\//.test(target);
    const slack = target.startsWith("https://hooks.slack.com/");
    change(
      webhook
        ? { ...current, webhooks: [...current.webhooks, { url: target, format: slack ? "slack" : "json" }] }
        : { ...current, emails: [...current.emails, target] },
      () => setText(""),
    );
  };
  const tryOut = (body: TestTarget) =>
    test.mutate(body, {
      onSuccess: (alert) => {
        const error = alert.deliveries?.[0]?.attempts[0]?.error;
        notify(error === null || error === undefined ? "The test has arrived" : `The test failed: ${error}`);
      },
    });

  return (
    <>
      {save.isError && <FormError>{save.error.message}</FormError>}
      {clear.isError && <FormError>{clear.error.message}</FormError>}
      {test.isError && <FormError>{test.error.message}</FormError>}
      {policy.emails.length + policy.webhooks.length === 0 && (
        <p>Nobody is told yet, unless the service is configured so.</p>
      )}
      {borrowed && <p>These are the installation’s, until you add one of your own.</p>}
      <ul className={styles["targets"]}>
        {policy.emails.map((email) => (
          <li key={email} className={styles["target"]}>
            {email}
            {mayWrite && !borrowed && (
              <span>
                <Button size="sm" variant="ghost" busy={test.isPending} onClick={() => tryOut({ email })}>
                  Send test
                </Button>
                <Button
                  size="sm"
                  variant="ghost"
                  aria-label={`Remove ${email}`}
                  onClick={() => change({ ...current, emails: current.emails.filter((each) => each !== email) })}
                >
                  Remove
                </Button>
              </span>
            )}
          </li>
        ))}
        {policy.webhooks.map((webhook) => (
          <li key={webhook.id} className={styles["target"]}>
            {webhook.url}
            {mayWrite && !borrowed && (
              <span>
                <Button
                  size="sm"
                  variant="ghost"
                  busy={test.isPending}
                  onClick={() => tryOut({ webhook_id: webhook.id })}
                >
                  Send test
                </Button>
                <Button
                  size="sm"
                  variant="ghost"
                  aria-label={`Remove ${webhook.url}`}
                  onClick={() =>
                    change({ ...current, webhooks: current.webhooks.filter((each) => each.id !== webhook.id) })
                  }
                >
                  Remove
                </Button>
              </span>
            )}
          </li>
        ))}
      </ul>
      {mayWrite && (
        <form className={styles["add"]} onSubmit={add} noValidate>
          <Field label="E-mail address or webhook URL">
            <TextInput value={text} onChange={(event) => setText(event.target.value)} />
          </Field>
          <Button type="submit" busy={save.isPending}>
            Add
          </Button>
          {scope.of === "tenant" && !policy.inherited && (
            <Button busy={clear.isPending} onClick={() => clear.mutate()}>
              Take the installation’s
            </Button>
          )}
        </form>
      )}
      {secret !== undefined && <SecretDialog secret={secret} onClose={() => setSecret(undefined)} />}
    </>
  );
}

function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog
      title="The webhook's secret"
      description="With it the receiver checks that a call is from this gateway. It is not shown again."
      sticky
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      <CodeBlock label="Secret" text={secret} />
    </Dialog>
  );
}
