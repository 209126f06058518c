// @vitest-environment happy-dom

import { describe, expect, it } from 'vitest';

import { Sparks } from './sparks';
import type { ISpark } from './wire';

const pause = (ms: number) => new Promise(done => setTimeout(done, ms));

describe('sparks', () => {
  it('a curve stays in sight until the new one is there', async () => {
    const asked: string[][] = [];
    let answer: Record<string, ISpark> = { a: { metric: 'loss', values: [1, 2] } };
    let arrived = 0;
    const api: any = {
      sparks: async (runs: string[]) => {
        asked.push(runs);
        return { curves: answer };
      }
    };
    const sparks = new Sparks(api, () => arrived++);
    expect([sparks.read('a', ['loss']), sparks.read('b', ['loss'])]).toEqual([null, null]);
    await pause(200);
    expect([asked, arrived]).toEqual([[['a', 'b']], 1]);
    expect(sparks.read('a', ['loss'])!.values).toEqual([1, 2]);
    answer = { a: { metric: 'loss', values: [1, 2, 3] } };
    sparks.renew('a');
    expect(sparks.read('a', ['loss'])!.values).toEqual([1, 2]);
    expect(sparks.read('a', ['loss'])!.values).toEqual([1, 2]);
    await pause(200);
    expect([asked.length, asked[1]]).toEqual([2, ['a']]);
    expect(sparks.read('a', ['loss'])!.values).toEqual([1, 2, 3]);
  });
  it('runs that are written without a pause are asked for all the same', async () => {
    let asked = 0;
    const api: any = { sparks: async () => (asked++, { curves: {} }) };
    const sparks = new Sparks(api, () => undefined);
    for (let turn = 0; turn < 12; turn++) {
      sparks.read('a', ['loss']);
      sparks.renew('a');
      await pause(25);
    }
    expect(asked).toBeGreaterThan(0);
  });
});
