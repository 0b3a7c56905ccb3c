import { messageOf } from "../../base/errors";
import { Component, type ReactNode } from "react";
import { messages } from "../messages";

interface Props {
  readonly title: string;
  readonly children: ReactNode;
}
interface State {
  readonly error: string | undefined;
}

/** A class, because React offers error boundaries in no other form. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { error: messageOf(error) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div className="panel-error" role="alert">
        <p>{messages.problem.panel(this.props.title)}</p>
        <p className="muted">{error}</p>
        <button type="button" onClick={() => this.setState({ error: undefined })}>
          {messages.problem.panelRetry}
        </button>
      </div>
    );
  }
}
