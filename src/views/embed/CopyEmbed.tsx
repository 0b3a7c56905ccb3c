import { useId, useRef, useState } from "react";
import {
  EMBED_CONTROLS,
  EMBED_STARTS,
  EMBED_THEMES,
  EMBED_VIEWS,
  embedHash,
  type EmbedPlace,
} from "../../config/embed-place";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";
import { useTransportScreen } from "../use-app";

const { embed: text } = messages;
const HEIGHTS = { plan: 720, sinkhorn: 900, replay: 1300 } as const;

/** Lines for other pages and for notebooks: this figure, in this state, with chosen controls. */
export function CopyEmbed() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const show = () => {
    setOpen(true);
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" className="quiet" title={text.copyTitle} onClick={show}>
        {text.copy}
      </button>
      <dialog
        ref={dialog}
        className="config embed-dialog"
        aria-label={text.title}
        onClose={() => setOpen(false)}
      >
        {open && <EmbedForm close={() => dialog.current?.close()} />}
      </dialog>
    </>
  );
}

function EmbedForm({ close }: { readonly close: () => void }) {
  const transportScreen = useTransportScreen();
  const [place, setPlace] = useState<EmbedPlace>({
    view: "sinkhorn",
    controls: EMBED_CONTROLS,
    start: "seen",
    theme: "system",
  });
  const change = (part: Partial<EmbedPlace>) => setPlace({ ...place, ...part });
  const address = new URL(
    embedHash(place, place.view === "replay" ? "" : transportScreen.toLink()),
    location.href,
  ).href;
  const height = HEIGHTS[place.view];
  const options = <T extends string>(values: readonly T[], names: Readonly<Record<T, string>>) =>
    values.map((value) => ({ value, text: names[value] }));
  return (
    <>
      <h2>{text.title}</h2>
      <div className="fields">
        <div className="embed-choice">
          <span className="muted">{text.figure}</span>
          <Segmented
            label={text.figure}
            options={options(EMBED_VIEWS, text.views)}
            value={place.view}
            onChange={(view) => change({ view })}
          />
        </div>
        <fieldset className="row embed-controls">
          <legend>{text.controls}</legend>
          {EMBED_CONTROLS.map((control) => (
            <label key={control}>
              <input
                type="checkbox"
                checked={place.controls.includes(control)}
                onChange={({ target }) =>
                  change({
                    controls: EMBED_CONTROLS.filter((name) =>
                      name === control ? target.checked : place.controls.includes(name),
                    ),
                  })
                }
              />{" "}
              {text.controlNames[control]}
            </label>
          ))}
        </fieldset>
        <div className="embed-choice">
          <span className="muted">{text.starts}</span>
          <Segmented
            label={text.starts}
            options={options(EMBED_STARTS, text.startNames)}
            value={place.start}
            onChange={(start) => change({ start })}
          />
        </div>
        <div className="embed-choice">
          <span className="muted">{messages.theme.label}</span>
          <Segmented
            label={messages.theme.label}
            options={options(EMBED_THEMES, messages.theme)}
            value={place.theme}
            onChange={(theme) => change({ theme })}
          />
        </div>
      </div>
      <Line
        name={text.iframe}
        line={`<iframe src="${address.replaceAll("&", "&amp;")}" width="100%" height="${height}" style="border:0" loading="lazy" title="Couplet"></iframe>`}
      />
      <Line
        name={text.jupyter}
        line={`from IPython.display import IFrame; IFrame(${JSON.stringify(address)}, width="100%", height=${height})`}
      />
      <p className="hint">{text.note}</p>
      <button type="button" onClick={close}>
        {messages.config.close}
      </button>
    </>
  );
}

function Line({ name, line }: { readonly name: string; readonly line: string }) {
  const id = useId();
  const [note, setNote] = useState("");
  const copy = () =>
    navigator.clipboard.writeText(line).then(
      () => setNote(messages.config.copied),
      () => setNote(messages.config.copyFailed),
    );
  return (
    <div className="embed-line">
      <label htmlFor={id}>{name}</label>
      <textarea id={id} readOnly rows={3} spellCheck={false} value={line} />
      <div className="row">
        <button type="button" onClick={() => void copy()}>
          {messages.config.copy}
        </button>
        <span role="status" className="muted">
          {note}
        </span>
      </div>
    </div>
  );
}
