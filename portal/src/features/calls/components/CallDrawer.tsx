import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { Call } from "@/api/types";
import { exactUsd, lineNanoUsd, pricePerMillion } from "@/lib/money";
import { count, duration } from "@/lib/numbers";
import { lineName } from "@/lib/price-kinds";
import { fullDateTime } from "@/lib/time";
import { Badge } from "@/ui/Badge";
import { CopyButton } from "@/ui/Copy";
import { Drawer } from "@/ui/Dialog";
import { FormError } from "@/ui/States";

import { chargeQuery } from "../queries";
import styles from "./CallDrawer.module.css";
import { CallStatus, statusMeaning } from "./CallStatus";

/** Everything that is known about one call. */
export function CallDrawer({ call, onClose }: { call: Call; onClose: () => void }) {
  return (
    <Drawer title={call.alias} description={fullDateTime(call.occurred_at)} onClose={onClose}>
      <div className={styles["status"]}>
        <CallStatus status={call.status} />
        <Badge>HTTP {call.http_status}</Badge>
        {call.error_code && <Badge tone="danger">{call.error_code}</Badge>}
        {call.stream && <Badge>Streamed</Badge>}
        {call.estimated && <Badge tone="warning">Estimated</Badge>}
        <p>{statusMeaning(call.status)}</p>
      </div>

      <section className={styles["cost"]} aria-label="Cost">
        <table>
          <thead>
            <tr>
              <th>Priced line</th>
              <th>Quantity</th>
              <th>Per million</th>
              <th>Amount</th>
            </tr>
          </thead>
          <tbody>
            {call.lines.map((line) => (
              <tr key={line.kind}>
                <td>{lineName(line.kind)}</td>
                <td>{count(line.quantity)}</td>
                <td>{pricePerMillion(line.price)}</td>
                <td>{exactUsd(lineNanoUsd(line.quantity, line.price))}</td>
              </tr>
            ))}
            {call.lines.length === 0 && (
              <tr>
                <td colSpan={4}>Nothing was charged: the route has no prices, or no tokens were used.</td>
              </tr>
            )}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row" colSpan={3}>
                Total
              </th>
              <td>{exactUsd(call.cost_nano_usd)}</td>
            </tr>
          </tfoot>
        </table>
      </section>

      <Charge call={call} />
      <Facts title="Timing">
        <Fact name="Latency">{duration(call.latency_ms)}</Fact>
        <Fact name="Time to first token">{duration(call.first_token_ms)}</Fact>
      </Facts>
      <Facts title="Tokens">
        <Fact name="Input">{count(call.input_tokens)}</Fact>
        <Fact name="of which cached">{count(call.cached_input_tokens)}</Fact>
        <Fact name="Output">{count(call.output_tokens)}</Fact>
        <Fact name="of which reasoning">{count(call.reasoning_tokens)}</Fact>
      </Facts>
      <Facts title="Who and where">
        <Fact name="Tenant">{call.tenant_name}</Fact>
        <Fact name="API key">{call.key_name}</Fact>
        <Fact name="Operation">{call.operation}</Fact>
        <Fact name="Provider">{call.provider}</Fact>
        <Fact name="Provider's model">{call.model}</Fact>
      </Facts>
      <Facts title="Identifiers">
        <Id name="Request" value={call.id} />
        <Id name="Tenant" value={call.tenant_id} />
        <Id name="API key" value={call.key_id} />
        <Id name="Route" value={call.route_id} />
        {call.price_version && <Id name="Price version" value={call.price_version} />}
      </Facts>
    </Drawer>
  );
}

/** What the call was added to. */
function Charge({ call }: { call: Call }) {
  const charge = useQuery(chargeQuery(call.id));
  if (charge.isError) return <FormError>{charge.error.message}</FormError>;
  if (charge.data === undefined) return null;
  const { hour, budgets } = charge.data;
  return (
    <Facts title="Counted in">
      {hour && (
        <Fact name={`The hour from ${fullDateTime(hour.hour)}`}>
          {exactUsd(hour.cost_nano_usd)} in {count(hour.requests)} {hour.requests === 1 ? "call" : "calls"}
        </Fact>
      )}
      {budgets.map((budget) => (
        <Fact key={budget.id} name={`The budget ${budget.name}`}>
          {exactUsd(budget.spent_nano_usd)} of {exactUsd(budget.amount_nano_usd)}
        </Fact>
      ))}
      {budgets.length === 0 && <Fact name="Budgets">None applies</Fact>}
    </Facts>
  );
}

function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={styles["facts"]}>
      <h3>{title}</h3>
      <dl>{children}</dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Id({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={styles["id"]}>
        <code>{value}</code>
        <CopyButton text={value} />
      </dd>
    </div>
  );
}
