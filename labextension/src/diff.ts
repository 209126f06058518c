/** Two texts line by line: what is the same, taken out, put in. Pure. */

export interface IDiffLine {
  kind: 'same' | 'del' | 'add' | 'skip';
  text: string;
  left: number | null;
  right: number | null;
}

const LIMIT = 2_000_000;

/** Differences of two lists of lines, by their longest common subsequence. */
export function diffLines(one: string, two: string): IDiffLine[] {
  const a = one.split('\n');
  const b = two.split('\n');
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) {
    start++;
  }
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) {
    end++;
  }
  const out: IDiffLine[] = [];
  const same = (i: number, j: number) => out.push({ kind: 'same', text: a[i], left: i + 1, right: j + 1 });
  const del = (i: number) => out.push({ kind: 'del', text: a[i], left: i + 1, right: null });
  const add = (j: number) => out.push({ kind: 'add', text: b[j], left: null, right: j + 1 });
  for (let i = 0; i < start; i++) {
    same(i, i);
  }
  const n = a.length - end - start;
  const m = b.length - end - start;
  if (n * m > LIMIT) {
    // Too much for the table: the middle is shown as replaced.
    for (let i = 0; i < n; i++) {
      del(start + i);
    }
    for (let j = 0; j < m; j++) {
      add(start + j);
    }
  } else {
    walk(a, b, start, n, m, same, del, add);
  }
  for (let k = end; k > 0; k--) {
    same(a.length - k, b.length - k);
  }
  return out;
}

function walk(
  a: string[],
  b: string[],
  start: number,
  n: number,
  m: number,
  same: (i: number, j: number) => void,
  del: (i: number) => void,
  add: (j: number) => void
): void {
  const width = m + 1;
  const length = new Uint32Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      length[i * width + j] =
        a[start + i] === b[start + j]
          ? length[(i + 1) * width + j + 1] + 1
          : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  let i = 0;
  let j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && a[start + i] === b[start + j]) {
      same(start + i++, start + j++);
    } else if (i < n && (j === m || length[(i + 1) * width + j] >= length[i * width + j + 1])) {
      del(start + i++);
    } else {
      add(start + j++);
    }
  }
}

/** Only what changed, with some lines around it; what is left out is one line that says how much. */
export function foldSame(lines: IDiffLine[], around = 3): IDiffLine[] {
  const keep = new Array<boolean>(lines.length).fill(false);
  lines.forEach((line, at) => {
    if (line.kind !== 'same') {
      for (let k = Math.max(0, at - around); k <= Math.min(lines.length - 1, at + around); k++) {
        keep[k] = true;
      }
    }
  });
  const out: IDiffLine[] = [];
  let skipped = 0;
  const flush = () => {
    if (skipped) {
      out.push({ kind: 'skip', text: String(skipped), left: null, right: null });
      skipped = 0;
    }
  };
  lines.forEach((line, at) => {
    if (keep[at]) {
      flush();
      out.push(line);
    } else {
      skipped++;
    }
  });
  flush();
  return out;
}
