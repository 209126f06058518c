/** The left sidebar: runs of the notebook, the project or all; jobs, models and services below. */

import { ReactWidget, filterListIcon, refreshIcon } from '@jupyterlab/ui-components';
import { Menu, Widget } from '@lumino/widgets';
import React from 'react';

import { showText } from './format';
import { useSignal } from './hooks';
import type { Scope } from './list';
import { Button, Choices, Empty, Guard, Loading, Name, Popover, Trouble } from './parts';
import { PickedBar, RunRows } from './rows';
import { Search } from './search';
import { JobsSection, ModelsSection, ServicesSection, SweepsSection } from './sections';
import { Commands, ILab } from './tokens';
import type { Grouping } from './tree';
import type { IRun } from './wire';
import { __ } from './words';

export function makeSidebar(lab: ILab): Widget {
  const widget = ReactWidget.create(<Guard><Sidebar lab={lab} /></Guard>);
  widget.addClass('mlops-Sidebar-host');
  return widget;
}

export function Sidebar(props: { lab: ILab }): JSX.Element {
  const { lab } = props;
  const { list, feed } = lab;
  useSignal(list.changed, feed.state);
  const menu = (event: React.MouseEvent, run: IRun) => {
    event.preventDefault();
    event.stopPropagation();
    openMenu(lab, run, event.clientX, event.clientY);
  };
  return (
    <section className="mlops-Sidebar" aria-label={__('Runs and models')}>
      <header className="mlops-Sidebar-head">
        <div className="mlops-Bar">
          <h2>{__('Runs')}</h2>
          <span className="mlops-mute mlops-Total" aria-live="polite">
            {list.total === null ? '' : list.total.toLocaleString('en')}
          </span>
          <span className="mlops-grow" />
          <SavedFilters lab={lab} />
          <GroupBy lab={lab} />
          <ColumnChooser lab={lab} />
          <button type="button" className="mlops-Icon" title={__('All runs in a table')} aria-label={__('All runs in a table')} onClick={() => void lab.app.commands.execute(Commands.grid)}>
            <TableIcon />
          </button>
          <button type="button" className="mlops-Icon" title={__('Read again')} aria-label={__('Read again')} onClick={() => void (feed.ready ? list.reload() : feed.start())}>
            <refreshIcon.react tag="span" width="16px" height="16px" />
          </button>
        </div>
        <Choices<Scope>
          label={__('Runs of')}
          value={list.scope}
          options={[
            { value: 'notebook', label: __('Notebook'), title: list.notebook ? __('Runs of %1', list.notebook) : __('Runs of the notebook that is open') },
            feed.hello && feed.hello.store.kind !== 'folder'
              ? { value: 'project', label: __('All'), title: __('All runs of the store, whoever wrote them') }
              : { value: 'project', label: __('Project'), title: feed.hello ? showText(feed.hello.store.project) : undefined }
          ]}
          onChange={scope => list.setScope(scope)}
        />
        <Search
          text={list.text}
          words={list.words}
          refusal={list.refusal}
          onChange={text => list.setText(text)}
          values={async field => (await lab.api.values(field)).values}
        />
      </header>
      {feed.problem ? <Trouble text={feed.problem} retry={() => void feed.start()} /> : null}
      {!feed.problem && feed.notice ? <div className="mlops-Notice" role="status">{feed.notice}</div> : null}
      <div className="mlops-Sidebar-runs">{list.loaded && !list.rows.length ? <NoRuns lab={lab} /> : !list.loaded ? feed.problem ? null : <Loading rows={6} /> : <RunRows lab={lab} onMenu={menu} />}</div>
      <PickedBar lab={lab} />
      <div className="mlops-Sections">
        <SweepsSection lab={lab} />
        <JobsSection lab={lab} />
        <ModelsSection lab={lab} />
        <ServicesSection lab={lab} />
      </div>
    </section>
  );
}

function TableIcon(): JSX.Element {
  return (
    <svg width="16" height="16" viewBox="0 0 24 24" aria-hidden="true">
      <path className="jp-icon3" fill="#616161" d="M3 4h18v16H3V4zm2 2v3h14V6H5zm0 5v3h5v-3H5zm7 0v3h7v-3h-7zm-7 5v2h5v-2H5zm7 0v2h7v-2h-7z" />
    </svg>
  );
}

/** Why there is nothing, and what to do. */
function NoRuns(props: { lab: ILab }): JSX.Element | null {
  const { list, feed, app } = props.lab;
  if (list.refusal || feed.problem) {
    return null;
  }
  if (list.text.trim()) {
    return (
      <Empty title={__('Nothing fits')}>
        <p>{__('No run fits this search.')}</p>
        <Button small label={__('Clear the search')} onClick={() => list.setText('')} />
        {list.scope === 'notebook' ? <Button small label={__('Search the whole project')} onClick={() => list.setScope('project')} /> : null}
      </Empty>
    );
  }
  if (list.scope === 'notebook' && !list.notebook) {
    return (
      <Empty title={__('No notebook is open')}>
        <p>{__('Its runs will stand here, and follow the notebook that you are in.')}</p>
        <Button small label={__('Show the runs of the project')} onClick={() => list.setScope('project')} />
      </Empty>
    );
  }
  return (
    <Empty title={__('No runs yet')}>
      <p>{__('Load mlops_nb in a notebook, then put one line on top of a cell:')}</p>
      <pre>%load_ext mlops_nb</pre>
      <pre>%%track</pre>
      <p>{__('Each time that the cell runs, its params, metrics, code, data and outputs are kept, and stand here.')}</p>
      <Button
        small
        main
        label={__('Track the active cell')}
        disabled={!list.notebook || !app.commands.hasCommand(Commands.trackCell)}
        title={list.notebook ? undefined : __('Open a notebook first')}
        onClick={() => void app.commands.execute(Commands.trackCell)}
      />
      {list.scope === 'notebook' ? <Button small label={__('Show the runs of the project')} onClick={() => list.setScope('project')} /> : null}
    </Empty>
  );
}

function GroupBy(props: { lab: ILab }): JSX.Element {
  const { list } = props.lab;
  const options: [Grouping, string][] = [
    ['none', __('No groups')],
    ['notebook', __('Notebook')],
    ['cell', __('Cell')],
    ['experiment', __('Experiment')],
    ['sweep', __('Sweep or parent')]
  ];
  return (
    <Popover label={__('Group by')} icon={<TreeIcon />} badge={undefined}>
      {close => (
        <fieldset className="mlops-Options">
          <legend>{__('Group by')}</legend>
          {options.map(([value, label]) => (
            <label key={value}>
              <input
                type="radio"
                name="mlops-group"
                checked={list.grouping === value}
                onChange={() => {
                  list.setGrouping(value);
                  close();
                }}
              />
              {label}
            </label>
          ))}
        </fieldset>
      )}
    </Popover>
  );
}

function TreeIcon(): JSX.Element {
  return (
    <svg width="16" height="16" viewBox="0 0 24 24" aria-hidden="true">
      <path className="jp-icon3" fill="#616161" d="M3 4h8v4H8v3h5v-1h8v4h-8v-1H8v5h5v-1h8v4h-8v-1H6V8H3V4z" />
    </svg>
  );
}

function ColumnChooser(props: { lab: ILab }): JSX.Element {
  const { list } = props.lab;
  const metrics = list.words?.metrics ?? list.metrics;
  const params = list.words?.params ?? list.params;
  const toggle = (column: string) =>
    list.setColumns(list.columns.includes(column) ? list.columns.filter(each => each !== column) : [...list.columns, column]);
  const group = (title: string, columns: string[]) =>
    columns.length ? (
      <fieldset className="mlops-Options">
        <legend>{title}</legend>
        {columns.slice(0, 60).map(column => (
          <label key={column}>
            <input type="checkbox" checked={list.columns.includes(column)} onChange={() => toggle(column)} />
            <Name text={column.slice(column.indexOf('.') + 1)} limit={28} />
          </label>
        ))}
      </fieldset>
    ) : null;
  return (
    <Popover
      label={__('Choose what rows show')}
      icon={
        <svg width="16" height="16" viewBox="0 0 24 24" aria-hidden="true">
          <path className="jp-icon3" fill="#616161" d="M4 4h4v16H4V4zm6 0h4v16h-4V4zm6 0h4v16h-4V4zM6 6v12h0V6z" />
        </svg>
      }
    >
      {() => (
        <div>
          <div className="mlops-Bar">
            <span className="mlops-mute">{list.columns.length ? __('%1 chosen', list.columns.length) : __('The key metrics')}</span>
            <span className="mlops-grow" />
            <Button small label={__('Key metrics')} disabled={!list.columns.length} onClick={() => list.setColumns([])} />
          </div>
          {group(__('Metrics'), metrics.map(key => `metrics.${key}`))}
          {group(__('Params'), params.map(key => `params.${key}`))}
          {group(__('Run'), ['run.experiment', 'run.user', 'run.stage'])}
        </div>
      )}
    </Popover>
  );
}

function SavedFilters(props: { lab: ILab }): JSX.Element {
  const { list } = props.lab;
  const text = list.text.trim();
  return (
    <Popover label={__('Saved searches')} icon={<filterListIcon.react tag="span" width="16px" height="16px" />}>
      {close => (
        <div className="mlops-Saved">
          {text ? (
            <Button
              small
              main={!list.saved.includes(text)}
              label={list.saved.includes(text) ? __('Forget this search') : __('Save this search')}
              onClick={() => list.toggleSaved(text)}
            />
          ) : null}
          {list.saved.length ? (
            <ul>
              {list.saved.map(each => (
                <li key={each}>
                  <button
                    type="button"
                    className="mlops-Link"
                    onClick={() => {
                      list.setText(each);
                      close();
                    }}
                  >
                    <Name text={each} limit={60} />
                  </button>
                  <button type="button" className="mlops-Icon" aria-label={__('Forget %1', each)} onClick={() => list.toggleSaved(each)}>
                    ×
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <p className="mlops-mute">{__('Searches that you save stand here.')}</p>
          )}
          {list.words?.examples?.length ? (
            <>
              <p className="mlops-mute">{__('For instance')}</p>
              <ul>
                {list.words.examples.slice(0, 4).map(each => (
                  <li key={each}>
                    <button
                      type="button"
                      className="mlops-Link mlops-code"
                      onClick={() => {
                        list.setText(each);
                        close();
                      }}
                    >
                      {each}
                    </button>
                  </li>
                ))}
              </ul>
            </>
          ) : null}
        </div>
      )}
    </Popover>
  );
}

/** The menu of a run, JupyterLab's own. */
export function openMenu(lab: ILab, run: IRun, x: number, y: number): void {
  const menu = new Menu({ commands: lab.app.commands });
  const args = { run: run.run_id };
  menu.addItem({ command: Commands.openRun, args });
  if (lab.list.picked.length > 1 && lab.list.picked.includes(run.run_id)) {
    menu.addItem({ command: Commands.compare, args: { runs: lab.list.picked } });
  }
  menu.addItem({ type: 'separator' });
  for (const command of [Commands.rerun, Commands.reproduce, Commands.restore, Commands.register]) {
    menu.addItem({ command, args });
  }
  menu.addItem({ type: 'separator' });
  if (run.status === 'RUNNING') {
    menu.addItem({ command: Commands.stop, args });
  }
  menu.addItem({ command: Commands.copyId, args });
  menu.addItem({ command: Commands.trash, args: { runs: lab.list.picked.includes(run.run_id) ? lab.list.picked : [run.run_id] } });
  menu.open(x, y);
}
