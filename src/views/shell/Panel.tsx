import { useId, type ReactNode } from "react";
import { ErrorBoundary } from "./ErrorBoundary";

interface PanelProps {
  readonly title: string;
  readonly name: string;
  /** Beside the title: what is shown, from which step. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A titled region; what breaks inside stays inside. */
export function Panel({ title, name, aside, children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel panel-${name}`} aria-labelledby={id}>
      <header className="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      <ErrorBoundary title={title}>{children}</ErrorBoundary>
    </section>
  );
}
