import { useStore } from "zustand";
import { PRESETS } from "../../config/presets";
import { configOf, differences } from "../../store";
import { messages } from "../messages";
import { fieldName, optionName } from "../run/field-names";
import { useAppParts } from "../use-app";

const { compare: text } = messages;

/** The settings in which the chosen methods differ; all others are the same for every column. */
export function Differences() {
  const { comparison } = useAppParts();
  const { budget } = useStore(comparison.store);
  const { presets, seeds } = budget;
  const rows = differences(presets.map((preset) => configOf(preset, seeds[0] ?? 1, budget)));
  if (presets.length < 2) return <p className="empty">{text.oneMethod}</p>;
  if (rows.length === 0) return <p className="empty">{text.noDifference}</p>;
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label={text.differences}>
      <table className="flow-table difference-table">
        <thead>
          <tr>
            <th scope="col">{text.setting}</th>
            {presets.map((preset) => (
              <th key={preset} scope="col">
                {PRESETS[preset].title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ path, texts }) => (
            <tr key={path}>
              <th scope="row">
                {fieldName(path)} <span className="muted mono">{path}</span>
              </th>
              {texts.map((value, i) => (
                <td key={presets[i]}>{settingText(path, value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="hint">{text.differencesNote}</p>
    </div>
  );
}

const settingText = (path: string, value: string | undefined): string => {
  if (value === undefined) return "–";
  if (value === "") return text.nothing;
  return optionName(path, value);
};
