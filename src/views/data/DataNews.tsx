import { bytes } from "../format";
import { messages } from "../messages";
import { useDataState } from "../use-app";

const { data: text } = messages;

/** What the worker is busy with, and what went wrong. */
export function DataNews() {
  const progress = useDataState((state) => state.progress);
  const problem = useDataState((state) => state.problem);
  return (
    <>
      {progress && (
        <section className="notice transfer" role="status">
          <p>{progressText(progress)}</p>
          <progress
            value={progress.total > 0 ? progress.done : undefined}
            max={Math.max(1, progress.total)}
            aria-label={progressText(progress)}
          />
        </section>
      )}
      {problem && (
        <section className="notice notice-bad" role="alert" data-code={problem.failure.code}>
          <h2>{text.failed}</h2>
          <p>{problem.failure.why}</p>
        </section>
      )}
    </>
  );
}

function progressText({
  stage,
  done,
  total,
  rows,
}: {
  readonly stage: "reading" | "tokenizing" | "keeping";
  readonly done: number;
  readonly total: number;
  readonly rows: number;
}): string {
  if (stage !== "reading") return text[stage](done, total);
  return total > 0 ? text.reading(bytes(done), bytes(total), rows) : text.unpacking(bytes(done), rows);
}
