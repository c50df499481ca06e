import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { PiggyBank, Plus } from "lucide-react";
import { useState } from "react";

import type { Budget } from "@/api/types";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { allTenantsQuery } from "@/features/tenants/queries";
import { exactUsd, shortUsd } from "@/lib/money";
import { Badge } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { SCHEDULES, nano, spentPercent } from "../budget-form";
import { BudgetDialog } from "../components/BudgetDialog";
import { budgetListQuery, useDeleteBudget } from "../queries";
import styles from "./BudgetsPage.module.css";

export function BudgetsPage() {
  return (
    <Allowed permission="budgets:read">
      <Budgets />
    </Allowed>
  );
}

function Budgets() {
  const budgets = useInfiniteQuery(budgetListQuery);
  const mayWrite = usePermission("budgets:write");
  const [editing, setEditing] = useState<Budget | "new">();
  const [deleting, setDeleting] = useState<Budget>();
  const rows = budgets.data?.pages.flatMap((page) => page.data);
  const create = mayWrite && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setEditing("new")}>
      Create budget
    </Button>
  );

  return (
    <Page title="Budgets" description="How much may be spent, and what is spent of it." actions={create}>
      <Card flush>
        {rows === undefined ? (
          budgets.isError ? (
            <ErrorState error={budgets.error} onRetry={() => void budgets.refetch()} />
          ) : (
            <SkeletonRows label="Loading budgets" />
          )
        ) : rows.length === 0 ? (
          <EmptyState icon={<PiggyBank />} title="No budgets yet" action={create}>
            A budget refuses calls, or warns, before more is spent than you want.
          </EmptyState>
        ) : (
          <Table label="Budgets">
            <thead>
              <tr>
                <th>Name</th>
                <th>For</th>
                <th>Renewed</th>
                <th>Spent</th>
                <th>State</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((budget) => (
                <tr key={budget.id}>
                  <td className={tableStyles["strong"]} title={budget.id}>
                    {budget.name}
                  </td>
                  <td>
                    <Subject budget={budget} />
                  </td>
                  <td className={tableStyles["muted"]}>{SCHEDULES[budget.schedule] ?? budget.schedule}</td>
                  <td>
                    <Spent budget={budget} />
                  </td>
                  <td>
                    <State budget={budget} />
                  </td>
                  <td className={tableStyles["actions"]}>
                    {mayWrite && (
                      <>
                        <Button size="sm" variant="ghost" onClick={() => setEditing(budget)}>
                          Edit
                        </Button>
                        {!budget.follows_default && (
                          <Button size="sm" variant="ghost" onClick={() => setDeleting(budget)}>
                            Delete
                          </Button>
                        )}
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
      <LoadMore
        hasMore={budgets.hasNextPage}
        busy={budgets.isFetchingNextPage}
        error={budgets.isFetchNextPageError ? budgets.error : null}
        onLoad={() => void budgets.fetchNextPage()}
      />
      {editing && (
        <BudgetDialog budget={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />
      )}
      {deleting && <DeleteDialog budget={deleting} onClose={() => setDeleting(undefined)} />}
    </Page>
  );
}

const SCOPES = { installation: "The installation", tenant: "Tenant", key: "API key", user: "Person" } as const;

function Subject({ budget }: { budget: Budget }) {
  const tenants = useQuery({ ...allTenantsQuery, enabled: budget.scope === "tenant" });
  const name = tenants.data?.find((tenant) => tenant.id === budget.subject)?.name;
  if (budget.scope === "installation") return SCOPES.installation;
  return (
    <span title={budget.subject}>
      {SCOPES[budget.scope]} {name ?? `${budget.subject.slice(0, 12)}…`}
    </span>
  );
}

function Spent({ budget }: { budget: Budget }) {
  const spent = nano(budget.current.spent_usd).toString();
  const amount = nano(budget.amount_usd).toString();
  const percent = spentPercent(budget.current.spent_usd, budget.amount_usd);
  return (
    <div className={styles["spent"]} title={`${exactUsd(spent)} of ${exactUsd(amount)}`}>
      <span>
        {shortUsd(spent)} of {shortUsd(amount)}
      </span>
      <progress value={percent} max={100} aria-label={`${percent} percent of ${budget.name} spent`} />
    </div>
  );
}

function State({ budget }: { budget: Budget }) {
  if (budget.current.exceeded) return <Badge tone="danger">{budget.hard ? "Used up" : "Exceeded"}</Badge>;
  if (budget.current.warning) return <Badge tone="warning">Nearly spent</Badge>;
  return <Badge tone="success">{budget.follows_default ? "Default" : "In force"}</Badge>;
}

function DeleteDialog({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const remove = useDeleteBudget();
  const notify = useToast();
  const confirm = () =>
    remove.mutate(budget.id, {
      onSuccess: () => {
        notify(`Budget ${budget.name} deleted`);
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title={`Delete ${budget.name}?`}
      action="Delete budget"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      Nothing is refused because of it any more. What was spent stays in the usage.
    </ConfirmDialog>
  );
}
