// Numbers as text, the same way everywhere.

const fixed = new Map<number, Intl.NumberFormat>();

export function decimals(value: number, digits: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : "infinite";
  let format = fixed.get(digits);
  if (!format) {
    format = new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    fixed.set(digits, format);
  }
  return format.format(value);
}

/** Three significant digits; tiny and huge values as powers of ten. */
export function significant(value: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return decimals(value, 0);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return power(value);
  return decimals(value, Math.max(0, 2 - Math.floor(Math.log10(size))));
}

/** For axes: no more digits than the value needs. */
export const compact = (value: number): string => {
  const rounded = Number(value.toPrecision(3));
  const text = String(rounded);
  return (text.length > 7 ? rounded.toExponential() : text).replaceAll("-", "−");
};

function power(value: number): string {
  const [mantissa = "", exponent = ""] = value.toExponential(1).split("e");
  return `${mantissa.replace(/\.0$/, "").replace("-", "−")}e${exponent.replace("+", "").replace("-", "−")}`;
}

export const percent = (share: number, digits = 0): string => `${decimals(share * 100, digits)} %`;

export const count = (value: number): string => decimals(value, 0);

export function bytes(value: number): string {
  if (value < 1024) return `${count(value)} B`;
  if (value < 1024 ** 2) return `${decimals(value / 1024, 0)} KB`;
  if (value < 1024 ** 3) return `${decimals(value / 1024 ** 2, 1)} MB`;
  return `${decimals(value / 1024 ** 3, 1)} GB`;
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export const plural = (n: number, one: string, many: string): string => `${count(n)} ${n === 1 ? one : many}`;
