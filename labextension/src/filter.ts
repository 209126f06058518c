/** Completion for the product's filter language: what may stand at the caret. Pure. */

export interface IFields {
  metrics: string[];
  params: string[];
  tags: string[];
  experiments: string[];
}

export interface ICompletion {
  /** What is put in. */
  text: string;
  /** What it is, in a word. */
  kind: string;
  /** Where the word that it replaces begins. */
  from: number;
}

const ATTRIBUTES = ['status', 'run_name', 'experiment', 'notebook', 'stage', 'user', 'start_time', 'end_time', 'duration', 'run_id'];
const STATUSES = ['FINISHED', 'RUNNING', 'FAILED', 'KILLED', 'SCHEDULED'];
const OPERATORS = ['=', '!=', '<', '<=', '>', '>=', 'LIKE', 'ILIKE', 'IN', '~', 'IS NULL', 'IS NOT NULL'];
const FIELD = /^((metrics|params|tags)\.(`[^`]*`|"[^"]*"|[\w./-]+)|[a-z_]+)$/i;

/** The key as it stands behind `metrics.`: in backticks if it is not a plain name. */
export function quoteKey(key: string): string {
  return /^[\w./]+$/.test(key) ? key : '`' + key.replace(/`/g, '') + '`';
}

/** A text as a literal of the language. */
export function quoteText(text: string): string {
  return `'${text.replace(/'/g, "''")}'`;
}

/** What may stand at the caret, best first. */
export function complete(text: string, caret: number, fields: IFields, limit = 12): ICompletion[] {
  const before = text.slice(0, caret);
  const word = /[^\s()=<>!~,]*$/.exec(before)![0];
  const from = caret - word.length;
  const ahead = before.slice(0, from).trimEnd();
  const tokens = ahead.match(/'(?:[^']|'')*'|`[^`]*`|[^\s()=<>!~,'`]+(?:`[^`]*`)?|[=<>!~]+|[(),]/g) ?? [];
  const last = tokens[tokens.length - 1] ?? '';
  const beforeLast = tokens[tokens.length - 2] ?? '';
  const offer = (items: string[], kind: string): ICompletion[] =>
    items
      .filter(item => item.toLowerCase().includes(word.toLowerCase()) && item !== word)
      .sort((a, b) => Number(startsWith(b, word)) - Number(startsWith(a, word)))
      .map(item => ({ text: item, kind, from }));
  let found: ICompletion[];
  if (/^([=<>!~]+|like|ilike|in)$/i.test(last)) {
    const asked = beforeLast.toLowerCase();
    found =
      asked === 'status'
        ? offer(STATUSES.map(quoteText), 'status')
        : asked === 'experiment'
          ? offer(fields.experiments.map(quoteText), 'experiment')
          : [];
  } else if (FIELD.test(last) && !/^(and|or|not)$/i.test(last) && /\s$/.test(before.slice(0, from) || ' ')) {
    found = offer(OPERATORS, 'operator');
  } else if (last && !/^(and|or|not|\()$/i.test(last) && tokens.length > 2) {
    found = offer(['AND', 'OR'], 'word');
  } else {
    found = [
      ...offer(fields.metrics.map(key => `metrics.${quoteKey(key)}`), 'metric'),
      ...offer(fields.params.map(key => `params.${quoteKey(key)}`), 'param'),
      ...offer(ATTRIBUTES, 'run'),
      ...offer(fields.tags.map(key => `tags.${quoteKey(key)}`), 'tag')
    ];
  }
  return found.slice(0, limit);
}

function startsWith(item: string, word: string): boolean {
  return item.toLowerCase().startsWith(word.toLowerCase()) || item.split('.').slice(1).join('.').startsWith(word);
}

/** Whether a text is free text (a search over names, params, tags and code) and no filter. */
export function isFreeText(text: string): boolean {
  return !/[=<>~]|\b(like|ilike|in|is|between)\b/i.test(text);
}

/** What a search field says as a filter: free text becomes a quoted term. */
export function asFilter(typed: string): string {
  const text = typed.trim();
  return text && isFreeText(text) && !/^'.*'$/.test(text) ? quoteText(text) : text;
}
