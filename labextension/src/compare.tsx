/** Two to fifty runs side by side. */

import React from 'react';

import { Chart, colorOf, ISeries, useChartControls } from './chart';
import { Unified } from './code';
import { attempt } from './commands';
import { asNumber, elide, shortId, showText } from './format';
import { useLoad } from './hooks';
import type { IPageProps } from './pages';
import { Button, cls, Empty, Loading, Name, Paper, StatusMark, Trouble } from './parts';
import { Importance, Parallel, Scatter } from './plots';
import { useChanges } from './run';
import { Commands, ILab } from './tokens';
import type { ICompare } from './wire';
import { __ } from './words';

type Tab = 'table' | 'curves' | 'plots' | 'code' | 'outputs';

export function ComparePage(props: IPageProps): JSX.Element {
  const { lab } = props;
  const [runs, setRuns] = React.useState<string[]>((props.args['runs'] as string[]) ?? []);
  const [tab, setTab] = React.useState<Tab>('table');
  const load = useLoad(() => lab.api.compare(runs), [runs.join()]);
  useChanges(lab, runs, load.reload);
  React.useEffect(() => props.setTitle(__('Compare %1', runs.length), __('Comparison of %1 runs', runs.length)), [runs.length]);
  const found = load.value;
  if (!found) {
    return <div className="mlops-Page">{load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={8} />}</div>;
  }
  const tabs: [Tab, string][] = [
    ['table', __('Differences')],
    ['curves', __('Curves')],
    ['plots', __('Plots')],
    ['code', __('Code')],
    ['outputs', __('Outputs')]
  ];
  const keys = (event: React.KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step) {
      const next = (tabs.findIndex(([id]) => id === tab) + step + tabs.length) % tabs.length;
      setTab(tabs[next][0]);
      (event.currentTarget.children[next] as HTMLElement).focus();
      event.preventDefault();
    }
  };
  return (
    <article className="mlops-Page mlops-ComparePage" aria-label={__('Comparison of runs')}>
      {load.error ? <Trouble text={load.error} retry={load.reload} /> : null}
      <header className="mlops-RunHead">
        <div className="mlops-RunHead-title">
          <h1>{__('%1 runs', found.runs.length)}</h1>
          <span className="mlops-grow" />
          <Button
            label={__('Export as HTML')}
            title={__('One file that needs nothing else')}
            onClick={() => void attempt(() => lab.api.download('compare.html', { runs }, `compare-${shortId(runs[0], 8)}.html`))}
          />
        </div>
        <Keys lab={lab} found={found} remove={runs.length > 2 ? id => setRuns(runs.filter(each => each !== id)) : null} />
      </header>
      <div className="mlops-Tabs" role="tablist" aria-label={__('Parts of the comparison')} onKeyDown={keys}>
        {tabs.map(([id, label]) => (
          <button key={id} type="button" role="tab" aria-selected={tab === id} tabIndex={tab === id ? 0 : -1} className={cls(tab === id && 'mlops-on')} onClick={() => setTab(id)}>
            {label}
          </button>
        ))}
      </div>
      <div className="mlops-Tab" role="tabpanel" tabIndex={0} aria-label={tabs.find(([id]) => id === tab)![1]}>
        {tab === 'table' ? <Sections found={found} /> : tab === 'curves' ? <Curves found={found} /> : tab === 'plots' ? <Plots found={found} /> : tab === 'code' ? <CodeBlocks found={found} /> : <SideBySide found={found} />}
      </div>
    </article>
  );
}

function Keys(props: { lab: ILab; found: ICompare; remove: ((id: string) => void) | null }): JSX.Element {
  return (
    <ul className="mlops-Keys" aria-label={__('Runs')}>
      {props.found.runs.map((run, index) => (
        <li key={run.run_id}>
          <i style={{ background: colorOf(index) }} aria-hidden="true" />
          <StatusMark status={run.status} />
          <button type="button" className="mlops-Link" onClick={() => void props.lab.app.commands.execute(Commands.openRun, { run: run.run_id })}>
            <Name text={run.name} limit={30} />
          </button>
          <code className="mlops-mute">{run.short}</code>
          {props.remove ? (
            <button type="button" className="mlops-Icon" aria-label={__('Take %1 out', showText(run.name))} onClick={() => props.remove!(run.run_id)}>×</button>
          ) : null}
        </li>
      ))}
    </ul>
  );
}

function Sections(props: { found: ICompare }): JSX.Element {
  const { found } = props;
  const [all, setAll] = React.useState(false);
  const sections = found.sections
    .map(section => ({ ...section, shown: section.rows.filter(row => all || row.differs), same: section.rows.filter(row => !row.differs).length }))
    .filter(section => section.rows.length);
  const alike = sections.filter(section => !section.shown.length && section.same);
  const limit = Math.max(20, Math.floor(72 / found.runs.length)); // so that the runs stand beside each other; a tooltip has the rest
  return (
    <div>
      <div className="mlops-Controls">
        <label>
          <input type="checkbox" checked={!all} onChange={() => setAll(!all)} />
          {__('Only what differs')}
        </label>
      </div>
      {sections.some(section => section.shown.length) ? (
        <div className="mlops-Scroll" tabIndex={0}>
          <table className="mlops-Table mlops-Side">
            <thead>
              <tr>
                <td />
                {found.runs.map((run, index) => (
                  <th key={run.run_id} scope="col">
                    <i style={{ background: colorOf(index) }} aria-hidden="true" /> <Name text={run.name} limit={24} />
                    <br />
                    <code className="mlops-mute">{run.short}</code>
                  </th>
                ))}
              </tr>
            </thead>
            {sections.filter(section => section.shown.length).map(section => (
              <tbody key={section.title}>
                <tr className="mlops-Side-section">
                  <th colSpan={found.runs.length + 1} scope="rowgroup">
                    {__(section.title)} {!all && section.same ? <span className="mlops-mute">({__('%1 the same', section.same)})</span> : null}
                  </th>
                </tr>
                {section.shown.map(row => (
                  <tr key={row.name}>
                    <th scope="row"><Name text={row.name} limit={40} /></th>
                    {row.cells.map((cell, index) => (
                      <td key={index} title={showText(cell.title || (cell.text.length > limit ? cell.text : '')) || undefined} className={cls(cell.differs && 'mlops-differs')}>
                        <span className={cls(cell.differs && row.differs && 'mlops-changed')}>{elide(showText(cell.text), limit) || '–'}</span>
                        {cell.change ? <span className={`mlops-Delta mlops-${cell.trend ?? 'neutral'}`}> {cell.change}</span> : null}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        </div>
      ) : (
        <Empty title={__('Nothing differs')}>
          <p>{__('These runs agree in all that was recorded.')}</p>
        </Empty>
      )}
      {alike.length && !all ? <p className="mlops-mute">{__('The same: %1', alike.map(section => `${__(section.title)} (${section.same})`).join(', '))}</p> : null}
    </div>
  );
}

function Curves(props: { found: ICompare }): JSX.Element {
  const { found } = props;
  const { log, weight, controls } = useChartControls(false);
  const names = Object.keys(found.curves).filter(name => Object.values(found.curves[name]).some(curve => curve.count > 1));
  const all = React.useMemo(
    () =>
      Object.fromEntries(
        names.map(name => [
          name,
          found.runs.flatMap((run, index): ISeries[] => {
            const curve = found.curves[name][run.run_id];
            return curve ? [{ name: `${run.name} ${run.short}`, color: colorOf(index), steps: curve.steps, values: curve.values.map(asNumber) }] : [];
          })
        ])
      ),
    [found]
  );
  return names.length ? (
    <div>
      {controls}
      <div className="mlops-Charts">
        {names.map(name => (
          <div key={name} className="mlops-Chart-cell">
            <Chart title={name} series={all[name]} log={log} weight={weight} height={260} />
          </div>
        ))}
      </div>
    </div>
  ) : (
    <Empty title={__('No curves')}>
      <p>{__('None of these runs logged a metric several times.')}</p>
    </Empty>
  );
}

function Plots(props: { found: ICompare }): JSX.Element {
  const { rows, axes, importance } = props.found;
  if (!axes.metrics.length && !axes.params.length) {
    return (
      <Empty title={__('Nothing to plot')}>
        <p>{__('These runs have no params or metrics that differ.')}</p>
      </Empty>
    );
  }
  return (
    <div>
      <h2>{__('Parallel coordinates')}</h2>
      <Parallel rows={rows} axes={[...axes.params.map(key => `params.${key}`), ...axes.metrics.map(key => `metrics.${key}`)].slice(0, 9)} />
      <div className="mlops-Columns">
        <section>
          <h2>{__('Scatter')}</h2>
          <Scatter rows={rows} params={axes.params} metrics={axes.metrics} />
        </section>
        {importance.length ? (
          <section>
            <h2>{__('Importance')}</h2>
            <Importance items={importance} />
          </section>
        ) : null}
      </div>
    </div>
  );
}

function CodeBlocks(props: { found: ICompare }): JSX.Element {
  return props.found.blocks.length ? (
    <div>
      {props.found.blocks.map((block, index) => (
        <section key={index}>
          <h2>{showText(block.title)}</h2>
          {block.diff.trim() ? <Unified text={block.diff} /> : <p className="mlops-mute">{__('The code is the same.')}</p>}
        </section>
      ))}
    </div>
  ) : (
    <Empty title={__('The code is the same')} />
  );
}

/** Tables of outputs as notebooks have them. */
const TABLES =
  'html{font:12px system-ui}.dataframe,.dataframe :is(td,th){border:0;border-collapse:collapse}.dataframe thead tr{border-bottom:1px solid #8888}' +
  '.dataframe :is(td,th){padding:3px 8px;text-align:right!important;white-space:nowrap}.dataframe tbody tr:nth-child(odd){background:#88888814}';

function SideBySide(props: { found: ICompare }): JSX.Element {
  const { outputs } = props.found;
  return outputs.some(output => output.parts.length) ? (
    <div className="mlops-SideOutputs">
      {outputs.map((output, index) => (
        <section key={index}>
          <h2><i style={{ background: colorOf(index) }} aria-hidden="true" /> <Name text={output.name} limit={40} /></h2>
          {output.parts.map((part, at) =>
            part.kind === 'image' ? (
              <img key={at} alt={__('Output %1 of %2', at + 1, showText(output.name))} src={part.data.startsWith('data:') ? part.data : `data:${part.mime ?? 'image/png'};base64,${part.data}`} />
            ) : part.kind === 'html' ? (
              <Paper key={at} look={TABLES} html={part.data} title={__('Output %1 of %2', at + 1, showText(output.name))} />
            ) : (
              <pre key={at} className="mlops-Text" tabIndex={0}>{part.data}</pre>
            )
          )}
          {output.parts.length ? null : <p className="mlops-mute">{__('nothing')}</p>}
        </section>
      ))}
    </div>
  ) : (
    <Empty title={__('No outputs')}>
      <p>{__('None of these runs displayed anything.')}</p>
    </Empty>
  );
}
