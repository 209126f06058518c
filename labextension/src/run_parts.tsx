/** Parts of a run's page: curves, code, data with its lineage, environment. */

import React from 'react';

import { Chart, colorOf, ISeries, useChartControls } from './chart';
import { Code, Diff } from './code';
import { asNumber, elide, shortId, showNumber, showSize, showText, showValue } from './format';
import { place, routePath } from './graph';
import { useLoad, useSignal } from './hooks';
import { Choices, cls, Empty, Loading, Name, Trouble } from './parts';
import type { ITabProps } from './run';
import { Commands, ILab } from './tokens';
import type { ICurveData, IDataRef, IRun } from './wire';
import { __ } from './words';

const POINTS = 800;

export function toSeries(curve: ICurveData, name: string, index: number, time: boolean): ISeries {
  const steps = time && curve.times ? curve.times : curve.x;
  return { name, color: colorOf(index), steps, values: curve.y.map(asNumber) };
}

// -- curves --------------------------------------------------------------------------------------------------------------

/** Runs that one may lay over this one: its revisions, and what is picked in the sidebar. */
function useOthers(props: ITabProps): IRun[] {
  const { lab, detail } = props;
  useSignal(lab.list.changed);
  const picked = lab.list.picked.map(id => lab.list.find(id)).filter((run): run is IRun => run !== null);
  const seen = new Set([detail.run.run_id]);
  return [...picked, ...detail.revisions].filter(run => !seen.has(run.run_id) && seen.add(run.run_id));
}

export function CurvesTab(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const { run } = detail;
  const { log, weight, x, controls } = useChartControls(true);
  const [over, setOver] = React.useState<string[]>([]);
  const others = useOthers(props);
  const stamp = `${run.changed}`;
  const load = useLoad(() => lab.api.curves(run.run_id, [], { points: POINTS, x }), [run.run_id, x, stamp]);
  const curves = (load.value?.curves ?? []).filter(curve => curve.count > 1);
  if (!load.value) {
    return load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={5} />;
  }
  if (!curves.length) {
    return (
      <Empty title={__('No curves')}>
        <p>{__('A metric that is logged several times is a curve:')}</p>
        <pre>{"mlops_nb.log_metric('loss', loss, step=epoch)"}</pre>
      </Empty>
    );
  }
  return (
    <div>
      {controls}
      {others.length ? (
        <div className="mlops-Controls" role="group" aria-label={__('Lay other runs over this one')}>
          <span className="mlops-mute">{__('Over it')}</span>
          {others.slice(0, 12).map(other => (
            <label key={other.run_id}>
              <input
                type="checkbox"
                checked={over.includes(other.run_id)}
                onChange={() => setOver(over.includes(other.run_id) ? over.filter(id => id !== other.run_id) : [...over, other.run_id])}
              />
              <Name text={other.name} limit={24} />
              <span className="mlops-mute">{other.revision > 1 ? `r${other.revision}` : shortId(other.run_id, 8)}</span>
            </label>
          ))}
        </div>
      ) : null}
      <div className="mlops-Charts">
        {curves.map(curve => (
          <OneCurve
            key={`${curve.name}${x}`}
            lab={lab}
            run={run}
            curve={curve}
            others={others.filter(other => over.includes(other.run_id))}
            log={log}
            weight={weight}
            x={x}
          />
        ))}
      </div>
    </div>
  );
}

/** A curve of which the server gives the points in view: zooming in asks for more of them. */
function OneCurve(props: { lab: ILab; run: IRun; curve: ICurveData; others: IRun[]; log: boolean; weight: number; x: 'step' | 'time' }): JSX.Element {
  const { lab, run, curve, others, x } = props;
  const [range, setRange] = React.useState<[number, number] | null>(null);
  const thinned = curve.count > curve.x.length;
  const ids = [run.run_id, ...others.map(other => other.run_id)];
  const asked = others.length > 0 || (range !== null && thinned);
  const load = useLoad(
    async () =>
      asked
        ? (await lab.api.overlay(ids, curve.name, { points: POINTS, x, ...(range ? { from: range[0], to: range[1] } : {}) })).curves
        : null,
    [ids.join(), range?.join() ?? '', x, run.changed]
  );
  const names = new Map([run, ...others].map(each => [each.run_id, each.revision > 1 ? `${each.name} r${each.revision}` : each.name]));
  const series = React.useMemo(
    () =>
      asked && load.value
        ? load.value.map((each, index) => toSeries(each, names.get(each.run_id ?? '') ?? run.name, index, x === 'time'))
        : [toSeries(curve, run.name, 0, x === 'time')],
    [load.value, curve, asked, x]
  );
  return (
    <div className="mlops-Chart-cell">
      <Chart title={curve.name} series={series} log={props.log} weight={props.weight} time={x === 'time'} onZoom={setRange} />
      <p className="mlops-Chart-foot mlops-mute">
        {others.length
          ? series.map(each => (
              <span key={each.name + each.color}>
                <i style={{ background: each.color }} /> {elide(showText(each.name), 24)}
              </span>
            ))
          : __('last %1 · %2 points', showNumber(asNumber(curve.last ?? curve.y[curve.y.length - 1])), curve.count.toLocaleString('en'))}
      </p>
    </div>
  );
}

// -- code ----------------------------------------------------------------------------------------------------------------

export function CodeTab(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const [part, setPart] = React.useState<'cell' | 'slice' | 'diff'>('cell');
  const others = useOthers(props);
  const first = detail.previous?.run_id ?? others[0]?.run_id ?? '';
  const [against, setAgainst] = React.useState(first);
  const [whole, setWhole] = React.useState(false);
  const other = useLoad(async () => (part === 'diff' && against ? lab.api.run(against) : null), [part, against]);
  const slice = detail.slice.map(cell => cell.source).join('\n\n');
  return (
    <div>
      <div className="mlops-Controls">
        <Choices
          label={__('What code')}
          value={part}
          options={[
            { value: 'cell', label: __('Cell') },
            { value: 'slice', label: __('Slice'), title: __('The least earlier code that this result needs'), disabled: !detail.slice.length },
            { value: 'diff', label: __('Differences'), disabled: !others.length }
          ]}
          onChange={setPart}
        />
        {part === 'diff' ? (
          <>
            <label>
              {__('against')}
              <select value={against} onChange={event => setAgainst(event.target.value)}>
                {others.map(each => (
                  <option key={each.run_id} value={each.run_id}>
                    {elide(showText(each.name), 40)} {each.revision > 1 ? `r${each.revision}` : shortId(each.run_id, 8)}
                  </option>
                ))}
              </select>
            </label>
            <label>
              <input type="checkbox" checked={whole} onChange={event => setWhole(event.target.checked)} />
              {__('with the slice')}
            </label>
          </>
        ) : null}
      </div>
      {part === 'cell' ? (
        detail.code ? <Code lab={lab} source={detail.code} label={__('The tracked cell')} /> : <p className="mlops-mute">{__('No code was recorded.')}</p>
      ) : part === 'slice' ? (
        detail.slice.map((cell, index) => (
          <div key={index} className="mlops-SliceCell">
            <span className="mlops-mute mlops-code">[{cell.execution_count ?? ' '}]</span>
            <Code lab={lab} source={cell.source} label={__('Cell %1', cell.execution_count ?? '')} />
          </div>
        ))
      ) : other.value ? (
        <Diff
          left={whole ? other.value.slice.map(cell => cell.source).join('\n\n') : other.value.code ?? ''}
          right={whole ? slice : detail.code ?? ''}
        />
      ) : other.error ? (
        <Trouble text={other.error} retry={other.reload} />
      ) : (
        <Loading />
      )}
    </div>
  );
}

// -- data ----------------------------------------------------------------------------------------------------------------

export function DataTab(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const [open, setOpen] = React.useState<number | null>(null);
  return (
    <div>
      {detail.data.length ? (
        <table className="mlops-Table">
          <thead>
            <tr>
              <th scope="col">{__('mode')}</th>
              <th scope="col">{__('data')}</th>
              <th scope="col" className="mlops-right">{__('rows × columns')}</th>
              <th scope="col" className="mlops-right">{__('size')}</th>
              <th scope="col">{__('digest')}</th>
            </tr>
          </thead>
          <tbody>
            {detail.data.map((ref, index) => (
              <React.Fragment key={index}>
                <tr>
                  <td><span className={cls('mlops-Chip', ref.mode === 'write' && 'mlops-good')}>{__(ref.mode)}</span></td>
                  <th scope="row">
                    {ref.profile?.columns?.length ? (
                      <button type="button" className="mlops-Link" aria-expanded={open === index} onClick={() => setOpen(open === index ? null : index)}>
                        {open === index ? '▾ ' : '▸ '}
                        <Name text={ref.path} limit={70} />
                      </button>
                    ) : (
                      <Name text={ref.path} limit={70} />
                    )}
                    {ref.context ? <span className="mlops-mute"> {showText(ref.context)}</span> : null}
                  </th>
                  <td className="mlops-right">{shape(ref)}</td>
                  <td className="mlops-right">{showSize(ref.size)}</td>
                  <td className="mlops-code mlops-mute" title={ref.digest}>{elide(ref.digest, 22)}</td>
                </tr>
                {open === index ? (
                  <tr>
                    <td colSpan={5}><Profile refer={ref} /></td>
                  </tr>
                ) : null}
              </React.Fragment>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="mlops-mute">{__('No data was read or written.')}</p>
      )}
      <h2>{__('Lineage')}</h2>
      <Lineage lab={lab} start={detail.run.run_id} stamp={detail.run.changed} />
    </div>
  );
}

function shape(ref: IDataRef): string {
  const rows = ref.profile?.rows;
  return rows === undefined || rows === null ? '' : `${Number(rows).toLocaleString('en')} × ${ref.profile.columns_total ?? ref.profile.columns?.length ?? '?'}`;
}

function Profile(props: { refer: IDataRef }): JSX.Element {
  const columns: any[] = props.refer.profile.columns.slice(0, 100);
  return (
    <table className="mlops-Table mlops-Profile">
      <thead>
        <tr>
          {[__('column'), __('type'), __('missing'), __('distinct'), __('min'), __('mean'), __('std'), __('max')].map((head, index) => (
            <th key={head} scope="col" className={cls(index > 1 && 'mlops-right')}>{head}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {columns.map((column, index) => (
          <tr key={index}>
            <th scope="row"><Name text={String(column.name)} limit={40} /></th>
            <td className="mlops-mute">{showValue(column.dtype, 20)}</td>
            {['missing', 'distinct', 'min', 'mean', 'std', 'max'].map(key => (
              <td key={key} className="mlops-right">{typeof column[key] === 'number' ? showNumber(column[key]) : showValue(column[key] ?? '', 20)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const BOX = { height: 42, gap: 36, down: 54, padding: 20, name: 7.2, note: 6.2, least: 0.75 };

function wordsOf(node: { label: string; kind: string; detail?: string | null }): [string, string] {
  return [elide(showText(node.label), 27), elide(`${node.kind}${node.detail ? ` · ${showText(node.detail)}` : ''}`, 30)];
}

/** As wide as its words need, so that a long road is still read. */
function widthOf([name, note]: [string, string]): number {
  return Math.round(BOX.padding + Math.max(40, name.length * BOX.name, note.length * BOX.note));
}

/** What the graph is about is in sight where it is wider than its page. */
function showStart(scroller: HTMLDivElement | null): void {
  const node = scroller?.querySelector('.mlops-on');
  if (scroller && node && scroller.dataset.shown !== 'yes') {
    scroller.dataset.shown = 'yes'; // once: whoever has scrolled since stays there
    scroller.scrollLeft += node.getBoundingClientRect().right + 24 - scroller.getBoundingClientRect().right;
  }
}

export function Lineage(props: { lab: ILab; start: string; stamp?: number }): JSX.Element {
  const { lab } = props;
  const load = useLoad(() => lab.api.lineage(props.start), [props.start, props.stamp]);
  if (!load.value) {
    return load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={2} />;
  }
  const { nodes, edges, start } = load.value;
  if (nodes.length < 2) {
    return <p className="mlops-mute">{__('Nothing that is known was made from it, and it was made from nothing that is known.')}</p>;
  }
  const words = new Map(nodes.map(node => [node.id, wordsOf(node)]));
  const { placed, routes, width, rows } = place(nodes.map(node => node.id), edges, id => widthOf(words.get(id)!), BOX.gap, BOX.down);
  const open = (id: string, kind: string) => {
    const name = id.includes(':') ? id.slice(id.indexOf(':') + 1) : id;
    if (kind === 'run') {
      void lab.app.commands.execute(Commands.openRun, { run: name });
    } else if (kind === 'model' || kind === 'version') {
      void lab.app.commands.execute(Commands.openModel, { name: name.split('/')[0] });
    }
  };
  return (
    <div className="mlops-Scroll" tabIndex={0} ref={showStart}>
      <svg
        className="mlops-Lineage"
        viewBox={`-1 0 ${width + 2} ${rows * BOX.down + 4}`}
        width={width + 2}
        style={{ maxWidth: '100%', minWidth: width * BOX.least, height: 'auto' }}
        role="group"
        aria-label={__('Lineage')}
      >
        {routes.map((route, index) => (
          <path key={index} d={routePath(route, BOX.height / 2 + 2)} />
        ))}
        {nodes.map(node => {
          const at = placed.get(node.id)!;
          const goes = node.kind === 'run' || node.kind === 'model' || node.kind === 'version';
          return (
            <g
              key={node.id}
              transform={`translate(${at.x} ${at.y + 2})`}
              className={cls('mlops-Node', `mlops-Node-${node.kind}`, node.id === start && 'mlops-on', goes && 'mlops-goes')}
              role={goes ? 'button' : 'img'}
              tabIndex={goes ? 0 : undefined}
              aria-label={`${node.kind} ${showText(node.label)}`}
              onClick={() => open(node.id, node.kind)}
              onKeyDown={event => event.key === 'Enter' && open(node.id, node.kind)}
            >
              <title>{`${node.kind}: ${showText(node.label)}\n${showText(node.detail ?? '')}`}</title>
              <rect width={at.width} height={BOX.height} rx={5} />
              <text x={10} y={17}>{words.get(node.id)![0]}</text>
              <text x={10} y={33} className="mlops-Node-kind">{words.get(node.id)![1]}</text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

// -- environment ---------------------------------------------------------------------------------------------------------

export function EnvironmentTab(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const others = useOthers(props);
  const [against, setAgainst] = React.useState(detail.previous?.run_id ?? '');
  const [search, setSearch] = React.useState('');
  const other = useLoad(async () => (against ? lab.api.run(against) : null), [against]);
  const mine = detail.environment;
  if (!mine) {
    return <p className="mlops-mute">{__('No environment was recorded.')}</p>;
  }
  const packages: Record<string, string> = mine['packages'] ?? {};
  const theirs: Record<string, string> | null = other.value?.environment?.['packages'] ?? null;
  const imported = new Set<string>(mine['imported'] ?? []);
  const changed = theirs ? [...new Set([...Object.keys(packages), ...Object.keys(theirs)])].filter(name => packages[name] !== theirs[name]).sort() : [];
  const names = Object.keys(packages).filter(name => name.toLowerCase().includes(search.toLowerCase())).sort((a, b) => Number(imported.has(b)) - Number(imported.has(a)) || a.localeCompare(b));
  const facts: [string, string][] = ['python', 'implementation', 'platform', 'machine', 'cpu', 'cpus']
    .filter(key => mine[key] !== undefined && mine[key] !== null)
    .map(key => [key, showValue(mine[key], 100)]);
  if (typeof mine['memory'] === 'number') {
    facts.push(['memory', showSize(mine['memory'])]);
  }
  (mine['gpu'] ?? []).forEach((gpu: unknown) => facts.push(['gpu', showValue(gpu, 100)]));
  const { git } = detail;
  return (
    <div className="mlops-Columns">
      <section>
        <h2>{__('Machine')}</h2>
        <table className="mlops-Table">
          <tbody>
            {facts.map(([key, value], index) => (
              <tr key={index}><th scope="row">{__(key)}</th><td>{value}</td></tr>
            ))}
          </tbody>
        </table>
        <h2>{__('Git')}</h2>
        {git ? (
          <table className="mlops-Table">
            <tbody>
              {['commit', 'branch', 'dirty', 'remote'].filter(key => git[key] !== undefined && git[key] !== null).map(key => (
                <tr key={key}><th scope="row">{__(key)}</th><td className="mlops-code">{showValue(git[key], 60)}</td></tr>
              ))}
            </tbody>
          </table>
        ) : (
          <p className="mlops-mute">{__('Not in a git repository.')}</p>
        )}
      </section>
      <section>
        <h2>{__('Packages')} <span className="mlops-Count">{Object.keys(packages).length}</span></h2>
        {others.length ? (
          <label className="mlops-Bar">
            {__('Against')}
            <select value={against} onChange={event => setAgainst(event.target.value)}>
              <option value="">{__('nothing')}</option>
              {others.map(each => (
                <option key={each.run_id} value={each.run_id}>{elide(showText(each.name), 30)} {each.revision > 1 ? `r${each.revision}` : shortId(each.run_id, 8)}</option>
              ))}
            </select>
          </label>
        ) : null}
        {theirs ? (
          changed.length ? (
            <table className="mlops-Table">
              <tbody>
                {changed.map(name => (
                  <tr key={name}><th scope="row">{name}</th><td className="mlops-code"><span className="mlops-mute">{theirs[name] ?? '–'} → </span><span className="mlops-changed">{packages[name] ?? '–'}</span></td></tr>
                ))}
              </tbody>
            </table>
          ) : (
            <p className="mlops-good">✓ {__('The same packages in the same versions.')}</p>
          )
        ) : null}
        <input className="mlops-Find" value={search} placeholder={__('Find a package')} aria-label={__('Find a package')} onChange={event => setSearch(event.target.value)} />
        <div className="mlops-Packages" tabIndex={0} role="list" aria-label={__('Packages')}>
          {names.map(name => (
            <span key={name} role="listitem" className={cls(imported.has(name) && 'mlops-imported')} title={imported.has(name) ? __('imported by the run') : undefined}>
              {name} <span className="mlops-mute">{packages[name]}</span>
            </span>
          ))}
        </div>
      </section>
    </div>
  );
}
