import { messages } from "../messages";

const { framed: text } = messages;

/** Inside another site's frame only the figures of #/embed are shown: a page around this one could lay buttons over ours. */
export function FramedNotice() {
  return (
    <main className="framed">
      <h1>{messages.name}</h1>
      <p>{text.why}</p>
      <p>
        <a href={location.href} target="_blank" rel="noopener">
          {text.open}
        </a>
      </p>
    </main>
  );
}
