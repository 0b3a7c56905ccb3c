import { BUNDLED_BYTES, BUNDLED_FACTS, BUNDLED_STUDENTS, BUNDLED_TEACHERS } from "../../config/bundled";
import { bytes } from "../format";
import { messages } from "../messages";
import { useLibraryState } from "../use-app";
import { ModelCard } from "./ModelCard";
import { UseButtons } from "./UseButtons";

const { models: text } = messages;

/** What is on this device: bundled, then added. */
export function ModelList() {
  const models = useLibraryState((state) => state.models);
  return (
    <>
      <h3>{text.own}</h3>
      {models === undefined ? (
        <p className="empty">{text.looking}</p>
      ) : models.length === 0 ? (
        <p className="empty">{text.none}</p>
      ) : (
        <ul className="model-list">
          {models.map((model) => (
            <ModelCard key={model.key} model={model} />
          ))}
        </ul>
      )}
      <h3>{text.bundled}</h3>
      <p className="muted">{text.bundledNote}</p>
      <ul className="model-list">
        {[...BUNDLED_TEACHERS, ...BUNDLED_STUDENTS].map((id) => (
          <li key={id} className="model-card">
            <p className="model-name">
              <b>{messages.settings.options[id] ?? id}</b>{" "}
              <span className="muted">{bytes(BUNDLED_BYTES[id] ?? 0)}</span>
            </p>
            <BundledFacts id={id} />
            <UseButtons teacher={id} student={id} />
          </li>
        ))}
      </ul>
    </>
  );
}

function BundledFacts({ id }: { readonly id: string }) {
  const facts = BUNDLED_FACTS[id];
  if (!facts) return null;
  const { family, layers, width, tokens, right } = facts;
  return <p className="model-facts muted">{text.bundledFacts(family, layers, width, tokens, right)}</p>;
}
