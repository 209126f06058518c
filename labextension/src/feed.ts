/** What is new in the store: the handshake, the doorbell on Jupyter's event bus, the delta behind it, and a safety pull. */

import type { Event } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import { Api, ApiError } from './api';
import { API, IHello, IRun } from './wire';

const PULL_MS = 30_000;
/** How often a visible page asks where the doorbell does not ring: some proxies cut it, some servers have it off. */
const DEAF_MS = 2_000;
const RETRY_MS = 2_000;
const RETRY_MAX_MS = 30_000;

/** Rows as they change; one for the whole page. */
export class Feed {
  hello: IHello | null = null;
  /** One sentence, when something is wrong; what is shown may then be old. */
  problem: string | null = null;

  /** One sentence that does not stop anything, like that the page should be reloaded. */
  notice: string | null = null;

  private _sequence = 0;
  private _store = '';
  private _registry = '';
  /** Which handshake is the newest; 0 before the first. */
  private _round = 0;
  private _rung = false;
  private _deaf = 0;
  private _pulling = false;
  private _again = false;
  private _retry = RETRY_MS;
  private _timer = 0;
  private _rows = new Signal<this, IRun[]>(this);
  private _reset = new Signal<this, void>(this);
  private _state = new Signal<this, void>(this);
  private _models = new Signal<this, void>(this);
  private _jobs = new Signal<this, string[]>(this);

  constructor(
    readonly api: Api,
    events: Event.IManager
  ) {
    events.stream.connect((_, event) => this._ring(event));
    window.setInterval(() => {
      if (!document.hidden) {
        this._rung = false;
        void this.pull();
      }
    }, PULL_MS);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) {
        void this.pull();
      }
    });
    window.addEventListener('online', () => void this.pull());
  }

  /** Rows that were written. */
  get rows(): ISignal<this, IRun[]> {
    return this._rows;
  }

  /** Everything is to be read again. */
  get reset(): ISignal<this, void> {
    return this._reset;
  }

  /** `hello` or `problem` changed. */
  get state(): ISignal<this, void> {
    return this._state;
  }

  /** The registry changed. */
  get models(): ISignal<this, void> {
    return this._models;
  }

  /** Jobs changed: their ids, or none if it is not known which. */
  get jobs(): ISignal<this, string[]> {
    return this._jobs;
  }

  get ready(): boolean {
    return this.hello !== null && !this.problem;
  }

  /** Say hello; until it works, it is tried again by itself. */
  async start(): Promise<void> {
    window.clearTimeout(this._timer);
    const round = ++this._round;
    try {
      const hello = await this.api.hello();
      if (round !== this._round) {
        return;
      }
      const first = !this.hello;
      this.hello = hello;
      if (hello.api !== API) {
        this._fail(hello.mismatch ?? 'The server part of mlops_nb and this page are of different versions. Restart the server and reload the page.');
        return;
      }
      if (!hello.store.ok) {
        this._fail(hello.store.problem ?? 'The store cannot be read.');
        this._later();
        return;
      }
      const was = this.problem;
      const moved = this._store !== '' && this._store !== hello.store.id;
      this.problem = null;
      this.notice = hello.mismatch;
      this._sequence = hello.sequence;
      this._store = hello.store.id;
      this._registry = hello.models;
      this._retry = RETRY_MS;
      this._state.emit();
      if (first || was || moved) {
        this._reset.emit();
      }
    } catch (error) {
      if (round === this._round) {
        this._fail((error as Error).message);
        this._later();
      }
    }
  }

  /** The routes are asked about another project now. */
  move(): void {
    if (this._round) {
      void this.start();
    }
  }

  /** Fetch what is new. Calls that come meanwhile are joined into one more. */
  async pull(): Promise<void> {
    if (this._pulling) {
      this._again = true;
      return;
    }
    if (!this.hello || this.problem) {
      return this.start();
    }
    this._pulling = true;
    try {
      let more = true;
      while (more) {
        this._again = false;
        const delta = await this.api.changes(this._sequence, this._store);
        this._sequence = delta.sequence;
        this._store = delta.store;
        if (delta.reset) {
          this._registry = delta.models;
          this._reset.emit();
          break;
        }
        if (delta.runs.length) {
          this._listen();
          this._rows.emit(delta.runs);
        }
        if (delta.models !== this._registry) {
          this._registry = delta.models;
          this._models.emit();
        }
        more = delta.more || this._again;
      }
    } catch (error) {
      this._fail((error as ApiError).message);
      this._later();
    } finally {
      this._pulling = false;
    }
  }

  private _ring(event: Event.Emission): void {
    if (!this.hello || event.schema_id !== this.hello.events) {
      return;
    }
    this._rung = true;
    window.clearInterval(this._deaf);
    this._deaf = 0;
    const what = (event['what'] as string[] | undefined) ?? [];
    if (what.includes('jobs')) {
      this._jobs.emit((event['jobs'] as string[] | undefined) ?? []);
    }
    if (what.length !== 1 || what[0] !== 'jobs') {
      void this.pull();
    }
  }

  /** Something was written and the bell has not rung: ask often, until it rings again. */
  private _listen(): void {
    if (!this._rung && !this._deaf) {
      this._deaf = window.setInterval(() => {
        if (!document.hidden) {
          void this.pull();
        }
      }, DEAF_MS);
    }
  }

  private _fail(message: string): void {
    this.problem = message;
    this._state.emit();
  }

  private _later(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this.start(), this._retry);
    this._retry = Math.min(RETRY_MAX_MS, this._retry * 2);
  }
}
