// @vitest-environment happy-dom

import { Signal } from '@lumino/signaling';
import React from 'react';
import { createRoot, Root } from 'react-dom/client';
import { afterEach, describe, expect, it } from 'vitest';

import { useLoad, useSignal } from './hooks';

interface IModel {
  rows: number;
}

const model: IModel = { rows: 0 };
const changed = new Signal<IModel, void>(model);
let drawn = 0;
let root: Root | null = null;
const place = document.createElement('div');

function write(rows: number): void {
  model.rows = rows;
  changed.emit();
}

/** `first` is done after the first drawing, and before effects, in which the view begins to listen. */
function View(props: { first?: () => void }): JSX.Element {
  useSignal(changed);
  React.useLayoutEffect(() => props.first?.(), []);
  drawn++;
  return React.createElement('b', null, String(model.rows));
}

async function show(element: JSX.Element): Promise<void> {
  root = createRoot(place);
  root.render(element);
  await until(() => place.textContent !== '');
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !holds(); turn++) {
    await new Promise(done => setTimeout(done, 5));
  }
}

afterEach(() => {
  root?.unmount();
  model.rows = drawn = 0;
});

describe('useSignal', () => {
  it('draws what was emitted between the first drawing and its listening', async () => {
    await show(React.createElement(View, { first: () => write(7) }));
    await until(() => place.textContent === '7');
    expect(place.textContent).toBe('7');
  });
  it('makes one drawing of many signals of a turn', async () => {
    await show(React.createElement(View));
    await until(() => drawn === 2);
    for (let rows = 1; rows <= 50; rows++) {
      write(rows);
    }
    await until(() => place.textContent === '50');
    expect([place.textContent, drawn]).toEqual(['50', 3]);
  });
  it('lets go', async () => {
    await show(React.createElement(View));
    await until(() => drawn === 2);
    root!.unmount();
    write(9);
    await new Promise(done => setTimeout(done, 20));
    expect(drawn).toBe(2);
  });
});

describe('useLoad', () => {
  it('keeps the old answer until the new one is there, and forgets one that comes too late', async () => {
    const answers: Record<string, (value: string) => void> = {};
    function Loaded(props: { ask: string }): JSX.Element {
      const load = useLoad(() => new Promise<string>(done => (answers[props.ask] = done)), [props.ask]);
      return React.createElement('b', null, `${load.value ?? '…'}${load.loading ? ' loading' : ''}`);
    }
    await show(React.createElement(Loaded, { ask: 'a' }));
    await until(() => 'a' in answers);
    answers['a']('A');
    await until(() => place.textContent === 'A');
    root!.render(React.createElement(Loaded, { ask: 'b' }));
    await until(() => 'b' in answers);
    root!.render(React.createElement(Loaded, { ask: 'c' }));
    await until(() => 'c' in answers);
    expect(place.textContent).toBe('A loading');
    answers['c']('C');
    await until(() => place.textContent === 'C');
    answers['b']('B');
    await new Promise(done => setTimeout(done, 20));
    expect(place.textContent).toBe('C');
  });
});
