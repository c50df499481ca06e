import { Link } from "@tanstack/react-router";

import type { BreakdownItem } from "@/api/types";
import { count, share, shortCount } from "@/lib/numbers";
import { Money } from "@/ui/Figures";
import { Table, tableStyles } from "@/ui/Table";

import { allTokens } from "../metrics";
import type { UsageGroup } from "../period";
import styles from "./Breakdown.module.css";

const NOUNS: Record<UsageGroup, string> = { model: "Model", tenant: "Tenant", key: "API key" };

interface BreakdownProps {
  group: UsageGroup;
  items: readonly BreakdownItem[];
  stale: boolean;
}

/** What the money goes to, most expensive first, with a bar that compares. Each line leads to its calls. */
export function Breakdown({ group, items, stale }: BreakdownProps) {
  const most = items.reduce((largest, item) => {
    const cost = BigInt(item.cost_nano_usd);
    return cost > largest ? cost : largest;
  }, 0n);

  return (
    <Table label={`Usage by ${NOUNS[group].toLowerCase()}`}>
      <thead>
        <tr>
          <th>{NOUNS[group]}</th>
          <th className={tableStyles["number"]}>Requests</th>
          <th className={tableStyles["number"]}>Failed</th>
          <th className={tableStyles["number"]}>Tokens</th>
          <th className={tableStyles["number"]}>Spend</th>
        </tr>
      </thead>
      <tbody className={stale ? styles["stale"] : undefined}>
        {items.map((item) => (
          <tr key={item.id}>
            <td>
              <Link to="/calls" search={{ [group]: item.id }} className={styles["name"]}>
                {item.label}
              </Link>
              <span className={styles["bar"]} aria-hidden>
                <span style={{ width: `${widthPercent(item.cost_nano_usd, most)}%` }} />
              </span>
            </td>
            <td className={tableStyles["number"]}>{count(item.requests)}</td>
            <td className={`${tableStyles["number"]} ${tableStyles["muted"]}`}>
              {share(item.failed_requests, item.requests)}
            </td>
            <td className={tableStyles["number"]} title={count(allTokens(item))}>
              {shortCount(allTokens(item))}
            </td>
            <td className={`${tableStyles["number"]} ${tableStyles["strong"]}`}>
              <Money nano={item.cost_nano_usd} rough />
            </td>
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

function widthPercent(nano: string, most: bigint): number {
  return most === 0n ? 0 : Number((BigInt(nano) * 1000n) / most) / 10;
}
