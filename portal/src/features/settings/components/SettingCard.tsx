import type { UseMutationResult, UseQueryResult } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";

import { usePermission } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { ErrorState, FormError, SkeletonRows } from "@/ui/States";

import styles from "./SettingCard.module.css";

/** A card for one setting that is read first: what is inside is only there once it is. */
export function LoadedCard<T>({
  title,
  query,
  children,
}: {
  title: string;
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}) {
  return (
    <Card title={title}>
      {query.data !== undefined ? (
        children(query.data)
      ) : query.isError ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={2} label={`Loading: ${title}`} />
      )}
    </Card>
  );
}

interface SettingFormProps {
  saving: Pick<UseMutationResult<unknown, Error, never>, "isPending" | "error">;
  onSubmit: () => void;
  children: ReactNode;
  /** Beside the button that saves. */
  actions?: ReactNode;
}

/** The fields of a setting with the button that saves them, for those who may. */
export function SettingForm({ saving, onSubmit, children, actions }: SettingFormProps) {
  const mayWrite = usePermission("settings:write");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className={styles["form"]} onSubmit={submit} noValidate>
      {saving.error && <FormError>{saving.error.message}</FormError>}
      <fieldset disabled={!mayWrite} className={styles["fields"]}>
        {children}
      </fieldset>
      {mayWrite && (
        <div className={styles["actions"]}>
          <Button type="submit" variant="primary" busy={saving.isPending}>
            Save
          </Button>
          {actions}
        </div>
      )}
    </form>
  );
}
