import { useRef, useState, type RefObject } from "react";
import { ConfigError } from "../../config/run";
import { validateDraft } from "../../store";
import { messages } from "../messages";
import { useActions, useApp, useAppParts } from "../use-app";

/** The run config as JSON: to read, copy, paste and use. */
export function ConfigDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const { store } = useAppParts();
  const usable = useApp((state) => validateDraft(state.draft).config !== undefined);
  const open = () => {
    setText(JSON.stringify(validateDraft(store.getState().draft).config, null, 2));
    dialog.current?.showModal();
  };
  return (
    <>
      <button type="button" className="quiet" disabled={!usable} onClick={open}>
        {messages.settings.config}
      </button>
      <dialog ref={dialog} className="config" aria-label={messages.config.title}>
        <h2>{messages.config.title}</h2>
        <p className="hint">{messages.config.note}</p>
        <ConfigForm dialog={dialog} text={text} setText={setText} />
      </dialog>
    </>
  );
}

interface ConfigFormProps {
  readonly dialog: RefObject<HTMLDialogElement | null>;
  readonly text: string;
  readonly setText: (text: string) => void;
}

function ConfigForm({ dialog, text, setText }: ConfigFormProps) {
  const { importConfig } = useActions();
  const [note, setNote] = useState("");
  const use = async () => {
    try {
      await importConfig(text);
      setNote("");
      dialog.current?.close();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      setNote(error.message);
    }
  };
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setNote(messages.config.copied),
      () => setNote(messages.config.copyFailed),
    );
  return (
    <>
      <textarea
        aria-label={messages.config.label}
        spellCheck={false}
        rows={18}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <p className="config-note" role="status">
        {note}
      </p>
      <div className="row">
        <button type="button" className="primary" onClick={() => void use()}>
          {messages.config.use}
        </button>
        <label className="button file-button">
          {messages.config.open}
          <input
            type="file"
            accept=".json,application/json"
            onChange={(event) => {
              void event.target.files?.[0]?.text().then(setText);
              event.target.value = "";
            }}
          />
        </label>
        <button type="button" onClick={() => void copy()}>
          {messages.config.copy}
        </button>
        <button type="button" className="quiet" onClick={() => dialog.current?.close()}>
          {messages.config.close}
        </button>
      </div>
    </>
  );
}
