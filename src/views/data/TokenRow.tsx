import type { DataPreview } from "../../store";
import { percent } from "../format";
import { messages } from "../messages";

const { data: text } = messages;
type Row = DataPreview["samples"][number];

/** One row as both models cut it: the prompt paler, the response in chips. */
export function TokenRow({ row }: { readonly row: Row }) {
  return (
    <li className="token-row">
      <p className="muted">
        {row.id} {row.truncated && <span className="badge badge-bad">{text.cut}</span>}
      </p>
      {(["teacher", "student"] as const).map((side) => {
        const { prompt, output, apart, aligned } = row[side];
        return (
          <div key={side} className="token-side">
            <span className={`id-${side} token-who`}>{text[side]}</span>
            <span className="muted token-count">
              {text.tokens(prompt.length + output.length)}
              {aligned < 1 && <b className="issue">{messages.coverage.ofRow(percent(aligned))}</b>}
            </span>
            <p className={`chips-line chips-${side}`}>
              <Chips tokens={prompt} part="prompt" />
              <Chips tokens={output} part="output" apart={apart} />
            </p>
          </div>
        );
      })}
    </li>
  );
}

/** A long row is cut here, not in training: the count above says how long it is. */
const MOST = 160;

function Chips({
  tokens,
  part,
  apart = [],
}: {
  readonly tokens: readonly string[];
  readonly part: "prompt" | "output";
  /** Tokens that the other side has no text for. */
  readonly apart?: readonly number[];
}) {
  const alone = new Set(apart);
  return (
    <span className={`chips-${part}`}>
      {tokens.slice(0, MOST).map((token, i) => (
        // The same token stands in many places, and rows never change.
        <span
          key={i}
          className={alone.has(i) ? "token-chip token apart" : "token-chip token"}
          title={alone.has(i) ? messages.coverage.apart : undefined}
        >
          {token}
        </span>
      ))}
      {tokens.length > MOST && "…"}
    </span>
  );
}
