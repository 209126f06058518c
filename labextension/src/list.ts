/** The state of the sidebar's list: what is asked, what is loaded, what is open and picked. Views draw it and call back. */

import { PromiseDelegate } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import type { ApiError, IRunsQuery } from './api';
import type { Feed } from './feed';
import { asFilter } from './filter';
import { Sparks } from './sparks';
import { ROOT, both, emptyBranch, flatten, groupKey, Grouping, IBranch, IRow, replaceRuns } from './tree';
import type { IBest, IGroup, IRun, ISpark, IWords } from './wire';
import { __ } from './words';

/** A store is one project's, or a team's: `project` is all of it. */
export type Scope = 'notebook' | 'project';

/** What outlives a reload of the page. */
export interface IKept {
  scope: Scope;
  grouping: Grouping;
  text: string;
  saved: string[];
  columns: string[];
  opened: string[];
  sections: string[];
}

const PAGE = 100;
const SETTLE_MS = 250;
const WORDS_MS = 15_000;
const BY: Record<Grouping, string> = { none: '', notebook: 'notebook', cell: 'cell', experiment: 'experiment', sweep: 'parent' };

/** Runs that are in no other one come behind those that are. */
function lastAlone(groups: IGroup[]): IGroup[] {
  const alone = groups.filter(group => group.key === null).map(group => ({ ...group, label: __('On their own') }));
  return [...groups.filter(group => group.key !== null), ...alone];
}

function folderOf(path: string | null): string {
  return (path ?? '').split('/').slice(0, -1).join('/');
}

export class RunsList {
  scope: Scope = 'project';
  grouping: Grouping = 'none';
  text = '';
  saved: string[] = [];
  /** Names like `metrics.acc` that every row shows; empty: the key metrics. */
  columns: string[] = [];
  sections: string[] = [];
  notebook: string | null = null;

  groups: IGroup[] | null = null;
  total: number | null = null;
  metrics: string[] = [];
  params: string[] = [];
  best: Record<string, IBest> = {};
  words: IWords | null = null;
  /** What the filter's refusal says. */
  refusal: string | null = null;
  loaded = false;
  picked: string[] = [];

  private _active = false;
  private _restored = new PromiseDelegate<void>();
  private _wordsAt = 0;
  private _branches = new Map<string, IBranch>();
  private _opened = new Set<string>();
  private _rows: IRow[] | null = null;
  private _round = 0;
  private _timer = 0;
  private _sparks: Sparks;
  private _changed = new Signal<this, void>(this);
  private _keep = new Signal<this, void>(this);

  constructor(readonly feed: Feed) {
    this._sparks = new Sparks(feed.api, () => this._emit());
    feed.rows.connect((_, runs) => this._take(runs));
    feed.reset.connect(() => void this.reload());
    feed.state.connect(() => this._emit());
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What is kept over a reload changed. */
  get keep(): ISignal<this, void> {
    return this._keep;
  }

  /** What was kept of the last visit is there: what is chosen from now on is kept. */
  get restored(): Promise<void> {
    return this._restored.promise;
  }

  get kept(): IKept {
    const { scope, grouping, text, saved, columns, sections } = this;
    return { scope, grouping, text, saved, columns, sections, opened: [...this._opened].slice(0, 200) };
  }

  restore(kept: Partial<IKept>): void {
    this.scope = kept.scope === 'notebook' || kept.scope === 'project' ? kept.scope : this.scope;
    this.grouping = kept.grouping ?? this.grouping;
    this.text = kept.text ?? this.text;
    this.saved = kept.saved ?? this.saved;
    this.columns = kept.columns ?? this.columns;
    this.sections = kept.sections ?? this.sections;
    this._opened = new Set(kept.opened ?? []);
  }

  /** Whatever there was to restore is restored. */
  begin(): void {
    this._restored.resolve();
  }

  /** The filter in the product's language; free text becomes a quoted term. */
  get filter(): string {
    return asFilter(this.text);
  }

  get rows(): IRow[] {
    this._rows ??= this.refusal ? [] : flatten(this.grouping === 'none' ? null : this.groups ?? [], this._branches, this._opened);
    return this._rows;
  }

  /** All runs that are loaded, by id. */
  find(runId: string): IRun | null {
    for (const branch of this._branches.values()) {
      const run = branch.runs.find(each => each.run_id === runId);
      if (run) {
        return run;
      }
    }
    return null;
  }

  query(): IRunsQuery {
    return { scope: this.scope, notebook: this.scope === 'notebook' ? this.notebook : null, filter: this.filter };
  }

  /** Nothing is asked before somebody looks. */
  activate(): void {
    if (!this._active) {
      this._active = true;
      void this.reload();
    }
  }

  // -- asked by the view -------------------------------------------------------------------------------------------

  setScope(scope: Scope): void {
    this._set(() => (this.scope = scope), scope !== this.scope);
  }

  setGrouping(grouping: Grouping): void {
    this._set(() => (this.grouping = grouping), grouping !== this.grouping);
  }

  setText(text: string): void {
    this._set(() => (this.text = text), text !== this.text);
  }

  setNotebook(path: string | null): void {
    if (path === this.notebook) {
      return;
    }
    this.notebook = path;
    this._emit();
    const moved = folderOf(path) !== folderOf(this.feed.api.at);
    this.feed.api.at = path;
    if (moved) {
      // Another folder may be another project, with a store of its own: the handshake says so, and resets.
      this.feed.move();
    }
    if (this.scope === 'notebook') {
      void this.reload();
    }
  }

  setColumns(columns: string[]): void {
    this.columns = columns;
    this._emit();
    this._keep.emit();
  }

  toggleSaved(text: string): void {
    this.saved = this.saved.includes(text) ? this.saved.filter(item => item !== text) : [text, ...this.saved].slice(0, 30);
    this._emit();
    this._keep.emit();
  }

  toggleSection(name: string): void {
    this.sections = this.sections.includes(name) ? this.sections.filter(item => item !== name) : [...this.sections, name];
    this._emit();
    this._keep.emit();
  }

  toggleOpen(row: IRow, open = !row.expanded): void {
    if (!row.expandable || open === this._opened.has(row.key)) {
      return;
    }
    open ? this._opened.add(row.key) : this._opened.delete(row.key);
    this._keep.emit();
    this._emit();
    if (open && !this._branches.get(row.key)?.loaded) {
      void this._load(row.key);
    }
  }

  pick(runIds: string[]): void {
    this.picked = [...new Set(runIds)];
    this._emit();
  }

  togglePick(runId: string): void {
    this.pick(this.picked.includes(runId) ? this.picked.filter(item => item !== runId) : [...this.picked, runId]);
  }

  /** The next page of a branch. */
  more(branch: string): void {
    const held = this._branches.get(branch);
    if (held && held.token && !held.loading) {
      void this._load(branch, true);
    }
  }

  /** Read everything again that is on screen; what is there stays until the answer comes. */
  async reload(): Promise<void> {
    const round = ++this._round;
    if (!this.feed.ready || !this._active) {
      return;
    }
    if (this.scope === 'notebook' && !this.notebook) {
      this._branches.clear();
      this.groups = this.grouping === 'none' ? null : [];
      this.loaded = true;
      this.total = 0;
      this._emit();
      return;
    }
    try {
      if (this.grouping !== 'none') {
        const answer = await this.feed.api.groups(BY[this.grouping], { ...this.query(), limit: 500 }, this.metrics.slice(0, 2));
        if (round !== this._round) {
          return;
        }
        this.groups = this.grouping === 'sweep' ? lastAlone(answer.groups) : answer.groups;
        this.total = answer.groups.reduce((sum, group) => sum + group.count, 0);
        if (this.groups.length && ![...this._opened].some(key => this.groups!.some(group => groupKey(group) === key))) {
          this._opened.add(groupKey(this.groups[0]));
        }
        const wanted = [...this._opened].filter(key => this._isShown(key));
        const kept = new Map([...this._branches].filter(([key]) => wanted.includes(key)));
        this._branches = kept;
        this.refusal = null;
        await Promise.all(wanted.map(key => this._load(key, false, round)));
      } else {
        this.groups = null;
        const keys = [...this._branches.keys()].filter(key => key !== ROOT && this._opened.has(key) && !key.startsWith('group:'));
        this._branches = new Map([...this._branches].filter(([key]) => key === ROOT || keys.includes(key)));
        await Promise.all([ROOT, ...keys].map(key => this._load(key, false, round)));
        this._openLeft();
      }
      this.loaded = true;
    } catch (error) {
      if (round === this._round) {
        this._refuse(error as ApiError);
      }
    }
    this._emit();
    void this._readWords(); // rows first: the server reads them faster alone
  }

  /** The small curve of a row: null while it is not known or if there is none. Asking for it fetches it. */
  spark(runId: string, metrics: string[]): ISpark | null {
    return metrics.length ? this._sparks.read(runId, metrics) : null;
  }

  // -- loading -----------------------------------------------------------------------------------------------------

  private _set(change: () => void, differs: boolean): void {
    if (!differs) {
      return;
    }
    change();
    this._branches.clear();
    this.groups = this.grouping === 'none' ? null : [];
    this.refusal = null;
    this.loaded = false;
    this._emit();
    this._keep.emit();
    void this.reload();
  }

  private _isShown(key: string): boolean {
    return key.startsWith('group:') ? !!this.groups?.some(group => groupKey(group) === key) : this.find(key) !== null;
  }

  private _branchQuery(key: string): IRunsQuery {
    const query = this.query();
    if (key.startsWith('group:')) {
      const group = this.groups?.find(each => groupKey(each) === key);
      return { ...query, filter: both(this.filter, group?.filter ?? '') };
    }
    if (key !== ROOT) {
      return { scope: 'project', parent: key };
    }
    // With a filter the list is flat: what fits may be nested in what does not.
    return query.filter ? query : { ...query, parent: 'none' };
  }

  private async _load(key: string, further = false, round = this._round): Promise<void> {
    const branch = this._branches.get(key) ?? emptyBranch();
    this._branches.set(key, branch);
    branch.loading = true;
    branch.error = null;
    this._emit();
    try {
      const held = Math.max(PAGE, Math.min(1000, branch.runs.length));
      const page = await this.feed.api.runs({
        ...this._branchQuery(key),
        limit: further ? PAGE : held,
        page_token: further ? branch.token : null
      });
      if (round !== this._round) {
        return;
      }
      const known = new Set(further ? branch.runs.map(run => run.run_id) : []);
      branch.runs = further ? [...branch.runs, ...page.runs.filter(run => !known.has(run.run_id))] : page.runs;
      branch.token = page.next_page_token;
      branch.loaded = true;
      if (key === ROOT || !Object.keys(this.best).length) {
        this.best = further ? this.best : page.best;
        this.metrics = further && this.metrics.length ? this.metrics : page.metrics;
        this.params = page.params;
      }
      if (key === ROOT) {
        this.refusal = null;
        if (branch.token === null) {
          this.total = branch.runs.length;
        } else if (!further) {
          void this._count(round);
        }
      }
    } catch (error) {
      if (key === ROOT) {
        this._refuse(error as ApiError);
      } else {
        branch.error = (error as ApiError).message;
      }
    } finally {
      branch.loading = false;
      this._emit();
    }
  }

  private async _count(round: number): Promise<void> {
    try {
      const { total } = await this.feed.api.count(this._branchQuery(ROOT));
      if (round === this._round) {
        this.total = total;
        this._emit();
      }
    } catch (error) {
      // The rows are there without it.
    }
  }

  /** Rows that were open before the page was reloaded. */
  private _openLeft(): void {
    for (const row of this.rows) {
      if (row.kind === 'run' && row.expanded && !this._branches.has(row.key)) {
        void this._load(row.key);
      }
    }
  }

  private _refuse(error: ApiError): void {
    if (error.status === 400 && this.filter) {
      this.refusal = error.message;
      this._branches.clear();
      this.groups = this.grouping === 'none' ? null : [];
      this.total = 0;
      this.loaded = true;
      return;
    }
    void this.feed.start();
  }

  private async _readWords(): Promise<void> {
    // Keys change seldom, runs often.
    if (Date.now() - this._wordsAt < WORDS_MS) {
      return;
    }
    this._wordsAt = Date.now();
    try {
      this.words = await this.feed.api.words();
      this._emit();
    } catch (error) {
      // Completion is a help: without it the field still works.
    }
  }

  // -- live --------------------------------------------------------------------------------------------------------

  private _take(runs: IRun[]): void {
    const changed = new Map(runs.map(run => [run.run_id, run]));
    const missing = new Set(runs.filter(run => !run.deleted).map(run => run.run_id));
    let touched = false;
    for (const branch of this._branches.values()) {
      branch.runs.forEach(run => missing.delete(run.run_id));
      touched = replaceRuns(branch, changed) || touched;
    }
    for (const run of runs) {
      this._sparks.renew(run.run_id);
      if (run.deleted) {
        this.picked = this.picked.filter(id => id !== run.run_id);
      }
    }
    if (touched) {
      this._emit();
    }
    const mine = runs.filter(run => missing.has(run.run_id) && this._mayShow(run));
    if (mine.length || (this.filter && !touched)) {
      this._soon();
    }
  }

  private _mayShow(run: IRun): boolean {
    return this.scope !== 'notebook' || (this.notebook !== null && run.contents_path === this.notebook);
  }

  private _soon(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this.reload(), SETTLE_MS);
  }

  private _emit(): void {
    this._rows = null;
    this._changed.emit();
  }
}
