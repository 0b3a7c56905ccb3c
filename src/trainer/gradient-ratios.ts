// What each transport term's gradient is to the cross entropy's, on a held-out row: measured once a step, and only where the config asks.
import type { PreparedRow } from "../data";
import type { StepRecord } from "../telemetry";
import type { GradientGauge } from "./gradient-gauge";

export interface GradientRatios {
  /** By the term's name; none without a gauge. @param step steps done. */
  of(row: number, step: number): Promise<Record<string, number>>;
  /** A step's record with the ratios in its gauges. */
  add(record: StepRecord, row: number, step: number): Promise<StepRecord>;
  /** The weights are others now. */
  forget(): void;
  destroy(): void;
}

export function createGradientRatios(
  gauge: GradientGauge | undefined,
  rowOf: (index: number) => PreparedRow,
): GradientRatios {
  let measured: { step: number; row: number; ratios: Record<string, number> } | undefined;
  async function of(row: number, step: number): Promise<Record<string, number>> {
    if (!gauge) return {};
    if (measured?.step !== step || measured.row !== row)
      measured = { step, row, ratios: await gauge.ratios(rowOf(row)) };
    return measured.ratios;
  }
  return {
    of,
    async add(record, row, step) {
      if (!gauge || !record.gauges) return record;
      const ratios = await of(row, step);
      const gauges = Object.entries(record.gauges).map(([name, one]) => {
        const gradientRatio = ratios[name];
        return [name, { ...one, ...(gradientRatio !== undefined && { gradientRatio }) }];
      });
      return { ...record, gauges: Object.fromEntries(gauges) };
    },
    forget: () => (measured = undefined),
    destroy: () => gauge?.destroy(),
  };
}
