/** Values as short, honest text: the same words as the package's own `panels/format.py`. Pure. */

export const STATUS_SYMBOLS: Record<string, string> = {
  RUNNING: '●',
  SCHEDULED: '○',
  FINISHED: '✓',
  FAILED: '✗',
  KILLED: '■'
};

export const VERDICT_SYMBOLS: Record<string, string> = {
  identical: '≡',
  equivalent: '≈',
  diverged: '≠',
  failed: '✗'
};

const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const LOWER = new Set(
  'loss losses error err errors rmse mse mae mape smape rmsle logloss nll perplexity ppl brier wer cer regret'.split(' ')
);
const HIGHER = new Set(
  ('acc accuracy auc auroc auprc f1 fbeta r2 score scores precision recall map ndcg mrr iou dice bleu rouge mcc kappa ' +
    'specificity sensitivity silhouette reward').split(' ')
);
const WORDS = /[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+/g;

function visible(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  if (code === 0x7f) {
    return '␡';
  }
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Characters that cannot be seen, or that reorder their neighbours, made visible. */
export function showText(text: unknown): string {
  return String(text ?? '').replace(UNSEEN, visible);
}

/** Like `showText` for code: line ends and tabs stay what they are. */
export function showLines(text: string): string {
  return text.split('\n').map(line => line.split('\t').map(showText).join('\t')).join('\n');
}

/** The middle cut out of long text: both ends tell names apart. */
export function elide(text: string, limit = 60): string {
  if (text.length <= limit) {
    return text;
  }
  const tail = limit <= 16 ? Math.floor((limit - 1) / 2) : Math.floor(((limit - 1) * 2) / 5);
  return `${text.slice(0, limit - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** A number from our JSON, in which NaN and infinities are strings; null if it is none. */
export function asNumber(value: unknown): number | null {
  if (typeof value === 'number') {
    return value;
  }
  return value === 'NaN' ? NaN : value === 'Infinity' ? Infinity : value === '-Infinity' ? -Infinity : null;
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
}

/** A number with so many significant digits, grouped by thousands. */
export function showNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';
  }
  if (value === 0) {
    return '0';
  }
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e12) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
    return `${trim(mantissa)}e${exponent}`;
  }
  const decimals = Math.min(20, Math.max(0, digits - 1 - Math.floor(Math.log10(size))));
  const [whole, fraction] = value.toFixed(decimals).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return trim(fraction ? `${grouped}.${fraction}` : grouped);
}

/** A param or any other value on one line. */
export function showValue(value: unknown, limit = 60): string {
  if (value === undefined) {
    return '';
  }
  let text: string;
  if (typeof value === 'string') {
    text = value;
  } else if (value === null) {
    text = 'None';
  } else if (typeof value === 'boolean') {
    text = value ? 'True' : 'False';
  } else if (typeof value === 'object') {
    text = JSON.stringify(value);
  } else {
    text = String(value);
  }
  return elide(showText(elide(text, limit * 2)), limit);
}

/** A duration in the two units that matter. */
export function showDuration(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) {
    return '';
  }
  if (milliseconds < 1) {
    return '<1 ms';
  }
  if (milliseconds < 999.5) {
    return `${Math.round(milliseconds)} ms`;
  }
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) {
    return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  }
  if (whole < 86400) {
    return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
  }
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** How long ago a time was. */
export function showAge(timestamp: number, now: number): string {
  const seconds = (now - timestamp) / 1000;
  if (seconds < 5) {
    return 'now';
  }
  for (const [limit, unit, name] of [
    [60, 1, 's'],
    [3600, 60, 'min'],
    [86400, 3600, 'h'],
    [86400 * 30, 86400, 'd']
  ] as [number, number, string][]) {
    if (seconds < limit) {
      return `${Math.floor(seconds / unit)} ${name} ago`;
    }
  }
  const then = new Date(timestamp);
  const month = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[then.getMonth()];
  return then.getFullYear() === new Date(now).getFullYear()
    ? `${then.getDate()} ${month}`
    : `${month} ${then.getFullYear()}`;
}

/** A time to the second, in the reader's zone. */
export function showTime(iso: string | null | undefined): string {
  if (!iso) {
    return '';
  }
  const then = new Date(iso);
  const two = (number: number) => String(number).padStart(2, '0');
  return (
    `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())} ` +
    `${two(then.getHours())}:${two(then.getMinutes())}:${two(then.getSeconds())}`
  );
}

/** A number of bytes in decimal units. */
export function showSize(size: number | null | undefined): string {
  if (size === null || size === undefined) {
    return '';
  }
  if (size < 1000) {
    return `${size} B`;
  }
  let amount = size;
  let unit = '';
  for (unit of ['kB', 'MB', 'GB', 'TB']) {
    amount /= 1000;
    if (amount < 999.5) {
      break;
    }
  }
  return `${showNumber(amount, 3)} ${unit}`;
}

/** Whether more of a metric is better (1), less is better (-1), or neither is known (0). */
export function betterDirection(metric: string): number {
  const words = (metric.match(WORDS) ?? []).map(word => word.toLowerCase());
  if (words.some(word => LOWER.has(word))) {
    return words[0] === 'neg' || words[0] === 'negative' ? 1 : -1;
  }
  return words.some(word => HIGHER.has(word) || HIGHER.has(word.replace(/\d+$/, ''))) ? 1 : 0;
}

export interface IChange {
  text: string;
  trend: 'better' | 'worse' | 'neutral' | 'same';
}

/** How a metric moved against another value; null if there is nothing to compare with. */
export function showChange(metric: string, value: number, earlier: number | null | undefined): IChange | null {
  if (earlier === null || earlier === undefined) {
    return null;
  }
  if (value === earlier || (Number.isNaN(value) && Number.isNaN(earlier))) {
    return { text: '=', trend: 'same' };
  }
  const difference = value - earlier;
  if (!Number.isFinite(difference)) {
    return { text: `was ${showNumber(earlier)}`, trend: 'neutral' };
  }
  const direction = betterDirection(metric);
  const trend = direction === 0 ? 'neutral' : difference * direction > 0 ? 'better' : 'worse';
  return { text: `${difference > 0 ? '▲' : '▼'} ${showNumber(Math.abs(difference), 2)}`, trend };
}

/** The start of an id. */
export function shortId(runId: string, length = 12): string {
  return runId.slice(0, length);
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.replace(/\/+$/, '').split('/').pop() || path;
}

/** A terminal's text as it looks in the end: colours out, and of lines that were written over only the last. */
export function lastOfLines(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replace(/\r\n/g, '\n')
    .split('\n')
    .map(line => line.replace(/\r+$/, '').split('\r').pop() ?? '')
    .join('\n');
}

/** How far something is, as its last line of output says: `45%|####`, `3/10`, `Epoch 3 of 10`. Pure. */
export function progressOf(line: string): number | null {
  const percent = /(?<![\d.])(\d{1,3}(?:\.\d+)?)\s?%/.exec(line);
  if (percent && Number(percent[1]) <= 100) {
    return Number(percent[1]) / 100;
  }
  const counted = /(?<![\d./])(\d{1,7})\s?(?:\/|of)\s?(\d{1,7})(?![\d./])/.exec(line);
  const [done, total] = counted ? [Number(counted[1]), Number(counted[2])] : [0, 0];
  return total > 1 && done <= total ? done / total : null;
}
