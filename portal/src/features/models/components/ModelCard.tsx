import { Link } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";

import type { Model, Route } from "@/api/types";
import { usePermission } from "@/features/session/queries";
import { pricePerMillion } from "@/lib/money";
import { fullDateTime } from "@/lib/time";
import { Badge } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { RelativeTime } from "@/ui/Figures";
import { Table, tableStyles } from "@/ui/Table";

import styles from "./ModelCard.module.css";

interface ModelCardProps {
  model: Model;
  onEdit: () => void;
  onDelete: () => void;
  onPrices: (route: Route) => void;
}

/** One model of the catalog with its routes and what they cost. */
export function ModelCard({ model, onEdit, onDelete, onPrices }: ModelCardProps) {
  const mayWrite = usePermission("catalog:write");
  const mayReadUsage = usePermission("usage:read");
  return (
    <section className={styles["card"]} aria-label={model.alias}>
      <header>
        <div>
          <h2>{model.alias}</h2>
          <p>
            Changed <RelativeTime iso={model.updated_at} />
          </p>
        </div>
        <Badge tone={model.enabled ? "success" : "neutral"} dot={model.enabled}>
          {model.enabled ? "Enabled" : "Disabled"}
        </Badge>
        {model.source !== "api" && (
          <Badge tone={model.source === "file" ? "neutral" : "warning"}>
            {model.source === "file" ? "From the configuration file" : "Overrides the configuration file"}
          </Badge>
        )}
        <span className={styles["actions"]}>
          {mayReadUsage && (
            <Link to="/calls" search={{ model: model.alias }}>
              Calls
            </Link>
          )}
          {mayWrite && (
            <>
              <Button size="sm" variant="ghost" onClick={onEdit} aria-label={`Edit ${model.alias}`}>
                Edit
              </Button>
              <Button size="sm" variant="ghost" onClick={onDelete} aria-label={`Delete ${model.alias}`}>
                Delete
              </Button>
            </>
          )}
        </span>
      </header>
      {model.routes.length === 0 ? (
        <p className={styles["none"]}>No route: calls to this model are refused until one is added.</p>
      ) : (
        <Table fixed label={`Routes of ${model.alias}`}>
          <thead>
            <tr>
              <th style={{ width: "28%" }}>Route</th>
              <th style={{ width: "36%" }}>Address</th>
              <th className={tableStyles["number"]}>Input / M</th>
              <th className={tableStyles["number"]}>Cached / M</th>
              <th className={tableStyles["number"]}>Output / M</th>
            </tr>
          </thead>
          <tbody>
            {model.routes.map((route) => (
              <tr key={route.id}>
                <td className={styles["route"]} title={route.id}>
                  <span>{route.model}</span>
                  <small>{route.provider}</small>
                  <Button
                    size="sm"
                    variant="ghost"
                    onClick={() => onPrices(route)}
                    aria-label={`Prices of ${route.model}`}
                  >
                    Prices
                  </Button>
                  {route.broken !== null && <small role="alert">{route.broken}</small>}
                  {route.price_changes.map((change) => (
                    <small key={change.version}>Other prices from {fullDateTime(change.effective_from)}</small>
                  ))}
                </td>
                <td>
                  <span className={styles["address"]}>
                    <code title={route.base_url}>{route.base_url}</code>
                    {route.has_credential && (
                      <span title="A credential is stored" className={styles["key"]}>
                        <KeyRound aria-label="A credential is stored" />
                      </span>
                    )}
                  </span>
                </td>
                <td className={tableStyles["number"]}>{pricePerMillion(route.prices.input)}</td>
                <td className={tableStyles["number"]}>{pricePerMillion(route.prices.cached_input)}</td>
                <td className={tableStyles["number"]}>{pricePerMillion(route.prices.output)}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </section>
  );
}
