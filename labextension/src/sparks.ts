/** The small curves of rows: asked for by what is on screen, fetched together. */

import type { Api } from './api';
import type { ISpark } from './wire';

const TOGETHER_MS = 120;
const AT_ONCE = 60;

export class Sparks {
  /** By run, and by the metrics of which the first curve is wanted; null while it is not known, or if there is none. */
  private _held = new Map<string, Map<string, ISpark | null>>();
  private _wanted = new Map<string, string[]>();
  private _timer = 0;
  private _busy = false;

  constructor(private _api: Api, private _arrived: () => void) {}

  /** The curve of the first of some metrics that has one. Asking for it fetches it. */
  read(runId: string, metrics: string[]): ISpark | null {
    const key = metrics.join('\n');
    let held = this._held.get(runId);
    if (!held) {
      this._held.set(runId, (held = new Map()));
    }
    const known = held.get(key);
    if (known !== undefined) {
      return known;
    }
    held.set(key, null);
    const runs = this._wanted.get(key) ?? [];
    runs.push(runId);
    this._wanted.set(key, runs);
    this._soon();
    return null;
  }

  /** A run has changed: its curves are fetched anew. */
  forget(runId: string): void {
    this._held.delete(runId);
  }

  private _soon(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this._ask(), TOGETHER_MS);
  }

  private async _ask(): Promise<void> {
    if (this._busy) {
      return;
    }
    this._busy = true;
    const wanted = this._wanted;
    this._wanted = new Map();
    let found = false;
    for (const [key, runs] of wanted) {
      // What was scrolled past is asked for when it comes into view again.
      runs.splice(0, Math.max(0, runs.length - AT_ONCE)).forEach(runId => this._held.get(runId)?.delete(key));
      try {
        const { curves } = await this._api.sparks(runs, key.split('\n'));
        for (const [runId, curve] of Object.entries(curves)) {
          this._held.get(runId)?.set(key, curve);
          found = true;
        }
      } catch (error) {
        // A row without its curve is still a row.
      }
    }
    this._busy = false;
    if (this._wanted.size) {
      this._soon();
    }
    if (found) {
      this._arrived();
    }
  }
}
