import { useState } from "react";
import { NEEDED_LIMITS, type AdapterFacts, type DeviceState } from "../../store";
import type { BenchmarkRecord } from "../../telemetry";
import { bytes, count, decimals, significant } from "../format";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { remedyFor, visitorOf } from "../shell/remedy";
import { useActions, useApp } from "../use-app";

const { devicePage: text } = messages;

/** What computes here, within which limits, and how fast. */
export function DeviceScreen() {
  const device = useApp((state) => state.device);
  return (
    <div className="device-page">
      <Panel title={text.adapter} name="adapter">
        <Adapter device={device} />
      </Panel>
      <Panel title={text.speed} name="speed">
        <Benchmark open={device.kind === "open"} />
      </Panel>
      {device.kind === "open" && (
        <Panel title={text.limits} name="limits">
          <Limits adapter={device.adapter} />
        </Panel>
      )}
      <Panel title={text.report} name="report">
        <Report />
      </Panel>
    </div>
  );
}

function Adapter({ device }: { readonly device: DeviceState }) {
  if (device.kind === "none")
    return (
      <dl className="reasons">
        <dt>{messages.problem.why}</dt>
        <dd>
          {messages.noGpu.reasons[device.reason]} <span className="muted">{device.detail}</span>
        </dd>
        <dt>{messages.problem.remedy}</dt>
        <dd>{remedyFor(device.reason, visitorOf(navigator.userAgent))}</dd>
        <dt>{text.still}</dt>
        <dd>{text.stillWorks}</dd>
      </dl>
    );
  if (device.kind !== "open")
    return <p>{device.kind === "opening" ? messages.device.opening : messages.device.crashed}</p>;
  const { name, software, features } = device.adapter;
  return (
    <>
      <p>
        <b>{name}</b> ·{" "}
        <span className="muted">
          {software ? messages.device.softwareNote : messages.device.hardwareNote}
        </span>
      </p>
      <h3>{messages.device.features}</h3>
      <p className="mono">{features.length > 0 ? features.join(", ") : messages.device.noFeatures}</p>
      <dl className="pairs narrow">
        {(["shader-f16", "subgroups", "timestamp-query"] as const).map((feature) => (
          <div key={feature}>
            <dt>{feature}</dt>
            <dd>{features.includes(feature) ? text.used[feature] : text.without[feature]}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Benchmark({ open }: { readonly open: boolean }) {
  const results = useApp((state) => state.benchmark);
  const running = useApp((state) => state.run.status === "running");
  const busy = useApp((state) => state.benchmarking);
  const { benchmark } = useActions();
  return (
    <>
      <p className="muted">{text.speedNote}</p>
      <button type="button" onClick={benchmark} disabled={!open || running || busy}>
        {busy ? text.measuring : text.measure}
      </button>
      {results && <Results results={results} />}
    </>
  );
}

function Results({ results }: { readonly results: readonly BenchmarkRecord[] }) {
  return (
    <table className="flow-table device-table">
      <thead>
        <tr>
          <th scope="col">{text.what}</th>
          <th scope="col">{text.where}</th>
          <th scope="col">{text.time}</th>
          <th scope="col">{text.rate}</th>
        </tr>
      </thead>
      <tbody>
        {results.map(({ what, where, ms, rate, unit }) => (
          <tr key={`${what} ${where}`}>
            <td>{text.works[what]}</td>
            <td>{where.toUpperCase()}</td>
            <td>{decimals(ms, 2)} ms</td>
            <td>
              {significant(rate)} {unit}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Limits of what is drawn are of no use here; the report has them all. */
const COMPUTE =
  /Compute|maxBufferSize|StorageBuffer(BindingSize|sPerShaderStage)|UniformBuffer(BindingSize|sPer)|BindGroups$|BindingsPer/;

function Limits({ adapter }: { readonly adapter: AdapterFacts }) {
  const show = (name: string, value: number) => (/Size$/.test(name) ? bytes(value) : count(value));
  return (
    <table className="flow-table device-table">
      <thead>
        <tr>
          <th scope="col">{text.limit}</th>
          <th scope="col">{text.here}</th>
          <th scope="col">{text.needed}</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(adapter.limits)
          .filter(([name]) => COMPUTE.test(name))
          .map(([name, value]) => (
            <tr key={name}>
              <td className="mono">{name}</td>
              <td>{show(name, value)}</td>
              <td>{NEEDED_LIMITS[name] === undefined ? "" : show(name, NEEDED_LIMITS[name])}</td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

/** Everything above as text, for a bug report. */
function Report() {
  const device = useApp((state) => state.device);
  const benchmark = useApp((state) => state.benchmark);
  const [note, setNote] = useState("");
  const report = JSON.stringify(
    { device, benchmark, browser: navigator.userAgent, isolated: globalThis.crossOriginIsolated },
    null,
    1,
  );
  const copy = () =>
    navigator.clipboard.writeText(report).then(
      () => setNote(messages.config.copied),
      () => setNote(messages.config.copyFailed),
    );
  return (
    <>
      <div className="row">
        <button type="button" onClick={() => void copy()}>
          {text.copy}
        </button>
        <span role="status" className="muted">
          {note}
        </span>
      </div>
      <pre className="log" tabIndex={0} aria-label={text.report}>
        {report}
      </pre>
    </>
  );
}
