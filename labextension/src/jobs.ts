/** Jobs of the server, as they go on. */

import { ISignal, Signal } from '@lumino/signaling';

import type { Feed } from './feed';
import type { IJob } from './wire';

const WATCH_MS = 2_000;

export class Jobs {
  list: IJob[] = [];

  private _timer = 0;
  private _reading = false;
  private _again = false;
  private _ended = new Signal<this, IJob>(this);
  private _changed = new Signal<this, void>(this);

  constructor(readonly feed: Feed) {
    feed.jobs.connect(() => void this.refresh());
    feed.reset.connect(() => void this.refresh());
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A job that ran here a moment ago is over. */
  get ended(): ISignal<this, IJob> {
    return this._ended;
  }

  get running(): number {
    return this.list.filter(job => job.state === 'running').length;
  }

  find(jobId: string): IJob | null {
    return this.list.find(job => job.job_id === jobId) ?? null;
  }

  /** Start one, and follow it. */
  async start(verb: string, words: string[], title: string): Promise<IJob> {
    const job = await this.feed.api.startJob(verb, words, title);
    this.list = [job, ...this.list.filter(each => each.job_id !== job.job_id)];
    this._changed.emit();
    this._watch();
    return job;
  }

  /** Cancel a running job; forget one that is over. */
  async end(jobId: string): Promise<void> {
    await this.feed.api.endJob(jobId);
    await this.refresh();
  }

  async refresh(): Promise<void> {
    if (this._reading) {
      this._again = true;
      return;
    }
    this._reading = true;
    try {
      const was = new Map(this.list.map(job => [job.job_id, job]));
      this.list = (await this.feed.api.jobs()).jobs;
      for (const job of this.list) {
        if (job.state !== 'running' && was.get(job.job_id)?.state === 'running') {
          this._ended.emit(job);
        }
      }
      this._changed.emit();
    } catch (error) {
      // The feed says when the server does not answer.
    } finally {
      this._reading = false;
    }
    if (this._again) {
      this._again = false;
      void this.refresh();
    }
    this._watch();
  }

  private _watch(): void {
    window.clearTimeout(this._timer);
    if (this.running) {
      this._timer = window.setTimeout(() => void this.refresh(), WATCH_MS);
    }
  }
}
