import { useInfiniteQuery } from "@tanstack/react-query";
import { Boxes, Plus } from "lucide-react";
import { useState } from "react";

import type { Model, Route } from "@/api/types";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { ModelCard } from "../components/ModelCard";
import { ModelDialog } from "../components/ModelDialog";
import { PricesDialog } from "../components/PricesDialog";
import { modelListQuery, useDeleteModel } from "../queries";

export function ModelsPage() {
  return (
    <Allowed permission="catalog:read">
      <Models />
    </Allowed>
  );
}

function Models() {
  const models = useInfiniteQuery(modelListQuery);
  const mayWrite = usePermission("catalog:write");
  const [editing, setEditing] = useState<Model | "new">();
  const [deleting, setDeleting] = useState<Model>();
  const [priced, setPriced] = useState<Route>();
  const rows = models.data?.pages.flatMap((page) => page.data);
  const add = mayWrite && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setEditing("new")}>
      Add model
    </Button>
  );

  return (
    <Page title="Models" description="The names clients ask for, where they lead, and what they cost." actions={add}>
      {rows === undefined ? (
        <Card flush>
          {models.isError ? (
            <ErrorState error={models.error} onRetry={() => void models.refetch()} />
          ) : (
            <SkeletonRows label="Loading models" />
          )}
        </Card>
      ) : rows.length === 0 ? (
        <Card flush>
          <EmptyState icon={<Boxes />} title="The catalog is empty" action={add}>
            Add a model with a route to a provider. Clients can call it a second later.
          </EmptyState>
        </Card>
      ) : (
        rows.map((model) => (
          <ModelCard
            key={model.alias}
            model={model}
            onEdit={() => setEditing(model)}
            onDelete={() => setDeleting(model)}
            onPrices={setPriced}
          />
        ))
      )}
      <LoadMore
        hasMore={models.hasNextPage}
        busy={models.isFetchingNextPage}
        error={models.isFetchNextPageError ? models.error : null}
        onLoad={() => void models.fetchNextPage()}
      />
      {editing && <ModelDialog model={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />}
      {priced && <PricesDialog route={priced} onClose={() => setPriced(undefined)} />}
      {deleting && <DeleteDialog model={deleting} onClose={() => setDeleting(undefined)} />}
    </Page>
  );
}

function DeleteDialog({ model, onClose }: { model: Model; onClose: () => void }) {
  const remove = useDeleteModel();
  const notify = useToast();
  const confirm = () =>
    remove.mutate(model.alias, {
      onSuccess: () => {
        notify(`${model.alias} is deleted`);
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title={`Delete ${model.alias}?`}
      action="Delete model"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      Clients that ask for <code>{model.alias}</code> are refused within a second. Its past usage stays on record.
    </ConfirmDialog>
  );
}
