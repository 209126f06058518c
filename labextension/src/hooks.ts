/** React's side of signals and requests. */

import type { ISignal } from '@lumino/signaling';
import React from 'react';

/** Draw again whenever a signal is emitted. */
export function useSignal(...signals: ISignal<any, any>[]): void {
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    let frame = 0;
    // Many signals in one turn are one drawing; in a hidden tab frames do not come, so a timer stands in.
    const soon = () => {
      if (!frame) {
        frame = window.setTimeout(() => {
          frame = 0;
          draw();
        }, 0);
      }
    };
    signals.forEach(signal => signal.connect(soon));
    soon(); // what was emitted between the first drawing and now was heard by nobody
    return () => {
      window.clearTimeout(frame);
      signals.forEach(signal => signal.disconnect(soon));
    };
  }, signals);
}

export interface ILoad<T> {
  value: T | null;
  error: string | null;
  loading: boolean;
  reload: () => void;
}

/** Ask for something when `keys` change; the old answer stands until the new one is there. */
export function useLoad<T>(ask: () => Promise<T>, keys: unknown[]): ILoad<T> {
  const [state, setState] = React.useState<{ value: T | null; error: string | null; loading: boolean }>({
    value: null,
    error: null,
    loading: true
  });
  const round = React.useRef(0);
  const reload = React.useCallback(() => {
    const mine = ++round.current;
    setState(was => ({ ...was, loading: true }));
    ask().then(
      value => mine === round.current && setState({ value, error: null, loading: false }),
      error => mine === round.current && setState(was => ({ ...was, error: String(error.message ?? error), loading: false }))
    );
  }, keys);
  React.useEffect(() => {
    reload();
    return () => {
      round.current++;
    };
  }, [reload]);
  return { ...state, reload };
}

/** The time, anew every so many milliseconds: ages move. */
export function useNow(every = 10_000): number {
  const [now, setNow] = React.useState(Date.now());
  React.useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), every);
    return () => window.clearInterval(timer);
  }, [every]);
  return now;
}

/** Redraw when JupyterLab's theme changes. */
export function useTheme(): string {
  const [theme, setTheme] = React.useState(document.body.dataset.jpThemeName ?? '');
  React.useEffect(() => {
    const observer = new MutationObserver(() => setTheme(document.body.dataset.jpThemeName ?? ''));
    observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name'] });
    return () => observer.disconnect();
  }, []);
  return theme;
}
