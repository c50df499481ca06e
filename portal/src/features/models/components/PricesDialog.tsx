import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { PriceVersion, Route } from "@/api/types";
import { usePermission } from "@/features/session/queries";
import { pricePerMillion } from "@/lib/money";
import { lineName } from "@/lib/price-kinds";
import { fullDateTime } from "@/lib/time";
import { Badge } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { Drawer } from "@/ui/Dialog";
import { Field, TextInput } from "@/ui/Field";
import { FormError, SkeletonRows } from "@/ui/States";
import { Table } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { type PriceErrors, bodyOf, errorsIn, formOf } from "../price-form";
import { pricesQuery, useAddPrices, useTakeBackPrices } from "../queries";
import styles from "./PricesDialog.module.css";

const STATES = { past: "Past", in_force: "In force", scheduled: "Scheduled" } as const;

/** What a route cost, costs, and is going to cost; and other prices from a moment on. */
export function PricesDialog({ route, onClose }: { route: Route; onClose: () => void }) {
  const versions = useQuery(pricesQuery(route.id));
  const mayWrite = usePermission("catalog:write");
  return (
    <Drawer
      title={`Prices of ${route.model}`}
      description="In USD: for a million tokens or characters, for one image or second."
      onClose={onClose}
    >
      {versions.isError && <FormError>{versions.error.message}</FormError>}
      {versions.data === undefined ? (
        !versions.isError && <SkeletonRows label="Loading prices" />
      ) : (
        <History versions={versions.data} routeId={route.id} mayWrite={mayWrite} />
      )}
      {mayWrite && <Change route={route} />}
    </Drawer>
  );
}

function History({ versions, routeId, mayWrite }: { versions: PriceVersion[]; routeId: string; mayWrite: boolean }) {
  const takeBack = useTakeBackPrices(routeId);
  return (
    <>
      <Table label="Versions of prices">
        <thead>
          <tr>
            <th>From</th>
            <th>Prices</th>
            <th aria-label="Actions" />
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <tr key={version.version}>
              <td>
                <span className={styles["from"]}>{fullDateTime(version.effective_from)}</span>
                <Badge tone={version.state === "in_force" ? "success" : "neutral"}>{STATES[version.state]}</Badge>
              </td>
              <td>
                <ul className={styles["prices"]}>
                  {Object.entries(version.prices).map(([kind, price]) => (
                    <li key={kind}>
                      {lineName(kind)} {pricePerMillion(price)}
                    </li>
                  ))}
                  {Object.keys(version.prices).length === 0 && <li>Free</li>}
                  {version.source !== null && <li>From the price {version.source}</li>}
                </ul>
              </td>
              <td>
                {mayWrite && version.state === "scheduled" && (
                  <Button
                    size="sm"
                    variant="ghost"
                    busy={takeBack.isPending && takeBack.variables === version.version}
                    onClick={() => takeBack.mutate(version.version)}
                    aria-label={`Take back the prices from ${fullDateTime(version.effective_from)}`}
                  >
                    Take back
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {takeBack.error && <FormError>{takeBack.error.message}</FormError>}
    </>
  );
}

function Change({ route }: { route: Route }) {
  const add = useAddPrices(route.id);
  const notify = useToast();
  const [form, setForm] = useState(() => formOf(route.prices));
  const [errors, setErrors] = useState<PriceErrors>({});
  const submit = () => {
    const found = errorsIn(form);
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    add.mutate(bodyOf(form), {
      onSuccess: (version) => {
        notify(version.state === "scheduled" ? "Prices scheduled" : "Prices saved");
        setForm({ ...form, from: "" });
      },
    });
  };
  return (
    <form
      className={styles["change"]}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <h3>Other prices</h3>
      <div className={styles["fields"]}>
        {Object.entries(form.prices).map(([kind, price]) => (
          <Field key={kind} label={lineName(kind)} error={errors[kind]} optional>
            <TextInput
              inputMode="decimal"
              value={price}
              onChange={(event) => setForm({ ...form, prices: { ...form.prices, [kind]: event.target.value } })}
            />
          </Field>
        ))}
      </div>
      <Field label="From" error={errors["from"]} hint="Empty is now; the past corrects what is shown as due" optional>
        <TextInput
          type="datetime-local"
          value={form.from}
          onChange={(event) => setForm({ ...form, from: event.target.value })}
        />
      </Field>
      {add.error && <FormError>{add.error.message}</FormError>}
      <Button type="submit" variant="primary" busy={add.isPending}>
        Save prices
      </Button>
    </form>
  );
}
