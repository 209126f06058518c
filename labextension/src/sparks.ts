/** The small curves of rows: asked for by what is on screen, fetched together. */

import type { Api } from './api';
import type { ISpark } from './wire';

const TOGETHER_MS = 120;
const AT_ONCE = 60;

export class Sparks {
  /** By run, and by the metrics of which the first curve is wanted: null while it is not known, or if there is none. */
  private _held = new Map<string, Map<string, { curve: ISpark | null; old: boolean }>>();
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
    if (known && !known.old) {
      return known.curve;
    }
    const curve = known?.curve ?? null;
    held.set(key, { curve, old: false });
    const runs = this._wanted.get(key) ?? [];
    runs.push(runId);
    this._wanted.set(key, runs);
    this._soon();
    return curve;
  }

  /** A run has changed: its curves are fetched anew; until they are there, those that are known stay in sight. */
  renew(runId: string): void {
    this._held.get(runId)?.forEach(held => (held.old = true));
  }

  private _soon(): void {
    this._timer = this._timer || window.setTimeout(() => void this._ask(), TOGETHER_MS);
  }

  private async _ask(): Promise<void> {
    this._timer = 0;
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
          const held = this._held.get(runId)?.get(key);
          if (held) {
            held.curve = curve;
          }
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
