import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { BellRing } from "lucide-react";
import { type FormEvent, useState } from "react";

import type { Alert, AlertPolicy } from "@/api/types";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { Badge, type Tone } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { CodeBlock } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { Field, TextInput } from "@/ui/Field";
import { RelativeTime } from "@/ui/Figures";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import {
  type PolicyInput,
  alertListQuery,
  defaultPolicyQuery,
  useRedeliver,
  useSavePolicy,
  useTestDelivery,
} from "../queries";
import styles from "./AlertsPage.module.css";

export function AlertsPage() {
  return (
    <Allowed permission="alerts:read">
      <Page title="Alerts" description="Who is told of budgets, providers and expiring keys, and what was told.">
        <Destinations />
        <History />
      </Page>
    </Allowed>
  );
}

function Destinations() {
  const policy = useQuery(defaultPolicyQuery);
  if (policy.isPending) return <SkeletonRows label="Loading destinations" />;
  if (policy.isError) return <ErrorState error={policy.error} onRetry={() => void policy.refetch()} />;
  return (
    <Card title="Destinations">
      <Targets policy={policy.data} />
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

function Targets({ policy }: { policy: AlertPolicy }) {
  const mayWrite = usePermission("alerts:write");
  const save = useSavePolicy();
  const test = useTestDelivery();
  const notify = useToast();
  const [text, setText] = useState("");
  const [secret, setSecret] = useState<string>();
  const current = inputOf(policy);

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
  const tryOut = (body: { email: string } | { webhook_id: string }) =>
    test.mutate(body, {
      onSuccess: (alert) => {
        const error = alert.deliveries?.[0]?.attempts[0]?.error;
        notify(error === null || error === undefined ? "The test has arrived" : `The test failed: ${error}`);
      },
    });

  return (
    <>
      {save.isError && <FormError>{save.error.message}</FormError>}
      {test.isError && <FormError>{test.error.message}</FormError>}
      {current.emails.length + current.webhooks.length === 0 && (
        <p>Nobody is told yet, unless the service is configured so.</p>
      )}
      <ul className={styles["targets"]}>
        {policy.emails.map((email) => (
          <li key={email} className={styles["target"]}>
            {email}
            {mayWrite && (
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
            {mayWrite && (
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

const TONES: Record<Alert["severity"], Tone> = { info: "neutral", warning: "warning", critical: "danger" };
const WHYS = { cooldown: "Told recently", disabled: "Switched off", no_destination: "Nobody to tell" } as const;

function outcome(alert: Alert): string {
  if (alert.why !== null) return WHYS[alert.why];
  if (alert.failed > 0) return `${alert.failed} failed`;
  return alert.pending > 0 ? "On its way" : "Delivered";
}

function History() {
  const alerts = useInfiniteQuery(alertListQuery);
  const redeliver = useRedeliver();
  const notify = useToast();
  const mayWrite = usePermission("alerts:write");
  const rows = alerts.data?.pages.flatMap((page) => page.data);
  return (
    <>
      <Card title="History" flush>
        {rows === undefined ? (
          alerts.isError ? (
            <ErrorState error={alerts.error} onRetry={() => void alerts.refetch()} />
          ) : (
            <SkeletonRows label="Loading alerts" />
          )
        ) : rows.length === 0 ? (
          <EmptyState icon={<BellRing />} title="Nothing to tell so far">
            Budgets that are nearly spent, providers that fail and keys that expire appear here.
          </EmptyState>
        ) : (
          <Table label="Alerts">
            <thead>
              <tr>
                <th>What</th>
                <th>When</th>
                <th>Outcome</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((alert) => (
                <tr key={alert.id}>
                  <td title={alert.kind}>
                    <Badge tone={TONES[alert.severity]}>{alert.severity}</Badge> {alert.title}
                  </td>
                  <td className={tableStyles["muted"]}>
                    <RelativeTime iso={alert.occurred_at} />
                  </td>
                  <td>{outcome(alert)}</td>
                  <td className={tableStyles["actions"]}>
                    {mayWrite && (
                      <Button
                        size="sm"
                        variant="ghost"
                        onClick={() => redeliver.mutate(alert.id, { onSuccess: () => notify("It is sent again") })}
                      >
                        Send again
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
      <LoadMore
        hasMore={alerts.hasNextPage}
        busy={alerts.isFetchingNextPage}
        error={alerts.isFetchNextPageError ? alerts.error : null}
        onLoad={() => void alerts.fetchNextPage()}
      />
    </>
  );
}
