/** Branches of runs, flattened into the rows of a virtual list. Pure. */

import type { IGroup, IRun } from './wire';

export type Grouping = 'none' | 'notebook' | 'cell' | 'experiment' | 'sweep';

/** Runs below one head: the root, a group, or a run with children. */
export interface IBranch {
  runs: IRun[];
  token: string | null;
  loading: boolean;
  loaded: boolean;
  error: string | null;
}

export interface IRow {
  key: string;
  depth: number;
  kind: 'group' | 'run' | 'more' | 'loading' | 'error';
  group?: IGroup;
  run?: IRun;
  expandable: boolean;
  expanded: boolean;
  /** The branch that it stands in, or that `more` goes on with. */
  branch: string;
  text?: string;
}

export const ROOT = '';

export function groupKey(group: IGroup): string {
  return `group:${group.key ?? ''}`;
}

export function emptyBranch(): IBranch {
  return { runs: [], token: null, loading: false, loaded: false, error: null };
}

/** The rows in the order in which they are shown. */
export function flatten(
  groups: IGroup[] | null,
  branches: ReadonlyMap<string, IBranch>,
  opened: ReadonlySet<string>
): IRow[] {
  const rows: IRow[] = [];
  const put = (key: string, depth: number, above: ReadonlySet<string>) => {
    const branch = branches.get(key);
    if (!branch) {
      rows.push({ key: `${key}…`, depth, kind: 'loading', expandable: false, expanded: false, branch: key });
      return;
    }
    for (const run of branch.runs) {
      const expandable = run.children > 0 && !above.has(run.run_id) && depth < 12;
      const expanded = expandable && opened.has(run.run_id);
      rows.push({ key: run.run_id, depth, kind: 'run', run, expandable, expanded, branch: key });
      if (expanded) {
        put(run.run_id, depth + 1, new Set([...above, run.run_id]));
      }
    }
    if (branch.error) {
      rows.push({ key: `${key}!`, depth, kind: 'error', expandable: false, expanded: false, branch: key, text: branch.error });
    } else if (branch.loading && !branch.runs.length) {
      rows.push({ key: `${key}…`, depth, kind: 'loading', expandable: false, expanded: false, branch: key });
    } else if (branch.token) {
      rows.push({ key: `${key}+`, depth, kind: 'more', expandable: false, expanded: false, branch: key });
    }
  };
  if (groups === null) {
    put(ROOT, 0, new Set());
    return rows;
  }
  for (const group of groups) {
    const key = groupKey(group);
    const expanded = opened.has(key);
    rows.push({ key, depth: 0, kind: 'group', group, run: group.run ?? undefined, expandable: true, expanded, branch: ROOT });
    if (expanded) {
      put(key, 1, new Set());
    }
  }
  return rows;
}

/** Put changed rows into a branch, in place; what it does not hold is left alone. Returns whether it changed. */
export function replaceRuns(branch: IBranch, changed: ReadonlyMap<string, IRun>): boolean {
  let touched = false;
  const runs: IRun[] = [];
  for (const run of branch.runs) {
    const next = changed.get(run.run_id);
    touched = touched || next !== undefined;
    if (!next?.deleted) {
      runs.push(next ?? run);
    }
  }
  if (touched) {
    branch.runs = runs;
  }
  return touched;
}

/** Two filters of which both must hold. */
export function both(one: string, two: string): string {
  return one && two ? `(${one}) AND (${two})` : one || two;
}
