import { useRef } from "react";
import type { AdapterFacts, DeviceState } from "../../store";
import { bytes, count } from "../format";
import { messages } from "../messages";
import { useApp } from "../use-app";
import { useDismiss } from "./use-dismiss";

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/** The adapter, or why there is none; opens the details. */
export function DeviceChip() {
  const device = useApp((state) => state.device);
  const lost = useApp((state) => state.hadDevice && state.device.kind === "none");
  const text = lost ? messages.device.lost : chipText(device);
  const chip = useRef<HTMLDetailsElement>(null);
  useDismiss(chip);
  return (
    <details ref={chip} className="chip" data-kind={device.kind}>
      <summary aria-label={`${messages.device.title}: ${text}`}>
        <span className="dot" aria-hidden="true" />
        <span className="chip-name">{text}</span>
      </summary>
      <div className="chip-sheet">
        {lost ? <p>{messages.lostGpu.why}</p> : <DeviceSheet device={device} />}
      </div>
    </details>
  );
}

function chipText(device: DeviceState): string {
  switch (device.kind) {
    case "opening":
      return messages.device.opening;
    case "open":
      return `${device.adapter.name} · ${device.adapter.software ? messages.device.software : messages.device.hardware}`;
    case "none":
      return messages.device.none;
    case "crashed":
      return messages.device.crashed;
  }
}

function DeviceSheet({ device }: { readonly device: DeviceState }) {
  if (device.kind === "open") return <AdapterSheet adapter={device.adapter} />;
  if (device.kind === "none")
    return (
      <>
        <p>{messages.noGpu.reasons[device.reason]}</p>
        <p className="muted">{device.detail}</p>
      </>
    );
  return <p>{chipText(device)}</p>;
}

function AdapterSheet({ adapter }: { readonly adapter: AdapterFacts }) {
  const { software, features, limits } = adapter;
  return (
    <>
      <p>{software ? messages.device.softwareNote : messages.device.hardwareNote}</p>
      <h3>{messages.device.features}</h3>
      <p className="mono">{features.length > 0 ? features.join(", ") : messages.device.noFeatures}</p>
      <h3>{messages.device.limits}</h3>
      <dl className="pairs">
        {LIMITS.filter((name) => limits[name] !== undefined).map((name) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{/Size$/.test(name) ? bytes(limits[name] ?? 0) : count(limits[name] ?? 0)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
