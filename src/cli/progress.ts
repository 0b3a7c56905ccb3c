// How far a run is, on stderr: a bar with the time left on a terminal, lines everywhere else.
import type { StepRecord } from "../telemetry";

/** What of a stream is used; process.stderr unless a test brings another. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface RunProgress {
  /** A stage of loading; total 0 means unknown. */
  loading(stage: string, done: number, total: number): void;
  step(record: StepRecord): void;
  /** A line of its own, above the bar. */
  line(text: string): void;
  /** Leaves the bar as it is and goes to a new line. */
  end(): void;
}

const BAR = 24;

const stderr = (): ProgressStream =>
  process.stderr.isTTY ? process.stderr : { write: (text) => console.error(text.replace(/\n$/, "")) };

/** @param steps of the whole run. @param now milliseconds, from any zero. */
export function runProgress(
  steps: number,
  stream: ProgressStream = stderr(),
  now: () => number = () => performance.now(),
): RunProgress {
  return stream.isTTY ? terminalProgress(steps, stream, now) : lineProgress(steps, stream);
}

function lineProgress(steps: number, stream: ProgressStream): RunProgress {
  let stage = "";
  const line = (text: string) => void stream.write(`${text}\n`);
  return {
    loading(name) {
      if (name !== stage) line(`loading: ${name}`);
      stage = name;
    },
    step(record) {
      if (record.step === 1 || record.step % 10 === 0 || record.step === steps) line(stepLine(record, steps));
    },
    line,
    end: () => undefined,
  };
}

function terminalProgress(steps: number, stream: ProgressStream, now: () => number): RunProgress {
  let shown = "";
  let first: { at: number; step: number } | undefined;
  const draw = (text: string) => {
    shown = text.slice(0, Math.max(20, (stream.columns || 80) - 1));
    stream.write(`\r\x1b[K${shown}`);
  };
  return {
    loading: (stage, done, total) => draw(`loading: ${stage}${total > 0 ? ` ${done}/${total}` : ""}`),
    step({ step, loss }) {
      first ??= { at: now(), step };
      const each = step > first.step ? (now() - first.at) / (step - first.step) : undefined;
      const left = each === undefined ? "" : ` · ${duration((each * (steps - step)) / 1000)} left`;
      draw(`${bar(step / steps)} ${step}/${steps} · loss ${loss.toFixed(4)}${left}`);
    },
    line(text) {
      stream.write(`\r\x1b[K${text}\n${shown}`);
    },
    end() {
      if (shown) stream.write("\n");
      shown = "";
    },
  };
}

function bar(share: number): string {
  const full = Math.round(BAR * Math.min(1, Math.max(0, share)));
  return `[${"#".repeat(full)}${".".repeat(BAR - full)}]`;
}

/** Seconds as 8 s, 3 min 20 s or 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function stepLine({ step, loss, terms, gradNorm, ms }: StepRecord, steps: number): string {
  const parts = Object.entries(terms).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  return `step ${step}/${steps}  loss ${loss.toFixed(4)}  (${parts.join(", ")})  |g| ${gradNorm.toFixed(2)}  ${ms.toFixed(0)} ms`;
}
