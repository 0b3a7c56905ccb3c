import { fieldText, type ModelRole } from "../../store";
import { messages } from "../messages";
import { hashOf } from "../routes";
import { useActions, useApp } from "../use-app";

const { models: text } = messages;

interface UseButtonsProps {
  /** What the config would name; undefined: no such role. */
  readonly teacher: string | undefined;
  readonly student: string | undefined;
}

/** Puts a model into the settings of Distill, loads it unless a run is under way, and goes there. */
export function UseButtons({ teacher, student }: UseButtonsProps) {
  const names = { teacher, student };
  return (
    <div className="row use-row">
      {(["teacher", "student"] as const).map((role) => {
        const name = names[role];
        return name === undefined ? null : <UseButton key={role} role={role} name={name} />;
      })}
    </div>
  );
}

function UseButton({ role, name }: { readonly role: ModelRole; readonly name: string }) {
  const inUse = useApp(({ draft }) => fieldText(draft, role) === name);
  const { use } = useActions();
  if (inUse) return <span className={`badge id-${role}`}>{text.used_as(text.role[role])}</span>;
  return (
    <button
      type="button"
      onClick={() => {
        use([[role, name]]);
        location.hash = hashOf("distill", "");
      }}
    >
      {text.use[role]}
    </button>
  );
}
