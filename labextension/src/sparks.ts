/** The small curves of rows: asked for by what is on screen, fetched together. */

import type { Api } from './api';
import type { IRun } from './wire';

type Ys = (number | null)[];

const TOGETHER_MS = 80;
const AT_ONCE = 100;

export class Sparks {
  private _held = new Map<string, Ys | null>();
  private _wanted = new Map<string, Set<string>>();
  private _timer = 0;

  constructor(private _api: Api, private _arrived: () => void) {}

  /** Null while it is not known, or if there is none. Asking for it fetches it. */
  read(runId: string, metric: string): Ys | null {
    const key = `${runId}\n${metric}`;
    const held = this._held.get(key);
    if (held !== undefined) {
      return held;
    }
    this._held.set(key, null);
    const wanted = this._wanted.get(metric) ?? new Set();
    this._wanted.set(metric, wanted.add(runId));
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this._ask(), TOGETHER_MS);
    return null;
  }

  /** A run has changed: its curves are fetched anew. */
  forget(run: IRun): void {
    Object.keys(run.metrics).forEach(metric => this._held.delete(`${run.run_id}\n${metric}`));
  }

  private async _ask(): Promise<void> {
    const wanted = this._wanted;
    this._wanted = new Map();
    for (const [metric, runs] of wanted) {
      try {
        const ids = [...runs];
        for (let at = 0; at < ids.length; at += AT_ONCE) {
          const { curves } = await this._api.sparks(ids.slice(at, at + AT_ONCE), metric);
          for (const [runId, ys] of Object.entries(curves)) {
            this._held.set(`${runId}\n${metric}`, ys.map(y => (typeof y === 'number' ? y : null)));
          }
        }
      } catch (error) {
        // A row without its curve is still a row.
      }
    }
    this._arrived();
  }
}
