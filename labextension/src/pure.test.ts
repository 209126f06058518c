import { describe, expect, it } from 'vitest';

import { align, smooth, sparkPath } from './curves';
import { diffLines, foldSame } from './diff';
import { asFilter, complete, isFreeText, quoteKey } from './filter';
import * as format from './format';
import { layer, place } from './graph';
import { both, emptyBranch, flatten, replaceRuns, ROOT } from './tree';
import type { IGroup, IRun } from './wire';

const run = (run_id: string, more: Partial<IRun> = {}): IRun =>
  ({ run_id, name: run_id, params: {}, metrics: {}, tags: {}, children: 0, parent_run_id: null, deleted: false, ...more }) as IRun;

describe('format: the same words as the package', () => {
  it('shows numbers', () => {
    expect([0.953217, 12, 1234567.8, 1.23456e-7, NaN, -Infinity, 0].map(x => format.showNumber(x))).toEqual([
      '0.9532', '12', '1,234,568', '1.235e-7', 'NaN', '-inf', '0'
    ]); // prettier-ignore
  });
  it('makes what cannot be seen visible', () => {
    expect(format.showText('a\u0000b\nc\u202ed')).toBe('a␀b␊c\\u202ed');
    expect(format.showText('\ud800x😀')).toBe('\\ud800x😀');
    expect(format.showLines('a\tb\nc\u001b')).toBe('a\tb\nc␛');
  });
  it('cuts the middle out', () => expect(format.elide('a-very-long-run-name-0001', 12)).toBe('a-very…-0001'));
  it('knows which way is better', () => {
    expect(['val_accuracy', 'logLoss', 'neg_mean_squared_error', 'n_rows'].map(format.betterDirection)).toEqual([1, -1, 1, 0]);
  });
  it('shows changes', () => {
    expect(format.showChange('loss', 0.25, 0.5)).toEqual({ text: '▼ 0.25', trend: 'better' });
    expect(format.showChange('rows', 10, 10)!.text).toBe('=');
    expect(format.showChange('acc', 1, null)).toBeNull();
  });
  it('shows durations and values', () => {
    expect([0.4, 850, 12340, 125000, 3780000].map(format.showDuration)).toEqual(['<1 ms', '850 ms', '12.3 s', '2 min 05 s', '1 h 03 min']);
    expect([0.1, true, null, 'adam', [1, 'b']].map(x => format.showValue(x))).toEqual(['0.1', 'True', 'None', 'adam', '[1,"b"]']);
    expect(format.asNumber('-Infinity')).toBe(-Infinity);
  });
});

describe('diff', () => {
  it('finds the least', () => {
    const kinds = diffLines('a\nb\nc', 'a\nx\nc').map(line => line.kind + line.text);
    expect(kinds).toEqual(['samea', 'delb', 'addx', 'samec']);
  });
  it('folds what is the same', () => {
    const long = Array.from({ length: 30 }, (_, i) => `line ${i}`);
    const shown = foldSame(diffLines(long.join('\n'), [...long, 'new'].join('\n')));
    expect(shown[0]).toMatchObject({ kind: 'skip', text: '27' });
    expect(shown[shown.length - 1]).toMatchObject({ kind: 'add', text: 'new' });
  });
});

describe('curves', () => {
  it('smooths without a pull to zero', () => {
    expect(smooth([5, 5, 5], 0.9).map(y => Math.round(y! * 1e6) / 1e6)).toEqual([5, 5, 5]);
    expect(smooth([1, null, 2], 0.5)[1]).toBeNull();
  });
  it('aligns by step', () => {
    expect(align([{ steps: [0, 2], values: [1, 3] }, { steps: [1], values: [9] }])).toEqual({
      xs: [0, 1, 2], columns: [[1, null, 3], [null, 9, null]]
    }); // prettier-ignore
  });
  it('draws nothing of one point', () => expect(sparkPath([1], 50, 10).d).toBe(''));
});

describe('filter', () => {
  const fields = { metrics: ['accuracy', 'val loss'], params: ['lr'], tags: [], experiments: ["it's"] };
  const offered = (text: string) => complete(text, text.length, fields).map(item => item.text);
  it('offers fields, operators, values, words', () => {
    expect(offered('acc')[0]).toBe('metrics.accuracy');
    expect(offered('metrics.accuracy ')).toContain('>=');
    expect(offered('status = ')).toContain("'FINISHED'");
    expect(offered('experiment = ')).toEqual(["'it''s'"]);
    expect(offered('metrics.accuracy > 0.9 ')).toEqual(['AND', 'OR']);
    expect(offered('metrics.accuracy > 0.9 AND lr')[0]).toBe('params.lr');
  });
  it('quotes odd keys', () => expect(quoteKey('val loss')).toBe('`val loss`'));
  it('knows free text', () => {
    expect(isFreeText('first try')).toBe(true);
    expect(isFreeText('metrics.a > 1')).toBe(false);
  });
  it('joins filters', () => expect([both('a = 1', 'b = 2'), both('', 'b = 2')]).toEqual(['(a = 1) AND (b = 2)', 'b = 2']));
});

describe('tree', () => {
  it('nests runs below what is open', () => {
    const branches = new Map([
      [ROOT, { ...emptyBranch(), runs: [run('a', { children: 1 }), run('b')], loaded: true, token: 't' }],
      ['a', { ...emptyBranch(), runs: [run('a1')], loaded: true }]
    ]);
    const rows = flatten(null, branches, new Set(['a']));
    expect(rows.map(row => `${row.depth}${row.kind}${row.run?.run_id ?? ''}`)).toEqual(['0runa', '1runa1', '0runb', '0more']);
  });
  it('never goes round', () => {
    const branches = new Map([
      [ROOT, { ...emptyBranch(), runs: [run('a', { children: 1 })] }],
      ['a', { ...emptyBranch(), runs: [run('a', { children: 1 })] }]
    ]);
    expect(flatten(null, branches, new Set(['a'])).length).toBe(2);
  });
  it('shows groups folded', () => {
    const group = { key: 'x', label: 'x', count: 3, newest: 0, statuses: {}, metrics: {}, filter: '' } as IGroup;
    expect(flatten([group], new Map(), new Set())).toHaveLength(1);
  });
  it('puts changed rows in place and takes deleted ones out', () => {
    const branch = { ...emptyBranch(), runs: [run('a'), run('b')] };
    expect(replaceRuns(branch, new Map([['a', run('a', { name: 'new' })], ['b', run('b', { deleted: true })]]))).toBe(true);
    expect(branch.runs.map(each => each.name)).toEqual(['new']);
  });
});

describe('graph', () => {
  it('puts each thing after its sources, loops or not', () => {
    const edges = [{ source: 'a', target: 'b' }, { source: 'b', target: 'c' }, { source: 'a', target: 'c' }];
    expect([...layer(['a', 'b', 'c'], edges).values()]).toEqual([0, 1, 2]);
    expect(place(['a', 'b'], [{ source: 'a', target: 'b' }, { source: 'b', target: 'a' }], () => 10, 5, 10).placed.size).toBe(2);
    const far = place(['a', 'b', 'c'], [...edges, { source: 'a', target: 'c' }], node => (node === 'b' ? 50 : 10), 5, 10);
    expect(far.width).toBe(10 + 5 + 50 + 5 + 10);
    const [past] = far.routes.filter(route => route.length === 3 && route[1].id !== 'b');
    expect(past[1].y).not.toBe(far.placed.get('b')!.y);
  });
});

describe('what a running cell says', () => {
  it('is as far as its last line tells', () => {
    const lines = [' 45%|####', 'Epoch 3/10', '2 of 4: done', 'loss 0.3', '12/5', 'v1.2/3'];
    expect(lines.map(format.progressOf)).toEqual([0.45, 0.3, 0.5, null, null, null]);
  });
  it('is what a terminal shows in the end', () => {
    expect(format.lastOfLines('a\rb\n\u001b[31mred\u001b[0m\r\n')).toBe('b\nred\n');
  });
});

describe('asFilter', () => {
  it('quotes free text and leaves filters alone', () => {
    expect(["it's", 'metrics.acc > 0.9', "'quoted'", ' '].map(asFilter)).toEqual(["'it''s'", 'metrics.acc > 0.9', "'quoted'", '']);
  });
});
