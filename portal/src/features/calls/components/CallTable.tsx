import type { Call } from "@/api/types";
import { count, duration } from "@/lib/numbers";
import { fullDateTime, listTime } from "@/lib/time";
import { Money } from "@/ui/Figures";
import { Table, tableStyles } from "@/ui/Table";

import { CallStatus } from "./CallStatus";
import styles from "./CallTable.module.css";

interface CallTableProps {
  calls: readonly Call[];
  fresh: ReadonlySet<string>;
  selectedId: string | undefined;
  onOpen: (call: Call) => void;
}

/** The full list. A click anywhere on a row opens it; the keyboard reaches the button in its first cell. */
export function CallTable({ calls, fresh, selectedId, onOpen }: CallTableProps) {
  return (
    <Table label="Calls">
      <thead>
        <tr>
          <th>Time</th>
          <th>Model</th>
          <th>Status</th>
          <th>Tenant and key</th>
          <th className={tableStyles["number"]}>Input</th>
          <th className={tableStyles["number"]}>Output</th>
          <th className={tableStyles["number"]}>First token</th>
          <th className={tableStyles["number"]}>Latency</th>
          <th className={tableStyles["number"]}>Cost</th>
        </tr>
      </thead>
      <tbody>
        {calls.map((call) => (
          // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions -- the button in the row is the keyboard's way
          <tr
            key={call.id}
            data-call={call.id}
            className={[styles["row"], fresh.has(call.id) ? styles["fresh"] : ""].join(" ")}
            data-selected={call.id === selectedId || undefined}
            onClick={() => onOpen(call)}
          >
            <td>
              <button
                type="button"
                className={styles["open"]}
                aria-haspopup="dialog"
                title={fullDateTime(call.occurred_at)}
              >
                <span className="visually-hidden">Details of the call at </span>
                {listTime(call.occurred_at)}
              </button>
            </td>
            <td className={styles["model"]}>
              <span title={call.alias}>{call.alias}</span>
              <small title={call.model}>{call.provider}</small>
            </td>
            <td>
              <CallStatus status={call.status} />
            </td>
            <td className={styles["model"]}>
              <span title={call.tenant_name}>{call.tenant_name}</span>
              <small title={call.key_name}>{call.key_name}</small>
            </td>
            <td className={tableStyles["number"]}>{count(call.input_tokens)}</td>
            <td className={tableStyles["number"]}>{count(call.output_tokens)}</td>
            <td className={`${tableStyles["number"]} ${tableStyles["muted"]}`}>{duration(call.first_token_ms)}</td>
            <td className={`${tableStyles["number"]} ${tableStyles["muted"]}`}>{duration(call.latency_ms)}</td>
            <td className={`${tableStyles["number"]} ${tableStyles["strong"]}`}>
              {call.estimated && <span title="Estimated">≈ </span>}
              <Money nano={call.cost_nano_usd} />
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
